import { newId, NotFoundError } from '@soko/common';
import { parallel, until } from '@soko/testing';
import { expect, test } from 'vitest';
import { setupSubscriptions } from './subscription.fixture.js';
import { WebhookRecoveryProcessor } from './webhook-recovery.processor.js';
import { WebhookRecoveryService } from './webhook-recovery.service.js';
import type { CreateWebhookBody } from './webhooks.dto.js';
import { BadRecoveryStartError, RecoveryRunningError, WebhookInactiveError } from './webhooks.errors.js';

const HOUR_MS = 3_600_000;
const AN_HOUR_AGO = () => new Date(Date.now() - HOUR_MS);

async function setup(body: Partial<CreateWebhookBody> = {}) {
  const house = await setupSubscriptions();
  const { merchantId, webhooks, rows } = house;
  const { id: webhookId } = await house.create(body);
  const recoveries = house.module.get(WebhookRecoveryService);
  const switchTo = (active: boolean) => webhooks.update(merchantId, webhookId, { active });
  return {
    ...house,
    webhookId,
    recoveries,
    switchTo,
    owed: () => house.owed(webhookId),
    start: (since = AN_HOUR_AGO()) => recoveries.start(merchantId, webhookId, since),
    /** To its end. */
    finish: async (id: string) => {
      while (await recoveries.step(merchantId, id));
      return recoveries.get(merchantId, id);
    },
    timeOf: async (eventId: string) =>
      (await rows<{ created_at: Date }>('SELECT created_at FROM events WHERE id = $1', eventId))[0]!.created_at,
  };
}
const due = ({ wait, status }: { wait: number; status: string }) => status === 'pending' && wait <= 0;

test('everything that failed since then is due again, and nothing else', async () => {
  const { webhookId, create, start, finish, happen, fail, owed, timeOf, alarms, merchantId, rows } = await setup();
  const other = await create();
  const [early, dead, waiting, delivered, sample] = await (async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      ids.push((await happen())[0]!);
      // More than a millisecond lies between them: times of events are told in milliseconds.
      await until('another time', async () => Date.now() - (await timeOf(ids.at(-1)!)).getTime() > 3);
    }
    return ids as [string, string, string, string, string];
  })();
  await fail(webhookId, early, { status: 'dead', attempts: 8 });
  await fail(webhookId, dead, { status: 'dead', attempts: 8 });
  await fail(webhookId, waiting, { attempts: 3 });
  await fail(webhookId, sample);
  await rows(`UPDATE webhook_deliveries SET trigger = 'test' WHERE event_id = $1`, sample);
  await fail(other.id, dead, { status: 'dead', attempts: 8 });

  const since = await timeOf(dead);
  const begun = await start(since);
  expect(begun).toEqual({
    id: expect.any(String),
    webhookId,
    since: since.toISOString(),
    status: 'running',
    recovered: 0,
    createdAt: expect.any(String),
  });
  expect(await alarms('maintenance', 1)).toEqual([{ merchantId, recoveryId: begun.id }]);
  expect(await finish(begun.id)).toMatchObject({ status: 'done', recovered: 2, finishedAt: expect.any(String) });

  const after = new Map((await owed()).map((row) => [row.event_id, row]));
  expect([...after.values()].filter(due).map((row) => row.event_id)).toEqual([dead, waiting]);
  expect(after.get(dead)).toMatchObject({ attempts: 0, trigger: 'recovery' });
  // Its schedule goes on from where it is.
  expect(after.get(waiting)).toMatchObject({ attempts: 3, trigger: 'recovery' });
  expect(after.get(early)).toMatchObject({ status: 'dead', attempts: 8 });
  expect(after.get(sample)!.wait).toBeGreaterThan(0);
  expect(after.has(delivered)).toBe(false);
  expect((await rows(`SELECT status FROM webhook_deliveries WHERE webhook_id = $1`, other.id))[0]).toEqual({ status: 'dead' });
  expect(await alarms('webhook_delivery', 1)).toEqual([{ merchantId, webhookId }]);
});

