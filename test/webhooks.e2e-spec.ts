import { newId } from '@soko/common';
import { ApiClient, startReceiver, type Receiver, until } from '@soko/testing';
import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTestStack, type TestStack } from './support/stack.js';

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env?.stop());

interface Log {
  id: string;
  eventId: string;
  attempt: number;
  trigger: string;
  status: string;
  response?: { status: number; body: string };
  nextTryAt?: string;
}
interface Subscription {
  id: string;
  secret: string;
  disabledReason?: string;
}

/** A merchant with one product and a partner who subscribes to `body`. */
async function setup(body: object = {}, answer?: (response: ServerResponse) => void) {
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  const receiver: Receiver = await startReceiver(answer);
  onTestFinished(() => receiver.close());
  const product = await client.ok<{ id: string }>('POST', '/api/products', {
    sku: `SKU-${newId()}`,
    name: 'Rice',
    price: { amount: 100, currency: 'USD' },
    stock: 5,
  });
  // That it was made is an event, too: one of before.
  await until('its place in the history', async () => {
    const { rows } = await env.db.query('SELECT 1 FROM events WHERE merchant_id = $1 AND position IS NULL', [merchantId]);
    return rows.length === 0;
  });
  const webhook = await client.ok<Subscription>('POST', '/api/webhooks', {
    url: receiver.url,
    events: ['product_updated'],
    ...body,
  });
  const path = `/api/webhooks/${webhook.id}`;
  let amount = 100;
  return {
    client,
    merchantId,
    receiver,
    webhook,
    path,
    productId: product.id,
    /** Something that partners hear of. */
    reprice: () => client.ok('PATCH', `/api/products/${product.id}`, { price: { amount: (amount += 1), currency: 'USD' } }),
    called: async (count: number) => {
      await expect.poll(() => receiver.calls.length).toBe(count);
    },
    logs: async (query = '') => (await client.ok<{ data: Log[] }>('GET', `${path}/logs${query}`)).data,
    logged: async (count: number): Promise<Log[]> => {
      await expect.poll(async () => (await client.ok<{ data: Log[] }>('GET', `${path}/logs`)).data.length).toBe(count);
      return (await client.ok<{ data: Log[] }>('GET', `${path}/logs`)).data;
    },
  };
}

const verify = (secret: string, { body, headers }: Receiver['calls'][number]) =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as {
    id: string;
    type: string;
    data: Record<string, unknown>;
  };

test('a test arrives as the catalogue shows the event, signed, and is told in the log', async () => {
  const { client, receiver, webhook, path, called, logged } = await setup();
  const answer = await client.call<{ eventId: string; event: string }>('POST', `${path}/test`, { event: 'payment_received' });
  expect(answer.status).toBe(202);
  await called(1);
  const got = verify(webhook.secret, receiver.calls[0]!);
  expect(got).toMatchObject({ id: answer.body.eventId, type: 'payment_received', data: { paymentId: expect.any(String) } });
  expect(await logged(1)).toEqual([
    expect.objectContaining({ eventId: answer.body.eventId, trigger: 'test', status: 'delivered', attempt: 1 }),
  ]);
});

test('a rotated secret: for a day both sign, as the official library sees it; of more rotations only the last one counts', async () => {
  const { client, receiver, webhook, path, called } = await setup();
  const first = await client.call<{ secret: string; oldSecretValidUntil: string }>('POST', `${path}/rotate-secret`);
  expect(first.status).toBe(200);
  await client.ok('POST', `${path}/test`);
  await called(1);
  for (const secret of [first.body.secret, webhook.secret]) expect(verify(secret, receiver.calls[0]!)).toBeTruthy();
  expect(String(receiver.calls[0]!.headers['webhook-signature']).split(' ')).toHaveLength(2);

  const second = await client.ok<{ secret: string }>('POST', `${path}/rotate-secret`);
  await client.ok('POST', `${path}/test`);
  await called(2);
  for (const secret of [second.secret, first.body.secret]) expect(verify(secret, receiver.calls[1]!)).toBeTruthy();
  expect(() => verify(webhook.secret, receiver.calls[1]!)).toThrow('No matching signature found');

  await env.db.query(`UPDATE webhooks SET old_secret_until = now() - interval '1 second' WHERE id = $1`, [webhook.id]);
  await client.ok('POST', `${path}/test`);
  await called(3);
  expect(verify(second.secret, receiver.calls[2]!)).toBeTruthy();
  expect(() => verify(first.body.secret, receiver.calls[2]!)).toThrow('No matching signature found');
  expect(String(receiver.calls[2]!.headers['webhook-signature']).split(' ')).toHaveLength(1);
});

test('a rotation with an idempotency key happens once', async () => {
  const { client, path } = await setup();
  const key = { 'idempotency-key': newId() };
  const rotate = () => client.call<{ secret: string }>('POST', `${path}/rotate-secret`, undefined, key);
  const [first, again] = [await rotate(), await rotate()];
  expect(again.body.secret).toBe(first.body.secret);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
});

test('a filter lets through what equals it, and nothing else', async () => {
  const { client, receiver, productId, reprice, called } = await setup({ filters: { available: 7 } });
  await reprice();
  await client.ok('POST', `/api/products/${productId}/stock`, { delta: 2, reason: 'count' });
  await reprice();
  await called(1);
  expect(JSON.parse(receiver.calls[0]!.body)).toMatchObject({ type: 'product_updated', data: { available: 7 } });
});

