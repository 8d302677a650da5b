import { newId } from '@soko/common';
import { botConnected, deliverWebhook } from '@soko/contracts';
import { integration, parallel, startReceiver, until } from '@soko/testing';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { WebhookDeliveryService } from './delivery.service.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookProcessor } from './webhook.processor.js';
import { WebhookService } from './webhook.service.js';
import { WebhooksModule } from './webhooks.module.js';

type Answer = Parameters<typeof startReceiver>[0];

const unanswered = () => {};

/** A partner who answers `answer`, subscribed, with one delivery that is due. */
async function setup({ answer, ...options }: { answer?: Answer } & Omit<Parameters<typeof integration>[0], 'imports'> = {}) {
  const house = await integration({ ...options, imports: [WebhooksModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const receiver = await startReceiver(answer);
  onTestFinished(() => receiver.close());
  const [webhooks, deliveries] = [module.get(WebhookService), module.get(WebhookDeliveryService)];
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  await tenancy.run(merchantId, async (tx) => tx.outbox.emit(botConnected, { channelId: newId(), kind: 'simulator' }));
  const [event] = await rows<{ id: string; data: object; created_at: Date }>('SELECT id, data, created_at FROM events');
  const id = newId();
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const sealed = module.get(WebhookSecrets);
  const deliveryId = newId();
  // Straight into the table: what may not be subscribed to any more may still be there.
  await tenancy.run(merchantId, async (tx) => {
    await tx.query(`INSERT INTO webhooks (merchant_id, id, url, events, headers, secret) VALUES ($1, $2, $3, '{*}', $4, $5)`, [
      merchantId,
      id,
      receiver.url,
      sealed.sealHeaders({ 'X-Token': 's3cret' }, merchantId),
      sealed.sealSecret(secret, merchantId),
    ]);
    await tx.query('INSERT INTO webhook_deliveries (merchant_id, id, webhook_id, event_id) VALUES ($1, $2, $3, $4)', [
      merchantId,
      deliveryId,
      id,
      event!.id,
    ]);
  });
  return {
    ...house,
    merchantId,
    receiver,
    webhooks,
    webhookId: id,
    secret,
    event: event!,
    rows,
    job: { merchantId, deliveryId },
    attempt: () => deliveries.attempt(merchantId, deliveryId),
    makeDue: () => rows('UPDATE webhook_deliveries SET due_at = now()'),
    logs: async () => (await webhooks.logs(merchantId, id, { limit: 50 })).data,
    delivery: async () => {
      const [row] = await rows<{ status: string; attempts: number; wait: number; ring: number | null }>(
        `SELECT status, attempts, extract(epoch FROM due_at - now())::float8 AS wait, extract(epoch FROM ring_at - now())::float8 AS ring
         FROM webhook_deliveries`,
      );
      return row!;
    },
  };
}

test('the partner gets the event in its envelope, signed, with the merchant’s headers; the log keeps their values to itself', async () => {
  const { attempt, receiver, event, merchantId, secret, logs, delivery, webhookId } = await setup();
  await attempt();
  const [call] = receiver.calls;
  expect(receiver.calls).toHaveLength(1);
  const body = new StandardWebhook(secret).verify(call!.body, call!.headers as Record<string, string>);
  expect(body).toEqual({
    id: event.id,
    type: 'bot_connected',
    timestamp: event.created_at.toISOString(),
    merchantId,
    data: event.data,
  });
  expect(call!.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'Soko-Webhooks/1.0',
    'webhook-id': event.id,
    'x-token': 's3cret',
  });
  expect(() => new StandardWebhook(secret).verify(`${call!.body} `, call!.headers as Record<string, string>)).toThrow(
    'No matching signature found',
  );
  expect(await delivery()).toMatchObject({ status: 'delivered', attempts: 1, ring: null });
  expect(await logs()).toEqual([
    {
      id: expect.any(String),
      webhookId,
      eventId: event.id,
      event: 'bot_connected',
      attempt: 1,
      status: 'delivered',
      request: { url: receiver.url, headers: expect.objectContaining({ 'X-Token': '***', 'webhook-id': event.id }) },
      response: { status: 200, body: 'ok' },
      durationMs: expect.any(Number),
      createdAt: expect.any(String),
    },
  ]);
  expect(JSON.stringify(await logs())).not.toContain('s3cret');
});

test('a call that fails is made again when it is due, and every attempt is on record', async () => {
  const answers = [500, 200];
  const { attempt, makeDue, receiver, delivery, logs } = await setup({
    answer: (response) => response.writeHead(answers.shift()!).end('body'),
  });
  await attempt();
  const failed = await delivery();
  expect(failed).toMatchObject({ status: 'pending', attempts: 1 });
  expect(failed.wait).toBeGreaterThan(3.5);
  expect(failed.wait).toBeLessThanOrEqual(6);
  expect(failed.ring).toBeCloseTo(failed.wait, 3);
  await attempt();
  expect(receiver.calls).toHaveLength(1);
  await makeDue();
  await attempt();
  expect(await delivery()).toMatchObject({ status: 'delivered', attempts: 2 });
  await makeDue();
  await attempt();
  const ids = receiver.calls.map(({ headers }) => headers['webhook-id']);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
  expect((await logs()).map(({ attempt: n, status, response, error }) => [n, status, response?.status, error])).toEqual([
    [2, 'delivered', 200, undefined],
    [1, 'failed', 500, 'the receiver answered 500'],
  ]);
});

test('the waits grow, and after the eighth attempt the delivery is dead', async () => {
  const { attempt, makeDue, receiver, delivery, logs } = await setup({ answer: (response) => response.writeHead(503).end() });
  const [second, minute] = [1, 60];
  const waits = [5 * second, 30 * second, 5 * minute, 30 * minute, 120 * minute, 360 * minute, 720 * minute];
  for (const [n, wait] of waits.entries()) {
    await attempt();
    const row = await delivery();
    expect(row).toMatchObject({ status: 'pending', attempts: n + 1 });
    expect(row.wait).toBeGreaterThan(wait * 0.8 - 1);
    expect(row.wait).toBeLessThanOrEqual(wait * 1.2);
    await makeDue();
  }
  await attempt();
  expect(await delivery()).toMatchObject({ status: 'dead', attempts: 8, ring: null });
  await makeDue();
  await attempt();
  expect(receiver.calls).toHaveLength(8);
  expect(await logs()).toHaveLength(8);
});

test('ten alarms at once make one call for each time that it is due', async () => {
  const { attempt, makeDue, receiver, delivery } = await setup({ answer: (response) => response.writeHead(500).end() });
  for (const due of [1, 2, 3]) {
    await makeDue();
    await parallel(10, attempt);
    expect(receiver.calls).toHaveLength(due);
    expect((await delivery()).attempts).toBe(due);
  }
});

test('while the call is under way, the delivery is nobody else’s', async () => {
  let answer: () => void = unanswered;
  const { attempt, receiver, delivery } = await setup({ answer: (response) => (answer = () => response.end('late')) });
  const first = attempt();
  await until('the call', () => receiver.calls.length === 1);
  const taken = await delivery();
  expect(taken).toMatchObject({ status: 'pending', attempts: 1 });
  expect(taken.wait).toBeGreaterThan(16);
  expect(taken.ring).toBeGreaterThan(taken.wait);
  await attempt();
  answer();
  await first;
  expect(receiver.calls).toHaveLength(1);
  expect(await delivery()).toMatchObject({ status: 'delivered' });
});

test('a subscription that is not active is not called; when it is again, what waited goes out', async () => {
  const { attempt, receiver, delivery, webhooks, merchantId, webhookId } = await setup();
  await webhooks.update(merchantId, webhookId, { active: false });
  await attempt();
  expect(receiver.calls).toEqual([]);
  expect(await delivery()).toMatchObject({ status: 'pending', attempts: 0 });
  await webhooks.update(merchantId, webhookId, { active: true });
  await attempt();
  expect(receiver.calls).toHaveLength(1);
});

test('a subscription that is deleted while it is called takes its deliveries and logs with it', async () => {
  let answer: () => void = unanswered;
  const { attempt, receiver, webhooks, merchantId, webhookId, rows } = await setup({
    answer: (response) => (answer = () => response.end()),
  });
  const calling = attempt();
  await until('the call', () => receiver.calls.length === 1);
  await webhooks.remove(merchantId, webhookId);
  answer();
  await calling;
  await attempt();
  expect(receiver.calls).toHaveLength(1);
  expect(await rows('SELECT id FROM webhook_deliveries UNION ALL SELECT id FROM webhook_logs')).toEqual([]);
});

test('an address that may not be called is never connected to, by number or by name, and the log says so without naming it', async () => {
  const { attempt, makeDue, receiver, rows, logs, delivery } = await setup({ env: { WEBHOOK_ALLOWED_CIDRS: '' } });
  const { port } = new URL(receiver.url);
  const urls = [receiver.url, `http://localhost:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, `http://2130706433:${port}/`];
  for (const [n, url] of urls.entries()) {
    await rows(`UPDATE webhooks SET url = '${url}'`);
    await makeDue();
    await attempt();
    expect(await delivery(), url).toMatchObject({ status: 'pending', attempts: n + 1 });
    const [log] = await logs();
    expect(log, url).toMatchObject({ status: 'failed', error: expect.stringMatching(/^blocked address/) });
    expect(log!.response).toBeUndefined();
    expect(log!.error).not.toContain('127');
  }
  expect(receiver.calls).toEqual([]);
});

test('a redirect is noted and not followed', async () => {
  const target = await startReceiver();
  onTestFinished(() => target.close());
  const { attempt, receiver, logs } = await setup({
    answer: (response) => response.writeHead(307, { location: target.url }).end(),
  });
  await attempt();
  expect(receiver.calls).toHaveLength(1);
  expect(target.calls).toEqual([]);
  expect((await logs())[0]).toMatchObject({ status: 'failed', response: { status: 307 }, error: 'the receiver answered 307' });
});

test('a partner who cannot be reached, or hangs up, is an attempt that failed', async () => {
  const { attempt, makeDue, receiver, logs } = await setup({ answer: (response) => response.destroy() });
  await attempt();
  await receiver.close();
  await makeDue();
  await attempt();
  expect((await logs()).map(({ error }) => error)).toEqual([
    'connection refused',
    expect.stringMatching(/connection was closed|connection reset/),
  ]);
});

test('of a long answer the first 16 KiB are kept', async () => {
  const { attempt, logs } = await setup({ answer: (response) => response.end(`\0${'x'.repeat(100_000)}`) });
  await attempt();
  const [log] = await logs();
  expect(log!.status).toBe('delivered');
  expect(log!.response!.body).toBe('x'.repeat(16 * 1_024 - 1));
});

test('another merchant’s alarm does not deliver it', async () => {
  const { module, shop, job, receiver } = await setup();
  await module.get(WebhookDeliveryService).attempt(await shop(), job.deliveryId);
  expect(receiver.calls).toEqual([]);
});

test('by way of the queue: rung, called, done', async () => {
  const { tenancy, merchantId, job, receiver, delivery } = await setup({
    serves: ['webhook_delivery'],
    providers: [WebhookProcessor],
  });
  await tenancy.run(merchantId, async (tx) => tx.wake(deliverWebhook, job));
  await until('the delivery', async () => (await delivery()).status === 'delivered');
  expect(receiver.calls).toHaveLength(1);
});
