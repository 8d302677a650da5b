import { newId } from '@soko/common';
import { ApiClient, PASSWORD } from '@soko/testing';
import type { Browser, Page } from 'playwright-core';
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
async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<{ page: Page; faults: string[] }> {
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
  return { page, faults };
}

async function order(page: Page): Promise<void> {
  const phone = page.getByRole('log', { name: 'Conversation on the phone' });
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.fill('hi');
  await message.press('Enter');
  await phone.getByRole('button', { name: 'See products' }).click();
  await page.getByRole('dialog').getByText('Maize meal 10 kg').click();
  await phone.getByRole('button', { name: '2', exact: true }).click();
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
    expect(await page.locator('#phone-log use[href="#i-delivered"]').count()).toBe(5);
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
