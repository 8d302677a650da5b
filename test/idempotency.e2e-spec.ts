import { newId } from '@soko/common';
import { ApiClient, parallel, PASSWORD, until } from '@soko/testing';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openShop, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';

let env: TestStack;
let shop: Shop;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());
beforeEach(async () => {
  shop = await openShop(env.baseUrl, { name: 'Rice', stock: 1_000 });
});
afterEach(() => shop.receiver.close());

const product = (sku: string) => ({ sku, name: 'x', price: { amount: 1, currency: 'USD' }, stock: 1 });
const order = (quantity = 1) => ({ customer: { phone: '+263771234567' }, items: [{ productId: shop.productId, quantity }] });
/** The raw answer: its bytes count. */
async function post(path: string, body: unknown, key: string, client: ApiClient = shop.client) {
  const response = await fetch(env.baseUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key, ...client.headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    text: await response.text(),
    type: response.headers.get('content-type'),
    replayed: response.headers.get('idempotent-replayed'),
    retryAfter: Number(response.headers.get('retry-after')),
  };
}
/** As a client does: asks again while the first is still running. */
async function patient(...call: Parameters<typeof post>): Promise<Awaited<ReturnType<typeof post>>> {
  return until('an answer', async () => {
    const answer = await post(...call);
    return answer.status !== 409 && answer;
  });
}
const count = async (table: string): Promise<number> => {
  const { rows } = await env.db.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table} WHERE merchant_id = $1`, [
    shop.merchantId,
  ]);
  return rows[0]!.n;
};

test('fifty parallel POSTs with one key: one order, and everybody gets the same answer', async () => {
  const key = newId();
  const first = await parallel(50, () => post('/api/orders', order(), key));
  const done = first.filter(({ status }) => status === 202);
  const waiting = first.filter(({ status }) => status === 409);
  expect(done.length + waiting.length).toBe(50);
  expect(done.filter(({ replayed }) => replayed === null)).toHaveLength(1);
  for (const { text, retryAfter } of waiting) {
    expect(JSON.parse(text)).toMatchObject({ code: 'idempotency_in_progress' });
    expect(retryAfter).toBeGreaterThan(0);
  }
  const answers = await parallel(50, () => patient('/api/orders', order(), key));
  expect(new Set([...answers, ...done].map(({ status, text, type }) => `${status} ${type} ${text}`)).size).toBe(1);
  expect(answers.every(({ replayed }) => replayed === 'true')).toBe(true);
  expect([await count('orders'), await count('idempotency_keys')]).toEqual([1, 1]);
});

test('the same key with another body, or another path, is refused or is another request', async () => {
  const key = newId();
  expect((await post('/api/orders', order(1), key)).status).toBe(202);
  const reused = await post('/api/orders', order(2), key);
  expect([reused.status, JSON.parse(reused.text)]).toEqual([422, expect.objectContaining({ code: 'idempotency_key_reused' })]);
  const elsewhere = await post('/api/whatsapp/send', { to: '+263771234567', message: 'hi' }, key);
  expect([elsewhere.status, elsewhere.replayed]).toEqual([202, null]);
  expect(await count('orders')).toBe(1);
});

test('a key is the caller’s own: another merchant, or another caller of this one, may use the same', async () => {
  const key = newId();
  const other = await openShop(env.baseUrl, { name: 'Beans', stock: 10 });
  const body = { name: 'Key', scopes: ['orders:write'] };
  const { key: secret } = await shop.client.ok<{ key: string }>('POST', '/api/api-keys', body);
  const system = shop.client.as(secret);
  expect((await post('/api/products', product('A'), key)).replayed).toBeNull();
  expect((await post('/api/products', product('A'), key, other.client)).replayed).toBeNull();
  expect((await post('/api/orders', order(), key, system)).replayed).toBeNull();
  expect((await post('/api/products', product('A'), key, other.client)).replayed).toBe('true');
  await other.receiver.close();
});

test('a secret that an answer shows once is shown to its asker again, and lies in the table unreadable', async () => {
  const [key, body] = [newId(), { name: 'Key', scopes: ['orders:read'] }];
  const made = await post('/api/api-keys', body, key);
  const again = await post('/api/api-keys', body, key);
  expect(again.text).toBe(made.text);
  const { rows } = await env.db.query<{ body: string }>('SELECT body FROM idempotency_keys WHERE merchant_id = $1', [
    shop.merchantId,
  ]);
  expect(rows[0]!.body).toMatch(/^v1\./);
  expect(await count('api_keys')).toBe(1);
});

test('a refusal that the work came to is the answer from then on; one before the work is not', async () => {
  const taken = product('TAKEN');
  await shop.client.ok('POST', '/api/products', taken);
  const key = newId();
  const refused = await post('/api/products', taken, key);
  expect([refused.status, refused.replayed]).toEqual([409, null]);
  const again = await post('/api/products', taken, key);
  expect(again).toEqual({ ...refused, replayed: 'true' });

  const invalid = newId();
  expect((await post('/api/products', { sku: '' }, invalid)).status).toBe(422);
  expect((await post('/api/products', { ...taken, sku: 'FREE' }, invalid)).status).toBe(201);
  const strange = await post('/api/products', taken, 'ключ'.padEnd(300, 'x').replaceAll(/[^\x20-\x7e]/g, 'y'));
  expect([strange.status, JSON.parse(strange.text)]).toEqual([422, expect.objectContaining({ code: 'validation_failed' })]);
});

test('where nobody asks who calls, a key means nothing, whoever it is', async () => {
  const { email } = await ApiClient.register(env.baseUrl);
  const key = newId();
  for (let n = 0; n < 2; n += 1) {
    const login = await post('/api/auth/login', { email, password: PASSWORD }, key);
    expect([login.status, login.replayed]).toEqual([200, null]);
  }
  expect(await count('idempotency_keys')).toBe(0);
});

test('a call without an answer’s body, and a key in quotes, are replayed too', async () => {
  const path = `/api/channels/${shop.channelId}/connect`;
  const key = newId();
  const first = await post(path, undefined, key);
  const again = await post(path, undefined, `"${key}"`);
  expect([first.status, first.text, first.replayed]).toEqual([202, '', null]);
  expect([again.status, again.text, again.replayed]).toEqual([202, '', 'true']);
});

test('an api that is killed between claim and commit: the retry does the work, once', async () => {
  const key = newId();
  // Holds the moment open: the handler has claimed the key and waits to write its order.
  const gate = new Client({ connectionString: env.stack.databaseUrl });
  await gate.connect();
  await gate.query('BEGIN');
  await gate.query('LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
  const lost = post('/api/orders', order(), key).catch((error: unknown) => error);
  await until('the claim', async () => (await count('idempotency_keys')) === 1);
  const blocked = `SELECT 1 FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted`;
  await until('the handler at the gate', async () => (await env.db.query(blocked)).rowCount);
  await env.stack.children.api.kill();
  expect(await lost).toBeInstanceOf(Error);
  await gate.query('ROLLBACK');
  await gate.end();
  await env.stack.children.api.ready;

  const early = await post('/api/orders', order(), key);
  expect(early.status).toBe(409);
  expect(early.retryAfter).toBeGreaterThan(0);
  expect(early.retryAfter).toBeLessThanOrEqual(10);
  const answers = await parallel(10, () => patient('/api/orders', order(), key));
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1);
  expect(await count('orders')).toBe(1);
});

test('an answer is kept for a day', async () => {
  const key = newId();
  await post('/api/orders', order(1), key);
  await env.db.query(`UPDATE idempotency_keys SET expires_at = now() WHERE merchant_id = $1`, [shop.merchantId]);
  const anew = await post('/api/orders', order(2), key);
  expect([anew.status, anew.replayed]).toEqual([202, null]);
  expect(await count('orders')).toBe(2);
});
