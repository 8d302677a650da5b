import { newId } from '@soko/common';
import { ApiClient, PASSWORD, until } from '@soko/testing';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasBrowser, openBrowser, shoot } from './support/browser.js';
import { openShop, phoneMessages, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { expectWebhooks, settled } from './support/verdict.js';

const PHONE = '+263771234567';
const HOME = { latitude: -17.8292, longitude: 31.0522 };
const ADDRESS = '12 Samora Machel Ave';

let env: TestStack;
let browser: Browser | undefined;
beforeAll(async () => {
  env = await startTestStack();
  if (hasBrowser) browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await env.stop();
});

interface Delivery {
  id: string;
  orderId: string;
  status: string;
}

/** A shop with a driver, and an order of two units that is confirmed. */
async function setup() {
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 10 });
  const { client, productId } = shop;
  const hire = async (name: string) => {
    const email = `${newId()}@example.com`;
    const { id } = await client.ok<{ id: string }>('POST', '/api/users', { email, name, role: 'driver', password: PASSWORD });
    return { id, client: await ApiClient.signIn(env.baseUrl, email) };
  };
  const driver = await hire('Tapiwa Moyo');
  const { id: orderId } = await client.ok<{ id: string }>('POST', '/api/orders', {
    customer: { phone: PHONE, name: 'Rudo' },
    items: [{ productId, quantity: 2 }],
    delivery: { address: ADDRESS, location: HOME },
  });
  const delivery = await until('the delivery', async () => {
    const { data } = await client.ok<{ data: Delivery[] }>('GET', '/api/deliveries');
    return data[0];
  });
  const path = `/api/deliveries/${delivery.id}`;
  return {
    shop,
    driver,
    hire,
    orderId,
    path,
    assign: () => client.ok('POST', `${path}/assign`, { driverId: driver.id }),
    /** The newest message about the way, on the customer's phone. */
    told: () => lastAboutWay(shop),
    /** As if ten seconds had gone by. */
    tick: () =>
      env.db.query(`UPDATE delivery_tasks SET located_at = located_at - interval '10 seconds' WHERE id = $1`, [delivery.id]),
  };
}

function lastAboutWay(shop: Shop): Promise<{ text: string; code: string; link: string }> {
  return until('the message with code and link', async () => {
    const texts = (await phoneMessages(env.db, shop.channelId)).get(PHONE) ?? [];
    const text = texts.findLast((each) => each.includes('/track/'));
    const [, code, link] = /the code (\d{4})\..*?(http\S+)/s.exec(text ?? '') ?? [];
    return text && code && link ? { text, code, link } : undefined;
  });
}

test('from the shop to the door: the customer follows it, the code proves it, stock and partners know', async () => {
  const { shop, driver, hire, orderId, path, assign, told, tick } = await setup();
  const { client } = shop;
  await assign();
  const other = await hire('Chipo');
  expect((await driver.client.ok<{ data: Delivery[] }>('GET', '/api/deliveries')).data).toHaveLength(1);
  expect((await other.client.ok<{ data: Delivery[] }>('GET', '/api/deliveries')).data).toEqual([]);
  for (const [method, at, body] of [
    ['GET', path],
    ['POST', `${path}/start`],
    ['POST', `${path}/location`, HOME],
    ['POST', `${path}/complete`, { code: '0000' }],
    ['POST', `${path}/fail`, { reason: 'x' }],
  ] as [string, string, unknown?][])
    expect((await other.client.call(method, at, body)).status, at).toBe(404);
  expect((await driver.client.call('POST', `${path}/assign`, { driverId: other.id })).status).toBe(403);

  await driver.client.ok('POST', `${path}/start`);
  const { text, code, link } = await told();
  expect(text).toMatch(/^Order #1 is on its way\n\nHello Rudo, Tapiwa Moyo has set out to you\./);
  expect(link.startsWith(`${env.baseUrl}/track/`)).toBe(true);
  expect(await client.ok('GET', `/api/orders/${orderId}`)).toMatchObject({ status: 'out_for_delivery' });

  const locate = (latitude: number, longitude: number) =>
    driver.client.ok('POST', `${path}/location`, { latitude, longitude, accuracy: 8 });
  expect(await locate(-17.8, 31.03)).toEqual({ kept: true });
  expect(await locate(-17.81, 31.04)).toEqual({ kept: false });
  await tick();
  expect(await locate(-17.82, 31.045)).toEqual({ kept: true });
  const state = await fetch(`${link}/state`);
  expect(await state.json()).toMatchObject({
    status: 'in_transit',
    distanceMeters: expect.any(Number),
    minutes: expect.any(Number),
  });
  const again = await fetch(`${link}/state`, { headers: { 'if-none-match': state.headers.get('etag')! } });
  expect(again.status).toBe(304);

  const wrong = code === '0000' ? '1111' : '0000';
  const refused = await driver.client.call('POST', `${path}/complete`, { code: wrong }, { 'idempotency-key': newId() });
  expect(refused).toMatchObject({ status: 422, body: { code: 'wrong_code', detail: expect.stringContaining('4 tries left') } });
  expect((await driver.client.call('POST', `${path}/complete`, { code: wrong })).body.detail).toContain('3 tries left');
  const key = { 'idempotency-key': newId() };
  const done = await driver.client.call('POST', `${path}/complete`, { code }, key);
  expect(done).toMatchObject({ status: 200, body: { status: 'delivered', proof: 'code' } });
  const replayed = await driver.client.call('POST', `${path}/complete`, { code }, key);
  expect(replayed.headers.get('idempotent-replayed')).toBe('true');
  expect((await driver.client.call('POST', `${path}/start`)).body.code).toBe('invalid_transition');
  expect(await client.ok('GET', `/api/orders/${orderId}`)).toMatchObject({
    status: 'delivered',
    delivery: { status: 'delivered' },
  });
  expect(await client.ok('GET', `/api/products/${shop.productId}`)).toMatchObject({ stock: 8, available: 8 });

  await settled(env.db);
  await expectWebhooks(env.db, shop);
  const bodies = shop.receiver.calls.map((call) => call.body);
  const types = bodies.map((body) => (JSON.parse(body) as { type: string }).type);
  expect(types).toEqual(expect.arrayContaining(['delivery_assigned', 'delivery_started', 'delivery_completed']));
  expect(types.filter((type) => type === 'delivery_completed')).toHaveLength(1);
  // The message was told of, the code in it was not.
  const sent = bodies.find((body) => body.includes('"message_sent"') && body.includes('Order #1 is on its way'));
  expect(sent).toContain('the code ••••.');
  const texts = (await phoneMessages(env.db, shop.channelId)).get(PHONE)!;
  expect(texts.filter((each) => each.includes('#1 is on its way') || each.includes('out for delivery'))).toHaveLength(1);

  await env.db.query(`UPDATE delivery_tasks SET closed_at = closed_at - interval '1 day' WHERE order_id = $1`, [orderId]);
  const dead = await fetch(link);
  expect([dead.status, await dead.text()]).toEqual([404, expect.stringContaining('This link has ended')]);
  expect((await fetch(`${link}/state`)).status).toBe(404);
  await shop.receiver.close();
});

test('a photo is taken at the door by the driver, who may do nothing else with files', async () => {
  const { shop, driver, path, assign } = await setup();
  await assign();
  await driver.client.ok('POST', `${path}/start`);
  const bytes = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'green' } })
    .jpeg()
    .toBuffer();
  const photo = { filename: 'door.jpg', mimeType: 'image/jpeg', data: bytes.toString('base64') };
  expect((await driver.client.call('POST', '/api/media/upload', photo)).status).toBe(403);
  const { id: mediaId } = await driver.client.ok<{ id: string }>('POST', `${path}/photo`, photo);
  await driver.client.ok('POST', `${path}/complete`, { mediaId });
  expect(await shop.client.ok('GET', path)).toMatchObject({ status: 'delivered', proof: 'photo', photoId: mediaId });
  expect((await shop.client.call('DELETE', `/api/media/${mediaId}`)).body).toMatchObject({ code: 'media_in_use' });
  await shop.receiver.close();
});

