import { drainWebhook } from '@soko/contracts';
import { parallel, startReceiver } from '@soko/testing';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { SECRET, setup } from './delivery.fixture.js';
import { Drains } from './drains.js';
import { WebhookProcessor } from './webhook.processor.js';
import { WebhookSecrets } from './webhook-secrets.js';

const unanswered = () => {};

test('the partner gets the event in its envelope, signed, with the merchant’s headers; the log keeps their values to itself', async () => {
  const { send, receiver, events, merchantId, logged, logs, drain, owed, webhookId } = await setup();
  await send();
  await logged(1);
  const [call] = receiver.calls;
  const [event] = await events();
  const body = new StandardWebhook(SECRET).verify(call!.body, call!.headers as Record<string, string>);
  expect(body).toEqual({
    id: event!.id,
    type: 'bot_connected',
    timestamp: event!.created_at.toISOString(),
    merchantId,
    data: event!.data,
  });
  expect(call!.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'Soko-Webhooks/1.0',
    'webhook-id': event!.id,
    'x-token': 's3cret',
  });
  expect(() => new StandardWebhook(SECRET).verify(`${call!.body} `, call!.headers as Record<string, string>)).toThrow(
    'No matching signature found',
  );
  expect(await owed()).toEqual([]);
  expect((await drain()).cursor).toBe(event!.position);
  expect(await logs()).toEqual([
    {
      id: expect.any(String),
      webhookId,
      eventId: event!.id,
      event: 'bot_connected',
      attempt: 1,
      status: 'delivered',
      trigger: 'event',
      request: {
        url: receiver.url,
        body: event!.id,
        headers: expect.objectContaining({ 'X-Token': '***', 'webhook-id': event!.id }),
      },
      response: { status: 200, body: 'ok' },
      durationMs: expect.any(Number),
      createdAt: expect.any(String),
    },
  ]);
  expect(JSON.stringify(await logs())).not.toContain('s3cret');
  expect((await logs())[0]!.request.headers['webhook-timestamp']).toBe(call!.headers['webhook-timestamp']);
});

test('the data is sent as it was stored: the order of its keys, and every digit', async () => {
  const { rows, relay, take, receiver, merchantId, called } = await setup();
  const data = '{ "b":1, "a":{"z":12345678901234567890,"y":"é\\u0301"}, "10":0,"9":1.50 }';
  await rows(`INSERT INTO events (merchant_id, type, subject, data) VALUES ($1, 'bot_connected', 's', $2)`, [merchantId, data]);
  await relay();
  await take();
  await called(1);
  expect(receiver.calls[0]!.body.endsWith(`"data":${data}}`)).toBe(true);
});

test('while a secret is being replaced both sign, and afterwards the new one alone', async () => {
  const { module, rows, merchantId, webhookId, send, receiver, called } = await setup();
  const old = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  const until = (ms: number) =>
    rows('UPDATE webhooks SET old_secret = $2, old_secret_until = $3 WHERE id = $1', [
      webhookId,
      module.get(WebhookSecrets).sealOldSecret(old, merchantId),
      new Date(Date.now() + ms),
    ]);
  const verify = (secret: string, n: number) => () =>
    new StandardWebhook(secret).verify(receiver.calls[n]!.body, receiver.calls[n]!.headers as Record<string, string>);
  await until(60_000);
  await send();
  await called(1);
  expect(verify(SECRET, 0)).not.toThrow();
  expect(verify(old, 0)).not.toThrow();
  await until(-1);
  // What a subscription is, is looked up as its calls are written down: a call may still go by what was before.
  await expect
    .poll(
      async () => {
        await send();
        return receiver.calls.at(-1)!.headers['webhook-signature'];
      },
      { timeout: 10_000, interval: 100 },
    )
    .not.toContain(' ');
  const last = receiver.calls.length - 1;
  expect(verify(SECRET, last)).not.toThrow();
  expect(verify(old, last)).toThrow('No matching signature found');
});

