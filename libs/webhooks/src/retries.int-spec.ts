import { newId } from '@soko/common';
import type { ServerResponse } from 'node:http';
import { integration, until } from '@soko/testing';
import { expect, test } from 'vitest';
import { setup } from './delivery.fixture.js';
import { DeliveryReviver } from './delivery.reviver.js';
import { Settler } from './settler.js';
import { Drains } from './drains.js';
import { WebhookResendService } from './webhook-resend.service.js';
import { WebhookDeliveryModule, WebhooksModule } from './webhooks.module.js';

/** Two workers of one house open the same secrets. */
const env = { ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 3).toString('base64')}` };
const another = (databaseUrl: string) => integration({ imports: [WebhooksModule, WebhookDeliveryModule], databaseUrl, env });

/** Answers by `status()`, and with its headers. */
const by =
  (status: () => number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status(), headers).end('body');

test('a call that fails is made again when it is due, with the same id, and every attempt is on record', async () => {
  const answers = [500, 200];
  const { send, makeDue, receiver, owed, logged, logs, drain, events, rows } = await setup({
    answer: by(() => answers.shift()!),
  });
  await send();
  await logged(1);
  const [row] = await owed();
  const [event] = await events();
  expect(row).toMatchObject({ event_id: event!.id, status: 'pending', attempts: 1, trigger: 'event' });
  expect(row!.wait).toBeGreaterThan(3);
  expect(row!.wait).toBeLessThanOrEqual(6);
  expect(await drain()).toMatchObject({ cursor: event!.position, failing: true });
  await makeDue();
  await logged(2);
  expect(await owed()).toEqual([]);
  expect((await drain()).failing).toBe(false);
  const ids = receiver.calls.map(({ headers }) => headers['webhook-id']);
  expect(ids).toEqual([event!.id, event!.id]);
  expect((await logs()).map(({ attempt: n, status, response, error }) => [n, status, response?.status, error])).toEqual([
    [2, 'delivered', 200, undefined],
    [1, 'failed', 500, 'the receiver answered 500'],
  ]);
  const [first] = await rows<{ next: number }>(
    'SELECT extract(epoch FROM next_try_at - requested_at)::float8 AS next FROM webhook_logs WHERE attempt = 1',
  );
  expect(first!.next).toBeGreaterThan(3.9);
});

test('when it is left to itself it comes back in time, by its own clock and by the sweep', async () => {
  const answers = [500, 200];
  const { send, logged, drain } = await setup({ answer: by(() => answers.shift()!) });
  await send();
  await logged(1);
  // It is let go of, and rung for when the next attempt is due.
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  const { ring } = await drain();
  expect(ring).toBeGreaterThan(-1);
  expect(ring).toBeLessThanOrEqual(6);
});

test('the waits grow, and after the eighth attempt the delivery is dead; the breaker counts no attempts that were not made', async () => {
  const { send, makeDue, receiver, owed, logged, rows, drain } = await setup({ answer: by(() => 500) });
  const minute = 60;
  const waits = [5, 30, 5 * minute, 30 * minute, 120 * minute, 360 * minute, 720 * minute];
  await send();
  for (const [n, wait] of waits.entries()) {
    await logged(n + 1);
    const [row] = await owed();
    expect(row).toMatchObject({ status: 'pending', attempts: n + 1 });
    expect(row!.wait).toBeGreaterThan(wait * 0.8 - 2);
    expect(row!.wait).toBeLessThanOrEqual(wait * 1.2);
    await makeDue();
  }
  await logged(8);
  expect(await owed()).toMatchObject([{ status: 'dead', attempts: 8 }]);
  await makeDue();
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  expect(await drain()).toMatchObject({ ring: null });
  expect(receiver.calls).toHaveLength(8);
  expect(await rows('SELECT 1 AS one FROM webhook_logs')).toHaveLength(8);
}, 60_000);

test('what is dead is a letter to ops: retried it begins anew, and sent again by its merchant it is a letter no more', async () => {
  let status = 500;
  const { send, makeDue, owed, logged, logs, rows, take, system, tenancy, merchantId, webhookId, module } = await setup({
    answer: by(() => status),
  });
  const letters = () => system.query('SELECT kind, reference, subject_id, reason, attempts FROM dead_letters');
  const die = async (calls: number): Promise<void> => {
    await rows(`UPDATE webhook_deliveries SET attempts = 7`);
    await makeDue();
    await logged(calls);
    await expect.poll(async () => (await owed())[0]!.status, { timeout: 10_000 }).toBe('dead');
  };
  await send();
  await logged(1);
  await die(2);
  const [{ id: reference } = { id: '' }] = await owed();
  const letter = { kind: 'webhook_delivery', reference, subject_id: webhookId, reason: 'the receiver answered 500' };
  expect(await letters()).toEqual([{ ...letter, attempts: 0 }]);

  const revive = () => tenancy.run(merchantId, (tx) => new DeliveryReviver().revive(tx, reference));
  expect(await revive()).toBe('handed_on');
  expect(await owed()).toMatchObject([{ status: 'pending', attempts: 0 }]);
  await take();
  await logged(3);
  await die(4);
  expect(await letters()).toEqual([{ ...letter, attempts: 1 }]);

  status = 200;
  await module.get(WebhookResendService).replay(merchantId, (await logs())[0]!.id);
  expect(await letters()).toEqual([]);
  await take();
  await logged(5);
  expect(await owed()).toEqual([]);
  expect(await revive()).toBe('done');
}, 60_000);

test('410 switches the subscription off at once, says why, and no more calls begin', async () => {
  const { send, logged, rows, receiver, drain, take, emit } = await setup({ answer: by(() => 410) });
  await send(1);
  await logged(1);
  await until('it is off', async () => (await rows('SELECT 1 AS one FROM webhooks WHERE active')).length === 0);
  expect(await rows('SELECT disabled_reason, disabled_at IS NOT NULL AS dated FROM webhooks')).toEqual([
    { disabled_reason: 'gone', dated: true },
  ]);
  expect(await rows(`SELECT data->>'reason' AS reason FROM events WHERE type = 'webhook_disabled'`)).toEqual([
    { reason: 'gone' },
  ]);
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  await emit(5);
  await take();
  expect(receiver.calls).toHaveLength(1);
});

test('Retry-After is obeyed for all of the endpoint, for an hour at most', async () => {
  const { send, logged, drain, owed, emit, take, receiver } = await setup({ answer: by(() => 503, { 'retry-after': '100000' }) });
  await send();
  await logged(1);
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  const { ring, resume } = await drain();
  expect(resume).toBeGreaterThan(3_500);
  expect(resume).toBeLessThanOrEqual(3_600);
  expect(ring).toBeCloseTo(resume!, 0);
  expect((await owed())[0]!.wait).toBeGreaterThan(3_500);
  await emit();
  await take();
  // It is not even taken.
  expect(await drain()).toMatchObject({ fence: 1, held: false });
  expect((await drain()).ring).toBeGreaterThan(3_500);
  expect(receiver.calls).toHaveLength(1);
});

test('an endpoint that only fails is left alone by its breaker; then three probes, and what waited goes out', async () => {
  let status = 500;
  const { send, rows, drain, take, receiver, webhookId, events } = await setup({ answer: by(() => status) });
  await send(100);
  await expect.poll(async () => (await drain()).breaker, { timeout: 10_000 }).toBe('open');
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  const called = receiver.calls.length;
  expect(called).toBeGreaterThanOrEqual(10);
  expect(called).toBeLessThan(50);
  const { ring, cursor } = await drain();
  expect(ring).toBeGreaterThan(20);
  expect(ring).toBeLessThanOrEqual(30);
  // What was not called is not owed, and counts as nothing: it waits behind the cursor.
  expect(await rows('SELECT 1 AS one FROM webhook_logs')).toHaveLength(called);
  expect(await rows('SELECT 1 AS one FROM webhook_deliveries WHERE attempts <> 1')).toEqual([]);
  expect(cursor).toBeLessThan((await events()).at(-1)!.position);
  await take();
  expect(await drain()).toMatchObject({ fence: 1 });
  const reopen = () => rows('UPDATE webhook_drains SET breaker_until = now() WHERE webhook_id = $1', [webhookId]);
  await reopen();
  await take();
  await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBeGreaterThan(called);
  await expect.poll(async () => (await drain()).held, { timeout: 10_000 }).toBe(false);
  expect(receiver.calls.length).toBeLessThanOrEqual(called + 3);
  expect((await drain()).ring).toBeGreaterThan(50);
  status = 200;
  await reopen();
  await take();
  const ids = () => new Set(receiver.calls.map(({ headers }) => headers['webhook-id'])).size;
  await expect.poll(ids, { timeout: 10_000 }).toBe(100);
  await expect.poll(async () => (await drain()).breaker).toBe('closed');
}, 60_000);

test('in order: what is behind one that failed waits for it, and nothing overtakes', async () => {
  let failing = true;
  const { send, emit, makeDue, receiver, owed, logged, events } = await setup({
    columns: { ordered: true },
    answer: (response, call) => {
      const third = (JSON.parse(call.body) as { data: { reason: string } }).data.reason === '2';
      response.writeHead(third && failing ? 500 : 200).end();
    },
  });
  await send(6);
  await logged(3);
  expect(await owed()).toMatchObject([{ attempts: 1 }]);
  await makeDue();
  await logged(4);
  await emit(2);
  expect(await owed()).toMatchObject([{ attempts: 2 }]);
  expect(receiver.calls).toHaveLength(4);
  failing = false;
  await makeDue();
  await logged(10);
  const order = receiver.calls.map(({ headers }) => headers['webhook-id']);
  const ids = (await events()).map(({ id }) => id);
  expect(order).toEqual([ids[0], ids[1], ids[2], ids[2], ids[2], ...ids.slice(3)]);
});

test('in order: one that is dead is given up, and the next goes on', async () => {
  const answers = [500, 500];
  const { send, makeDue, rows, owed, logged } = await setup({
    columns: { ordered: true },
    answer: by(() => answers.shift() ?? 200),
  });
  await send(2);
  await logged(1);
  await rows('UPDATE webhook_deliveries SET attempts = 7');
  await makeDue();
  await logged(3);
  expect(await owed()).toMatchObject([{ status: 'dead', attempts: 8 }]);
});

test('samples, replays and recoveries are sent once; a replay beside a retry that waits is the same row', async () => {
  const { rows, merchantId, webhookId, makeDue, receiver, logged, send, events, owed } = await setup();
  await send(2);
  await logged(2);
  const [one, two] = await events();
  const owe = (eventId: string, trigger: string, sample: string | null, position: number | null) =>
    rows(
      `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, position, trigger, sample)
       VALUES ($1, $2, $3, 'bot_connected', $4, $5, $6)`,
      [merchantId, webhookId, eventId, position, trigger, sample],
    );
  const sampleId = newId();
  await owe(sampleId, 'test', '{"b":1,"a":2}', null);
  await owe(one!.id, 'replay', null, one!.position);
  await owe(two!.id, 'recovery', null, two!.position);
  await expect(owe(two!.id, 'replay', null, two!.position)).rejects.toThrow('duplicate key');
  await makeDue();
  await logged(5);
  expect(await owed()).toEqual([]);
  const sample = receiver.calls.find(({ headers }) => headers['webhook-id'] === sampleId)!;
  expect(sample.body.endsWith('"data":{"b":1,"a":2}}')).toBe(true);
  const triggers = await rows<{ trigger: string }>('SELECT trigger FROM webhook_logs ORDER BY trigger');
  expect(triggers.map(({ trigger }) => trigger)).toEqual(['event', 'event', 'recovery', 'replay', 'test']);
});

test('a log that cannot be written after a 200 does not send again', async () => {
  const { module, send, called, receiver, logged, events, drain } = await setup();
  const settler = module.get<Settler, { write: (...args: unknown[]) => Promise<void> }>(Settler);
  const write = settler.write.bind(settler);
  let failures = 3;
  settler.write = async (...args) => {
    if (failures > 0) {
      failures -= 1;
      throw new Error('the database is away');
    }
    return write(...args);
  };
  await send(3);
  await called(3);
  await logged(3);
  expect(failures).toBe(0);
  expect((await drain()).cursor).toBe((await events()).at(-1)!.position);
  expect(receiver.calls).toHaveLength(3);
});

test('whoever was too slow writes nothing more: the next one sends what he had not written down', async () => {
  const answers: ServerResponse[] = [];
  const first = await setup({ env, answer: (response) => answers.push(response) });
  const { send, called, merchantId, webhookId, rows, logged, receiver } = first;
  await send(2);
  await called(2);
  // As when its process had stood still for longer than the lease.
  await rows(`UPDATE webhook_drains SET lease_until = now() - interval '1 second'`);
  const second = await another(first.databaseUrl);
  await second.module.get(Drains).take(merchantId, webhookId);
  await called(4);
  for (const response of answers.splice(0)) response.end();
  await logged(2);
  const ids = receiver.calls.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(2);
  expect(await rows('SELECT fence FROM webhook_drains')).toEqual([{ fence: 2 }]);
});

test('4,000 messages, three workers that hear every alarm: none is lost and none comes twice', async () => {
  const first = await setup({ env });
  const { emit, subscribe, merchantId, webhookId, receiver, logged, events } = first;
  const ids = [webhookId, ...(await Promise.all([subscribe(), subscribe(), subscribe()]))];
  const workers = [first, await another(first.databaseUrl), await another(first.databaseUrl)];
  const ring = () => Promise.all(workers.flatMap(({ module }) => ids.map((id) => module.get(Drains).take(merchantId, id))));
  for (let part = 0; part < 10; part += 1) {
    await emit(100);
    await ring();
  }
  await logged(4_000);
  const times = new Map<string, number>();
  for (const { headers } of receiver.calls) {
    const id = String(headers['webhook-id']);
    times.set(id, (times.get(id) ?? 0) + 1);
  }
  // Once for each of the four subscriptions.
  expect(times).toEqual(new Map((await events()).map(({ id }) => [id, ids.length])));
}, 60_000);

test('a limit of calls a second holds, also where another takes over', async () => {
  const first = await setup({ env, columns: { rate_limit: 20 } });
  const { emit, take, merchantId, webhookId, drain, receiver, logged, rows } = first;
  await emit(50);
  await take();
  await expect.poll(() => receiver.calls.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(25);
  await first.module.get(Drains).onModuleDestroy();
  expect(await drain()).toMatchObject({ held: false });
  const second = await another(first.databaseUrl);
  await second.module.get(Drains).take(merchantId, webhookId);
  await logged(50);
  // When they began: on their way some may come closer to each other.
  const begun = await rows<{ at: number }>(
    'SELECT (extract(epoch FROM requested_at) * 1000)::float8 AS at FROM webhook_logs ORDER BY requested_at',
  );
  expect(Math.min(...begun.slice(20).map(({ at }, n) => Math.round(at - begun[n]!.at)))).toBeGreaterThanOrEqual(1_000);
}, 60_000);

test('a subscription that has failed for a day, for three and for five: two notes to its owner, then it is off', async () => {
  const { emit, merchantId, webhookId, rows, databaseUrl, logged } = await setup({
    env,
    columns: { events: ['bot_connected'] },
    answer: by(() => 500),
  });
  const told = async () =>
    (await rows<{ type: string }>(`SELECT type FROM events WHERE type LIKE 'webhook_%' ORDER BY id`)).map(({ type }) => type);
  /** One more call fails, when it has failed for so many days. */
  const failAfter = async (days: number): Promise<void> => {
    await rows('DELETE FROM webhook_deliveries');
    await rows('DELETE FROM webhook_logs');
    await rows(`UPDATE webhook_drains SET failing_since = now() - $1 * interval '1 day'`, [days]);
    await emit();
    const worker = await another(databaseUrl);
    await worker.module.get(Drains).take(merchantId, webhookId);
    await logged(1);
    await worker.close();
  };
  await failAfter(0.9);
  expect(await told()).toEqual([]);
  await failAfter(1.1);
  await failAfter(1.2);
  expect(await told()).toEqual(['webhook_failing']);
  await failAfter(3.1);
  expect(await rows('SELECT warned FROM webhook_drains')).toEqual([{ warned: 2 }]);
  expect(await told()).toEqual(['webhook_failing', 'webhook_failing']);
  await failAfter(5.1);
  expect(await told()).toEqual(['webhook_failing', 'webhook_failing', 'webhook_disabled']);
  expect(await rows('SELECT active, disabled_reason FROM webhooks')).toEqual([{ active: false, disabled_reason: 'failing' }]);
}, 60_000);