test('many of them go in batches, each with the progress that it makes: who dies in between has lost nothing', async () => {
  const { webhookId, merchantId, start, recoveries, finish, happen, rows, owed } = await setup();
  await happen(1_200);
  await rows(
    `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, position, status, attempts)
     SELECT merchant_id, $1, id, type, position, 'dead', 8 FROM events`,
    webhookId,
  );
  const { id } = await start();
  await recoveries.step(merchantId, id);
  expect(await recoveries.get(merchantId, id)).toMatchObject({ status: 'running', recovered: 500 });
  expect((await owed()).filter(due)).toHaveLength(500);
  // What was sent and delivered meanwhile is not sent once more.
  await rows(`DELETE FROM webhook_deliveries WHERE status = 'pending'`);
  expect(
    await rows(`SELECT 1 AS one FROM webhook_recoveries WHERE ring_at > now() AND ring_at < now() + interval '11 seconds'`),
  ).toHaveLength(1);
  expect(await finish(id)).toMatchObject({ status: 'done', recovered: 1_200 });
  expect((await owed()).filter(due)).toHaveLength(700);
  expect(await rows('SELECT ring_at FROM webhook_recoveries')).toEqual([{ ring_at: null }]);
});

test('several at the same recovery do each part of it once', async () => {
  const { webhookId, merchantId, start, recoveries, happen, rows, owed } = await setup();
  await happen(1_200);
  await rows(
    `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, position, status, attempts)
     SELECT merchant_id, $1, id, type, position, 'dead', 8 FROM events`,
    webhookId,
  );
  const { id } = await start();
  await parallel(4, async () => {
    while (await recoveries.step(merchantId, id));
  });
  expect(await recoveries.get(merchantId, id)).toMatchObject({ status: 'done', recovered: 1_200 });
  expect((await owed()).filter(due)).toHaveLength(1_200);
});

test('what happened while the subscription was off is brought too: once, of the right kind, since the right time', async () => {
  const { start, finish, switchTo, happen, owed, timeOf, rows, webhookId } = await setup({
    events: ['bot_connected'],
    filters: { reason: 'wanted' },
  });
  await happen(3, 'wanted');
  // All of that was delivered.
  await rows(
    'UPDATE webhook_drains SET cursor = (SELECT max(position) FROM events) - 1, done = ARRAY[(SELECT max(position) FROM events)]',
  );
  await switchTo(false);
  const early = await happen(2, 'wanted');
  await until('another time', async () => Date.now() - (await timeOf(early[1]!)).getTime() > 3);
  const late = await happen(600, 'wanted');
  await happen(5, 'other');
  const last = await happen(1, 'wanted');
  await switchTo(true);
  await happen(4, 'wanted');
  expect(await owed()).toEqual([]);

  const first = await start(await timeOf(late[0]!));
  expect(await finish(first.id)).toMatchObject({ status: 'done', recovered: 601 });
  const rowsOwed = await owed();
  expect(rowsOwed.map((row) => row.event_id)).toEqual([...late, ...last]);
  expect(rowsOwed.filter(due)).toHaveLength(601);
  expect(rowsOwed[0]).toMatchObject({ trigger: 'recovery', attempts: 0, event_type: 'bot_connected' });

  // Delivered: no other recovery brings them again, but what was before them is still to be had.
  await rows('DELETE FROM webhook_deliveries WHERE webhook_id = $1', webhookId);
  const second = await start();
  expect(await finish(second.id)).toMatchObject({ status: 'done', recovered: 2 });
  expect((await owed()).map((row) => row.event_id)).toEqual(early);
  await rows('DELETE FROM webhook_deliveries WHERE webhook_id = $1', webhookId);
  expect(await finish((await start()).id)).toMatchObject({ status: 'done', recovered: 0 });
});