test('each subscription gets the types that it asked for, by the fields that it asked for, and nobody else’s events', async () => {
  const { subscribe, take, rows, merchantId, relay, called, receiver, shop, tenancy } = await setup({
    columns: { active: false },
  });
  const insert = (shopId: string, type: string, data: string) =>
    tenancy.run(shopId, (tx) =>
      tx.query(`INSERT INTO events (merchant_id, type, subject, data) VALUES ($1, $2, 's', $3)`, [shopId, type, data]),
    );
  const mine = await subscribe({ events: ['order_created'], filters: { channelId: 'a', paid: true } });
  await insert(merchantId, 'order_created', '{"channelId":"a","paid":true,"n":1}');
  await insert(merchantId, 'order_created', '{"channelId":"b","paid":true,"n":2}');
  await insert(merchantId, 'order_created', '{"channelId":"a","paid":"true","n":3}');
  await insert(merchantId, 'order_created', '{"n":4}');
  await insert(merchantId, 'bot_connected', '{"channelId":"a","paid":true,"n":5}');
  await insert(await shop(), 'order_created', '{"channelId":"a","paid":true,"n":6}');
  await insert(merchantId, 'order_created', '{"paid":true,"channelId":"a","n":7}');
  await relay();
  await take(mine);
  await called(2);
  await expect.poll(() => rows('SELECT 1 AS one FROM webhook_logs')).toHaveLength(2);
  expect(
    receiver.calls.map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n).toSorted((a, b) => a - b),
  ).toEqual([1, 7]);
});

test('2,000 events arrive once each, and the cursor stands behind the last', async () => {
  const { emit, take, receiver, called, logged, drain, events } = await setup();
  await emit(2_000);
  await take();
  await called(2_000);
  await logged(2_000);
  const ids = new Set(receiver.calls.map(({ headers }) => headers['webhook-id']));
  expect(ids).toEqual(new Set((await events()).map(({ id }) => id)));
  expect(await drain()).toMatchObject({ cursor: (await events()).at(-1)!.position, done: [] });
}, 60_000);

test('what happens while it is worked on comes without another alarm; after a while it is let go of, and nothing is left to ring for', async () => {
  const { send, emit, called, drain, logged } = await setup();
  await send();
  await called(1);
  expect(await drain()).toMatchObject({ held: true });
  await emit();
  await called(2);
  await logged(2);
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  expect(await drain()).toMatchObject({ ring: null, bell: 0, fence: 1 });
  // Told of the next one, it begins there, and not with all that it did not want meanwhile.
  await emit();
  expect(await drain()).toMatchObject({ bell: 1, ring: expect.any(Number) });
});

test('ten alarms at once make one call for each event', async () => {
  const { emit, take, receiver, called, logged, drain } = await setup();
  await emit(3);
  await parallel(10, () => take());
  await called(3);
  await logged(3);
  expect((await drain()).fence).toBe(1);
  expect(receiver.calls).toHaveLength(3);
});

test('a subscription that is not active is not called; when it is again, what is owed goes out, and what happened meanwhile does not', async () => {
  const answers = [500];
  const { send, take, receiver, webhooks, merchantId, webhookId, logged, makeDue, events, drain } = await setup({
    answer: (response) => response.writeHead(answers.shift() ?? 200).end(),
  });
  await send();
  await logged(1);
  await webhooks.update(merchantId, webhookId, { active: false });
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  await makeDue();
  await send();
  await take();
  expect(receiver.calls).toHaveLength(1);
  expect((await drain()).ring).toBeNull();
  await webhooks.update(merchantId, webhookId, { active: true });
  await take();
  await logged(2);
  const [first] = await events();
  expect(receiver.calls.map(({ headers }) => headers['webhook-id'])).toEqual([first!.id, first!.id]);
  await send();
  await logged(3);
});

test('a subscription that is deleted while it is called is called no more, and takes what is owed and its logs with it', async () => {
  const answers: (() => void)[] = [];
  const { send, take, receiver, webhooks, merchantId, webhookId, rows, module } = await setup({
    answer: (response) => answers.push(() => response.end()),
  });
  await send(50);
  await expect.poll(() => receiver.calls.length).toBeGreaterThan(0);
  // Until no more are begun, since none are answered.
  let before = 0;
  await expect.poll(() => before === (before = receiver.calls.length), { interval: 300 }).toBe(true);
  await webhooks.remove(merchantId, webhookId);
  for (const answer of answers.splice(0)) answer();
  await take();
  // It is let go of when it hears that it is gone.
  await expect.poll(() => module.get<Drains, { running: Map<string, object> }>(Drains).running.size).toBe(0);
  expect(receiver.calls).toHaveLength(before);
  expect(await rows('SELECT id FROM webhook_deliveries UNION ALL SELECT id FROM webhook_logs')).toEqual([]);
});