test('what was delivered can be had again: the same id, the same bytes', async () => {
  const { client, receiver, reprice, called, logged, logs } = await setup();
  await reprice();
  await called(1);
  const [log] = await logged(1);
  expect((await client.call('POST', `/api/webhooks/logs/${log!.id}/replay`)).status).toBe(202);
  await expect.poll(async () => (await logs('?trigger=replay')).length).toBe(1);
  const ids = receiver.calls.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids)).toEqual(new Set([log!.eventId]));
  expect(receiver.calls.map(({ body }) => body)).toEqual(ids.map(() => receiver.calls[0]!.body));
  expect((await logs(`?eventId=${log!.eventId}`)).length).toBe(receiver.calls.length);
  expect(await client.ok('GET', `/api/webhooks/logs/${log!.id}`)).toMatchObject({
    id: log!.id,
    response: { status: 200, body: 'ok' },
  });
});

test('a replay next to a planned retry takes its place', async () => {
  const answers = [500, 200];
  const { client, receiver, reprice, logged } = await setup({}, (response) => response.writeHead(answers.shift() ?? 200).end());
  await reprice();
  const [failed] = await logged(1);
  expect(failed).toMatchObject({ status: 'failed', nextTryAt: expect.any(String), response: { status: 500 } });
  await client.ok('POST', `/api/webhooks/logs/${failed!.id}/replay`);
  const [again] = await logged(2);
  expect(again).toMatchObject({ eventId: failed!.eventId, status: 'delivered', attempt: 2, trigger: 'replay' });
  // The retry was planned for five seconds after the first attempt; there is none left.
  const { rows } = await env.db.query('SELECT 1 FROM webhook_deliveries WHERE event_id = $1', [failed!.eventId]);
  expect(rows).toEqual([]);
  expect(receiver.calls).toHaveLength(2);
});

test('a recovery brings what failed, once, and leaves alone what arrived', async () => {
  let well = true;
  const { client, receiver, webhook, path, reprice, called, logged } = await setup({}, (response) =>
    response.writeHead(well ? 200 : 500).end(),
  );
  const since = new Date(Date.now() - 60_000).toISOString();
  await reprice();
  await called(1);
  const [arrived] = await logged(1);
  well = false;
  for (let n = 0; n < 3; n += 1) await reprice();
  const failed = (await logged(4)).filter(({ status }) => status === 'failed');
  await env.db.query(
    `UPDATE webhook_deliveries SET status = CASE WHEN attempts % 2 = 1 THEN 'dead' ELSE status END, due_at = now() + interval '1 day'
     WHERE webhook_id = $1`,
    [webhook.id],
  );
  well = true;
  const refused = await client.call('POST', `${path}/recover`, {
    since: new Date(Date.now() - 31 * 24 * 3_600_000).toISOString(),
  });
  expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed']);
  const begun = await client.call<{ id: string; status: string }>('POST', `${path}/recover`, { since });
  expect([begun.status, begun.body.status]).toEqual([202, 'running']);
  const recovery = () => client.ok<{ status: string; recovered: number }>('GET', `/api/webhooks/recoveries/${begun.body.id}`);
  await expect.poll(recovery).toMatchObject({ status: 'done', recovered: 3 });
  await logged(7);
  const times = (id: string) => receiver.calls.filter(({ headers }) => headers['webhook-id'] === id).length;
  expect(failed.map(({ eventId }) => times(eventId))).toEqual([2, 2, 2]);
  expect(times(arrived!.eventId)).toBe(1);
  expect((await client.ok<{ data: object[] }>('GET', `${path}/recoveries`)).data).toEqual([await recovery()]);
});

test('an endpoint that is gone is switched off; switched on again it hears what is new, and a recovery brings the rest', async () => {
  let gone = true;
  const { client, receiver, webhook, path, reprice, called, productId } = await setup({}, (response) =>
    response.writeHead(gone ? 410 : 200).end(),
  );
  const since = new Date(Date.now() - 60_000).toISOString();
  const now = () => client.ok<Subscription & { active: boolean }>('GET', path);
  await reprice();
  await expect.poll(now).toMatchObject({ active: false, disabledReason: 'gone' });
  await until('the drain to let go', async () => {
    const { rows } = await env.db.query('SELECT 1 FROM webhook_drains WHERE webhook_id = $1 AND lease_until < now()', [
      webhook.id,
    ]);
    return rows.length > 0;
  });
  for (const [method, at, body] of [
    ['POST', `${path}/test`, {}],
    ['POST', `${path}/recover`, { since }],
  ] as const) {
    const refused = await client.call(method, at, body);
    expect([refused.status, refused.body.code], at).toEqual([409, 'webhook_inactive']);
  }
  // Missed.
  await reprice();
  await until('its place in the history', async () => {
    const { rows } = await env.db.query('SELECT 1 FROM events WHERE subject = $1 AND position IS NULL', [productId]);
    return rows.length === 0;
  });
  gone = false;
  const again = await client.ok<Subscription>('PATCH', path, { active: true });
  expect(again).not.toHaveProperty('disabledReason');
  await reprice();
  const { id } = await client.ok<{ id: string }>('POST', `${path}/recover`, { since });
  await expect.poll(() => client.ok('GET', `/api/webhooks/recoveries/${id}`)).toMatchObject({ status: 'done' });
  // The one that was answered by 410, the one that was missed, the new one.
  await called(4);
  expect(new Set(receiver.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
});
