import { createHmac } from 'node:crypto';
import { newId } from '@soko/common';
import { ApiClient, parallel } from '@soko/testing';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop, phoneMessages, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';

const PHONE = '+263771234567';

let env: TestStack;
let shop: Shop;
let secret: string;
let sku: string;
beforeAll(async () => {
  env = await startTestStack({
    RATE_LIMIT_ENABLED: 'true',
    RATE_LIMIT_IP: '100000',
    RATE_LIMIT_AUTH: '1000',
    RATE_LIMIT_TRIAL_API: '8',
  });
  shop = await openShop(env.baseUrl, { name: 'Rice', stock: 5 });
  ({ secret } = await shop.client.ok<{ secret: string }>('POST', '/api/merchant/inbound-secret'));
  ({ sku } = await shop.client.ok<{ sku: string }>('GET', `/api/products/${shop.productId}`));
});
afterAll(async () => {
  await shop?.receiver.close();
  await env?.stop();
});

interface Call {
  id?: string;
  merchantId?: string;
  by?: string;
  at?: Date;
  headers?: Record<string, string>;
}
interface Answered {
  status: number;
  replayed: boolean;
  retryAfter: string | null;
  body: { code?: string; result: Record<string, unknown>; errors?: { path: string; message: string }[] } & Record<
    string,
    unknown
  >;
}

async function post(body: string, headers: Record<string, string>): Promise<Answered> {
  const answer = await fetch(`${env.baseUrl}/webhooks/bot`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return {
    status: answer.status,
    replayed: answer.headers.get('idempotent-replayed') === 'true',
    retryAfter: answer.headers.get('retry-after'),
    body: (await answer.json()) as Answered['body'],
  };
}

/** Signed by the official library. */
function signed(body: string, { id = newId(), by = secret, at = new Date() }: Call = {}) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(by).sign(id, at, body),
  };
}
function call(event_type: string, payload: object, { merchantId = shop.merchantId, ...how }: Call = {}): Promise<Answered> {
  const body = JSON.stringify({ event_type, payload, merchant_id: merchantId });
  return post(body, { ...signed(body, how), ...how.headers });
}
const stock = async (): Promise<number> =>
  (await shop.client.ok<{ stock: number }>('GET', `/api/products/${shop.productId}`)).stock;
const adjust = (delta: number, how?: Call) => call('stock.adjust', { sku, delta, reason: 'Counted by the till' }, how);

test('stock is adjusted by SKU, and the same id again is given the first answer', async () => {
  const id = newId();
  const first = await adjust(3, { id });
  expect(first).toMatchObject({
    status: 200,
    replayed: false,
    body: { id, eventType: 'stock.adjust', result: { stock: 8, stockDelta: 3 } },
  });
  const again = await adjust(3, { id });
  expect(again).toEqual({ ...first, replayed: true });
  expect(await stock()).toBe(8);
  // Another body under the same id is a mistake of the caller.
  expect(await adjust(4, { id })).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  expect(await adjust(-3)).toMatchObject({ status: 200 });
});

test('the same call many times at once is done once', async () => {
  const id = newId();
  const before = await stock();
  const answers = await parallel(8, () => adjust(1, { id }));
  for (const { status } of answers) expect([200, 409]).toContain(status);
  await expect.poll(async () => (await adjust(1, { id })).status).toBe(200);
  expect(await stock()).toBe(before + 1);
});

test('a message goes out to the customer’s phone', async () => {
  const { status, body } = await call('message.send', { to: PHONE, message: 'Your parcel is at the counter' });
  expect(status).toBe(200);
  expect(body.result).toMatchObject({ status: 'queued', to: PHONE });
  await expect
    .poll(async () => (await phoneMessages(env.db, shop.channelId)).get(PHONE))
    .toEqual(['Your parcel is at the counter']);
});

test('an order is moved on, and its history says by whom; a step that is not allowed is the refusal of REST', async () => {
  const { id } = await shop.client.ok<{ id: string }>('POST', '/api/orders', {
    customer: { phone: PHONE },
    items: [{ productId: shop.productId, quantity: 1 }],
  });
  const order = () => shop.client.ok<{ status: string; history: { to: string; actor: string }[] }>('GET', `/api/orders/${id}`);
  await expect.poll(async () => (await order()).status).toBe('confirmed');
  expect(await call('order.transition', { orderId: id, action: 'prepare' })).toMatchObject({
    status: 200,
    body: { result: { id, status: 'preparing' } },
  });
  expect(JSON.stringify((await order()).history)).toContain('inbound_webhook');
  const refused = newId();
  expect(await call('order.transition', { orderId: id, action: 'confirm' }, { id: refused })).toMatchObject({
    status: 409,
    body: { code: 'invalid_transition' },
  });
  expect(await call('order.transition', { orderId: newId(), action: 'confirm' })).toMatchObject({ status: 404 });
});

test('a customer is named by number; nobody is made up', async () => {
  expect(await call('contact.update', { phone: '0771234567', name: 'x' })).toMatchObject({ status: 422 });
  expect(await call('contact.update', { phone: PHONE, name: 'Rudo', tags: ['wholesale'] })).toMatchObject({
    status: 200,
    body: { result: { phone: PHONE, tags: ['wholesale'] } },
  });
  expect(await call('contact.update', { phone: '+263770000000', name: 'Nobody' })).toMatchObject({ status: 404 });
});