test('a new address is called from the next call on', async () => {
  const other = await startReceiver();
  onTestFinished(() => other.close());
  const { send, emit, receiver, webhooks, merchantId, webhookId, called, logged, logs } = await setup();
  await send();
  await called(1);
  await webhooks.update(merchantId, webhookId, { url: other.url });
  await logged(1);
  await expect
    .poll(
      async () => {
        await emit();
        return other.calls.length;
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBeGreaterThan(0);
  const urls = (await logs()).map(({ request }) => request.url);
  expect(urls[0]).toBe(other.url);
  expect(urls.at(-1)).toBe(receiver.url);
});

test('an address that may not be called is never connected to, by number or by name, and the log says so without naming it', async () => {
  const { send, makeDue, receiver, rows, logged, logs } = await setup({ env: { WEBHOOK_ALLOWED_CIDRS: '' } });
  const { port } = new URL(receiver.url);
  const urls = [receiver.url, `http://localhost:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, `http://2130706433:${port}/`];
  for (const [n, url] of urls.entries()) {
    await rows('UPDATE webhooks SET url = $1', [url]);
    await (n === 0 ? send() : makeDue());
    await logged(n + 1);
    const [log] = await logs();
    expect(log, url).toMatchObject({ status: 'failed', attempt: n + 1, error: expect.stringMatching(/^blocked address/) });
    expect(log!.response).toBeUndefined();
    expect(log!.error).not.toContain('127');
  }
  expect(await rows('SELECT DISTINCT error_class FROM webhook_logs')).toEqual([{ error_class: 'blocked' }]);
  expect(receiver.calls).toEqual([]);
});

test('a redirect is noted and not followed', async () => {
  const target = await startReceiver();
  onTestFinished(() => target.close());
  const { send, receiver, logged, logs, rows } = await setup({
    answer: (response) => response.writeHead(307, { location: target.url }).end(),
  });
  await send();
  await logged(1);
  expect(receiver.calls).toHaveLength(1);
  expect(target.calls).toEqual([]);
  expect((await logs())[0]).toMatchObject({ status: 'failed', response: { status: 307 }, error: 'the receiver answered 307' });
  expect(await rows('SELECT error_class FROM webhook_logs')).toEqual([{ error_class: 'redirect' }]);
});

test('a partner who cannot be reached, or hangs up, is an attempt that failed', async () => {
  const { send, makeDue, receiver, logged, logs } = await setup({ answer: (response) => response.destroy() });
  await send();
  await logged(1);
  await receiver.close();
  await makeDue();
  await logged(2);
  expect((await logs()).map(({ error }) => error)).toEqual([
    'connection refused',
    expect.stringMatching(/connection was closed|connection reset/),
  ]);
});

test('of a long answer the first 16 KiB are kept', async () => {
  const { send, logged, logs } = await setup({ answer: (response) => response.end(`\0${'x'.repeat(100_000)}`) });
  await send();
  await logged(1);
  const [log] = await logs();
  expect(log!.status).toBe('delivered');
  expect(log!.response!.body).toBe('x'.repeat(16 * 1_024 - 1));
});

test('another merchant’s alarm does not move it', async () => {
  const { module, shop, emit, webhookId, drain, receiver } = await setup();
  await emit();
  await module.get(Drains).take(await shop(), webhookId);
  expect(await drain()).toMatchObject({ fence: 0, held: false });
  expect(receiver.calls).toEqual([]);
});

test('a partner who hangs holds up nobody', async () => {
  const { subscribe, emit, take, receiver, rows } = await setup({ answer: unanswered });
  const others = await Promise.all([startReceiver(), startReceiver()]);
  for (const other of others) onTestFinished(() => other.close());
  const ids = await Promise.all(others.map(({ url }) => subscribe({ url })));
  await emit(100);
  for (const id of [undefined, ...ids]) await take(id);
  for (const other of others) await expect.poll(() => other.calls.length, { timeout: 5_000 }).toBe(100);
  // Some of its calls hang, by no means all.
  expect(receiver.calls.length).toBeLessThanOrEqual(32);
  expect(await rows('SELECT 1 AS one FROM webhook_logs WHERE webhook_id <> ALL ($1)', [ids])).toEqual([]);
});

test('by way of the queue: rung, called, done', async () => {
  const { tenancy, merchantId, webhookId, emit, called, logged, receiver } = await setup({
    serves: ['webhook_delivery'],
    providers: [WebhookProcessor],
  });
  await emit();
  await called(1);
  await tenancy.run(merchantId, async (tx) => tx.wake(drainWebhook, { merchantId, webhookId }));
  await logged(1);
  expect(receiver.calls).toHaveLength(1);
});