test('a subscription that is switched off ends its recovery, and a later one goes on with what is left', async () => {
  const { merchantId, start, recoveries, finish, switchTo, happen, fail, owed, webhookId, rows } = await setup();
  const [failed] = await happen();
  await fail(webhookId, failed!);
  await rows('UPDATE webhook_drains SET cursor = (SELECT max(position) FROM events)');
  await switchTo(false);
  const missed = await happen(3);
  await switchTo(true);
  const { id } = await start();
  await recoveries.step(merchantId, id);
  await switchTo(false);
  expect(await recoveries.step(merchantId, id)).toBe(false);
  expect(await recoveries.get(merchantId, id)).toMatchObject({
    status: 'stopped',
    recovered: 1,
    reason: 'the subscription is not active any more',
    finishedAt: expect.any(String),
  });
  expect(await recoveries.step(merchantId, id)).toBe(false);
  await switchTo(true);
  expect(await finish((await start()).id)).toMatchObject({ status: 'done', recovered: 4 });
  expect((await owed()).map((row) => row.event_id)).toEqual([failed, ...missed]);
});

test('it begins in the past 30 days, for a subscription that is on, and one at a time', async () => {
  const { start, switchTo, finish } = await setup();
  const day = 24 * HOUR_MS;
  for (const ms of [-31 * day, 60_000]) {
    const refused = start(new Date(Date.now() + ms));
    await expect(refused).rejects.toThrow(BadRecoveryStartError);
    await expect(refused).rejects.toMatchObject({ status: 422, errors: [{ path: 'since', message: /past 30 days/ }] });
  }
  await switchTo(false);
  await expect(start()).rejects.toThrow(WebhookInactiveError);
  await switchTo(true);
  const outcomes = await Promise.allSettled([start(), start(), start()]);
  const [begun] = outcomes.filter((each) => each.status === 'fulfilled');
  expect(outcomes.filter((each) => each.status === 'rejected').map(({ reason }) => reason as unknown)).toEqual([
    expect.any(RecoveryRunningError),
    expect.any(RecoveryRunningError),
  ]);
  expect(await finish(begun!.value.id)).toMatchObject({ status: 'done' });
  await start(new Date(Date.now() - 29 * day));
});

test('they are listed newest first; another merchant’s are not found; they go with their subscription', async () => {
  const { start, finish, recoveries, merchantId, webhookId, shop, webhooks } = await setup();
  const made: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const { id } = await start();
    made.unshift(id);
    await finish(id);
  }
  const first = await recoveries.list(merchantId, webhookId, { limit: 2 });
  const second = await recoveries.list(merchantId, webhookId, { limit: 2, cursor: first.pagination.nextCursor });
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made);
  const other = await shop();
  await expect(recoveries.list(other, webhookId, { limit: 2 })).rejects.toThrow(NotFoundError);
  await expect(recoveries.get(other, made[0]!)).rejects.toThrow(NotFoundError);
  await expect(recoveries.start(other, webhookId, AN_HOUR_AGO())).rejects.toThrow(NotFoundError);
  await expect(recoveries.get(merchantId, newId())).rejects.toThrow(NotFoundError);
  const { id } = await start();
  await webhooks.remove(merchantId, webhookId);
  expect(await recoveries.step(merchantId, id)).toBe(false);
  await expect(recoveries.get(merchantId, id)).rejects.toThrow(NotFoundError);
});

test('its job goes through all batches', async () => {
  const { merchantId, start, module, recoveries, happen, rows, webhookId } = await setup();
  await happen(700);
  await rows(
    `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, position, status, attempts)
     SELECT merchant_id, $1, id, type, position, 'dead', 8 FROM events`,
    webhookId,
  );
  const { id } = await start();
  await new WebhookRecoveryProcessor(module.get(WebhookRecoveryService)).run({ merchantId, recoveryId: id });
  expect(await recoveries.get(merchantId, id)).toMatchObject({ status: 'done', recovered: 700 });
});