test('an unknown type names the known ones, and what is wrong with a payload is told by its path', async () => {
  const unknown = await call('shop.burn', {});
  expect(unknown).toMatchObject({ status: 422, body: { errors: [{ path: 'event_type' }] } });
  expect(unknown.body.errors![0]!.message).toContain('message.send, order.transition, stock.adjust, contact.update');
  const wrong = await call('stock.adjust', { sku, delta: 'many', reason: 'x', more: 1 });
  expect(wrong.body.errors!.map(({ path }) => path).toSorted()).toEqual(
    expect.arrayContaining(['payload.delta', 'payload.more']),
  );
  expect(await call('message.send', { to: PHONE })).toMatchObject({ status: 422 });
});

test('whatever is wrong with who calls, the answer is the same, also for a merchant that is not there', async () => {
  const before = await stock();
  const body = JSON.stringify({
    event_type: 'stock.adjust',
    payload: { sku, delta: 1, reason: 'x' },
    merchant_id: shop.merchantId,
  });
  const headers = signed(body);
  const other = await openShop(env.baseUrl, { name: 'Other', stock: 1 });
  await other.receiver.close();
  const raw = createHmac('sha256', secret).update(body).digest('base64');
  const answers = [
    await post(body, {}),
    await post(body.replace('"delta":1', '"delta":100'), headers),
    await post(`${body} `, headers),
    await post(body, { ...headers, 'webhook-id': newId() }),
    await post(body, { ...headers, 'webhook-signature': `v1,${raw}` }),
    await post(body, signed(body, { by: `whsec_${Buffer.alloc(32).toString('base64')}` })),
    await post(body, signed(body, { at: new Date(Date.now() - 301_000) })),
    await post(body, signed(body, { at: new Date(Date.now() + 310_000) })),
    // A merchant who is not there, one who has no secret, one whose secret this is not, and nobody.
    await adjust(1, { merchantId: newId() }),
    await adjust(1, { merchantId: other.merchantId }),
    await post('{"event_type":"stock.adjust"}', signed('{"event_type":"stock.adjust"}')),
    await post('no JSON', signed('no JSON')),
    await post('', signed('')),
  ];
  const told = new Set(
    answers.map(({ status, body: { traceId, ...problem } }) => JSON.stringify({ status, problem, traced: Boolean(traceId) })),
  );
  expect([...told]).toHaveLength(1);
  expect(answers[0]).toMatchObject({ status: 401, body: { code: 'bad_signature' } });
  expect(await stock()).toBe(before);
});

test('a body of more than 256 kB is not read', async () => {
  const body = JSON.stringify({
    event_type: 'message.send',
    payload: { to: PHONE, message: 'x'.repeat(256 * 1024) },
    merchant_id: shop.merchantId,
  });
  expect(await post(body, signed(body))).toMatchObject({ status: 413 });
});

test('a new secret counts at once and the old one for a day; the one before that no longer; the profile tells since when', async () => {
  const oldest = secret;
  const rotate = () => shop.client.ok<{ secret: string; oldValidUntil: string }>('POST', '/api/merchant/inbound-secret');
  const second = await rotate();
  expect(Date.parse(second.oldValidUntil) - Date.now()).toBeGreaterThan(23 * 3_600_000);
  for (const by of [oldest, second.secret]) expect((await adjust(1, { by })).status).toBe(200);
  const third = await rotate();
  expect((await adjust(1, { by: oldest })).status).toBe(401);
  for (const by of [second.secret, third.secret]) expect((await adjust(1, { by })).status).toBe(200);
  await env.db.query(`UPDATE inbound_secrets SET old_until = now() WHERE merchant_id = $1`, [shop.merchantId]);
  expect((await adjust(1, { by: second.secret })).status).toBe(401);
  secret = third.secret;
  const { inboundSecret } = await shop.client.ok<{ inboundSecret: object }>('GET', '/api/merchant');
  expect(inboundSecret).toEqual({ createdAt: expect.any(String) });
  const { rows } = await env.db.query<{ secret: string }>('SELECT secret FROM inbound_secrets WHERE merchant_id = $1', [
    shop.merchantId,
  ]);
  expect(rows[0]!.secret).toMatch(/^v1\./);
});

test('a merchant who calls too often is told to wait; others are not', async () => {
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  // Before anything is counted: what another plan has counted counts against this one.
  await env.db.query(`UPDATE merchants SET plan = 'trial' WHERE id = $1`, [merchantId]);
  const own = await client.ok<{ secret: string }>('POST', '/api/merchant/inbound-secret');
  const busy = () => call('contact.update', { phone: '+263770000001', name: 'x' }, { merchantId, by: own.secret });
  const statuses: number[] = [];
  for (let n = 0; n < 9; n += 1) statuses.push((await busy()).status);
  // Asking for the secret has counted, too.
  expect(statuses).toEqual([404, 404, 404, 404, 404, 404, 404, 429, 429]);
  const refused = await busy();
  expect(refused.body.code).toBe('rate_limited');
  expect(Number(refused.retryAfter)).toBeGreaterThan(0);
  expect((await adjust(1)).status).toBe(200);
});