test.skipIf(!hasBrowser)(
  'the customer’s page is live, private, and reads in their language, with and without scripts',
  async () => {
    const { shop, driver, path, assign, told, tick } = await setup();
    await assign();
    await driver.client.ok('POST', `${path}/start`);
    const { code, link } = await told();
    const open = async (options: Parameters<Browser['newContext']>[0]) => {
      const page = await (await browser!.newContext({ viewport: { width: 390, height: 844 }, ...options })).newPage();
      page.setDefaultTimeout(20_000);
      const faults: string[] = [];
      const asked: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('request', (request) => asked.push(request.url()));
      const answer = await page.goto(link);
      return { page, faults, asked, answer: answer! };
    };
    const { page, faults, asked, answer } = await open({ locale: 'en-ZW' });
    const headers = await answer.allHeaders();
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex, nofollow',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'sha256-/),
    });
    await page.getByText('The driver’s position is not known yet.').waitFor();
    await page.evaluate('window.loadedOnce = true');
    for (const [latitude, longitude] of [
      [-17.8, 31.03],
      [-17.803, 31.041],
      [-17.812, 31.043],
      [-17.82, 31.045],
    ]) {
      await driver.client.ok('POST', `${path}/location`, { latitude, longitude });
      await tick();
    }
    await page.getByRole('img', { name: 'Sketch of the way to you' }).waitFor();
    await page.getByText('Tapiwa is on the way to you.').waitFor();
    await page.getByText(/About 1\.3 km away, about \d+ minutes/).waitFor();
    await shoot(page, 'tracking');
    const html = await page.content();
    for (const secret of [PHONE, PHONE.slice(1), ADDRESS, 'Moyo', String(HOME.latitude), 'Rudo'])
      expect(html).not.toContain(secret);
    expect(html).not.toMatch(new RegExp(`\\b${code}\\b`));

    const arabic = await open({ locale: 'ar', colorScheme: 'dark' });
    expect(await arabic.page.locator('html').getAttribute('dir')).toBe('rtl');
    await arabic.page.getByText('Tapiwa في الطريق إليك.').waitFor();
    await shoot(arabic.page, 'tracking-arabic-dark');
    const plain = await open({ locale: 'fr-CI', javaScriptEnabled: false });
    await plain.page.getByText('Tapiwa est en route vers vous.').waitFor();
    expect(await plain.page.content()).toContain('http-equiv="refresh"');

    await driver.client.ok('POST', `${path}/complete`, { code });
    await page.getByText('Your order has been delivered. Enjoy!').waitFor();
    expect(await page.locator('svg').count()).toBe(0);
    await shoot(page, 'tracking-delivered');
    // Live, and not by being loaded again.
    expect(await page.evaluate('window.loadedOnce')).toBe(true);
    expect(asked.every((url) => url === link || url === `${link}/state` || url.startsWith('data:'))).toBe(true);
    expect([...faults, ...arabic.faults, ...plain.faults]).toEqual([]);
    await shop.receiver.close();
  },
);
