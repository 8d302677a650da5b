import { newId } from '@soko/common';
import { ApiClient, PASSWORD } from '@soko/testing';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasBrowser, openBrowser, shoot } from './support/browser.js';
import { startTestStack, type TestStack } from './support/stack.js';

let env: TestStack;
let browser: Browser;
beforeAll(async () => {
  if (!hasBrowser) return;
  env = await startTestStack();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await env?.stop();
});

/** Signs a fresh merchant in and gives it a channel by the page itself. */
async function open(
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; faults: string[]; owner: ApiClient }> {
  const email = `${newId()}@example.com`;
  const session = await new ApiClient(env.baseUrl).ok<{ accessToken: string }>('POST', '/api/auth/register', {
    email,
    password: PASSWORD,
    name: 'Owner',
    merchant: { name: 'Mbare Market' },
  });
  const owner = new ApiClient(env.baseUrl, session.accessToken);
  await owner.ok('POST', '/api/products', {
    sku: 'M10',
    name: 'Maize meal 10 kg',
    price: { amount: 650, currency: 'USD' },
    stock: 9,
  });
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })).newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(`${env.baseUrl}/simulator`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Create the channel' }).click();
  await page.getByText('online').waitFor();
  return { page, faults, owner };
}

async function order(page: Page): Promise<void> {
  const phone = page.getByRole('log', { name: 'Conversation on the phone' });
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.fill('hi');
  await message.press('Enter');
  await phone.getByRole('button', { name: 'See products' }).click();
  await page.getByRole('dialog').getByText('Maize meal 10 kg').click();
  await phone.getByRole('button', { name: '2', exact: true }).click();
  await phone.getByRole('button', { name: 'Checkout' }).click();
  await phone.getByText('Where shall we deliver?').waitFor();
  await message.fill('12 Samora Machel Ave <b>Harare</b>');
  await message.press('Enter');
  await phone.getByRole('button', { name: 'Confirm' }).click();
  await phone.getByText('is confirmed', { exact: false }).first().waitFor();
}

test.skipIf(!hasBrowser)(
  'a customer orders in the browser by tapping, and sees the ticks; the merchant sees the order',
  async () => {
    const { page, faults } = await open();
    await order(page);
    await page.getByText('#1', { exact: true }).waitFor();
    await page.getByRole('list', { name: 'Latest orders' }).getByText('confirmed').waitFor();
    // What the customer wrote is text, on both sides.
    expect(await page.getByText('12 Samora Machel Ave <b>Harare</b>', { exact: true }).count()).toBe(2);
    // Every message that the customer wrote ends with two blue ticks.
    await expect.poll(() => page.locator('#phone-log use[href="#i-sent"]').count()).toBe(0);
    expect(await page.locator('#phone-log use[href="#i-delivered"]').count()).toBe(6);
    await shoot(page, 'desktop');
    await page.reload();
    await page
      .getByRole('log', { name: 'Conversation on the phone' })
      .getByText('is confirmed', { exact: false })
      .first()
      .waitFor();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'the page goes on by itself after the api was away, and sends what was written meanwhile once',
  async () => {
    const { page } = await open({ colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    const phone = page.getByRole('log', { name: 'Conversation on the phone' });
    await env.stack.children.api.stop();
    await page.getByText('reconnecting…').waitFor();
    const message = page.getByRole('textbox', { name: 'Message' });
    await message.fill('hi');
    await message.press('Enter');
    await env.stack.children.api.start();
    await phone.getByRole('button', { name: 'See products' }).waitFor();
    await shoot(page, 'mobile-dark');
    expect(await phone.getByRole('button', { name: 'See products' }).count()).toBe(1);
  },
);

const picture = (width: number): Promise<Buffer> =>
  sharp({ create: { width, height: 90, channels: 3, background: 'orange' } })
    .png()
    .toBuffer();

/** Pictures in a log that the browser has really drawn, and how wide they are. */
const drawn = (page: Page, log: string): Promise<number[]> =>
  page
    .getByRole('log', { name: log })
    .locator('img')
    .evaluateAll((images) =>
      (images as unknown as { naturalWidth: number }[]).map(({ naturalWidth }) => naturalWidth).filter((width) => width > 0),
    );

test.skipIf(!hasBrowser)('pictures go both ways, and both sides see them; what is no picture is refused', async () => {
  const { page, faults, owner } = await open();
  const attach = async (buffer: Buffer) => {
    await page.getByRole('button', { name: 'Attach photo' }).click();
    const dialog = page.getByRole('dialog', { name: 'Send a photo' });
    await dialog.getByLabel('Photo').setInputFiles({ name: 'house.png', mimeType: 'image/png', buffer });
    await dialog.getByLabel('Caption').fill('My house');
    await dialog.getByRole('button', { name: 'Send photo' }).click();
  };
  await attach(await picture(120));
  const merchant = 'Chat as the merchant sees it';
  await expect.poll(() => drawn(page, merchant)).toEqual([120]);

  const { data: channels } = await owner.ok<{ data: { id: string }[] }>('GET', '/api/channels');
  const file = { filename: 'maize.png', mimeType: 'image/png', data: (await picture(150)).toString('base64') };
  const { id: mediaId } = await owner.ok<{ id: string }>('POST', '/api/media/upload', file);
  const to = { to: '+263771234567', channelId: channels[0]!.id };
  await owner.ok('POST', '/api/whatsapp/send', { ...to, type: 'media', media: { mediaId, caption: 'Fresh today' } });
  await expect.poll(() => drawn(page, 'Conversation on the phone')).toEqual([120, 150]);
  await expect.poll(() => drawn(page, merchant)).toEqual([120, 150]);

  // From another browser there are no copies of its own: the phone shows what the store has.
  await page.evaluate(`localStorage.removeItem('soko.simulator.photos')`);
  await page.reload();
  await expect.poll(() => drawn(page, 'Conversation on the phone')).toEqual([120, 150]);
  expect(faults).toEqual([]);

  await attach(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'));
  await page.getByText('are not taken', { exact: false }).waitFor();
});
