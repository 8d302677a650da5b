import { newId, NotFoundError } from '@soko/common';
import { exampleOf } from '@soko/contracts';
import { parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { setupSubscriptions } from './subscription.fixture.js';
import { WebhookResendService } from './webhook-resend.service.js';
import type { CreateWebhookBody } from './webhooks.dto.js';
import { EventGoneError, WebhookInactiveError } from './webhooks.errors.js';

async function setup(body: Partial<CreateWebhookBody> = {}) {
  const house = await setupSubscriptions();
  const { merchantId, webhooks, rows } = house;
  const { id: webhookId } = await house.create(body);
  const resends = house.module.get(WebhookResendService);
  const [eventId] = await house.happen();
  await rows(`UPDATE webhook_drains SET ring_at = NULL, bell = 0`);
  return {
    ...house,
    webhookId,
    eventId: eventId!,
    resends,
    owed: () => house.owed(webhookId),
    rung: async () =>
      (await rows<{ rung: boolean }>('SELECT ring_at <= now() AND bell > 0 AS rung FROM webhook_drains'))[0]!.rung,
    alarm: { merchantId, webhookId },
    disable: () => webhooks.update(merchantId, webhookId, { active: false }),
  };
}

test('a test is owed at once: the example of what is asked for, or of what is subscribed to first', async () => {
  const { resends, merchantId, webhookId, owed, alarms, alarm, rung } = await setup({
    events: ['stock_low', 'order_created'],
    filters: { sku: 'NONE' },
  });
  const sent = await resends.test(merchantId, webhookId, {});
  expect(sent).toEqual({ eventId: expect.any(String), event: 'stock_low' });
  const [row] = await owed();
  expect(row).toMatchObject({
    event_id: sent.eventId,
    event_type: 'stock_low',
    position: null,
    trigger: 'test',
    sample: exampleOf('stock_low'),
    status: 'pending',
    attempts: 0,
  });
  expect(row!.wait).toBeLessThanOrEqual(0);
  expect(await rung()).toBe(true);
  expect(await alarms('webhook_delivery', 1)).toEqual([alarm]);
  expect((await resends.test(merchantId, webhookId, { event: 'payment_received' })).event).toBe('payment_received');
  expect(await owed()).toHaveLength(2);
});

test('a test of a subscription to everything shows an order', async () => {
  const { resends, merchantId, webhookId } = await setup();
  expect((await resends.test(merchantId, webhookId, {})).event).toBe('order_created');
});

test('what was delivered is sent again under its own id', async () => {
  const { resends, merchantId, webhookId, eventId, log, owed, alarms, alarm, rung } = await setup();
  const sent = await resends.replay(merchantId, await log(webhookId, eventId, { outcome: 'delivered' }));
  expect(sent).toEqual({ eventId, event: 'bot_connected' });
  const [row] = await owed();
  expect(row).toMatchObject({
    event_id: eventId,
    event_type: 'bot_connected',
    trigger: 'replay',
    status: 'pending',
    attempts: 0,
  });
  expect(row!.position).not.toBeNull();
  expect(row!.wait).toBeLessThanOrEqual(0);
  expect(await rung()).toBe(true);
  expect(await alarms('webhook_delivery', 1)).toEqual([alarm]);
});

test('next to a planned retry, that is made now: there is no second one, and the schedule goes on from there', async () => {
  const { resends, merchantId, webhookId, eventId, log, fail, owed } = await setup();
  await fail(webhookId, eventId, { attempts: 4 });
  const logId = await log(webhookId, eventId);
  await resends.replay(merchantId, logId);
  const rows = await owed();
  expect(rows).toEqual([expect.objectContaining({ event_id: eventId, status: 'pending', attempts: 4, trigger: 'replay' })]);
  expect(rows[0]!.wait).toBeLessThanOrEqual(0);
});

test('what was given up begins its schedule anew', async () => {
  const { resends, merchantId, webhookId, eventId, log, fail, owed } = await setup();
  await fail(webhookId, eventId, { status: 'dead', attempts: 8 });
  await resends.replay(merchantId, await log(webhookId, eventId));
  expect(await owed()).toEqual([expect.objectContaining({ event_id: eventId, status: 'pending', attempts: 0 })]);
});

test('ten replays at once are one', async () => {
  const { resends, merchantId, webhookId, eventId, log, owed } = await setup();
  const logId = await log(webhookId, eventId, { outcome: 'delivered' });
  await parallel(10, () => resends.replay(merchantId, logId));
  expect(await owed()).toHaveLength(1);
});

test('a test can be replayed though no event stands behind it; an event that is no longer kept cannot', async () => {
  const { resends, merchantId, webhookId, log, owed } = await setup();
  const [sample, gone] = [newId(), newId()];
  await resends.replay(merchantId, await log(webhookId, sample, { trigger: 'test', type: 'stock_low' }));
  expect(await owed()).toEqual([
    expect.objectContaining({ event_id: sample, trigger: 'test', sample: exampleOf('stock_low'), position: null }),
  ]);
  await expect(resends.replay(merchantId, await log(webhookId, gone))).rejects.toThrow(EventGoneError);
  expect(await owed()).toHaveLength(1);
});

test('nothing is sent to a subscription that is off', async () => {
  const { resends, merchantId, webhookId, eventId, log, owed, disable } = await setup();
  await disable();
  await expect(resends.test(merchantId, webhookId, {})).rejects.toThrow(WebhookInactiveError);
  await expect(resends.replay(merchantId, await log(webhookId, eventId))).rejects.toThrow(WebhookInactiveError);
  expect(await owed()).toEqual([]);
});

test('another merchant’s subscription and log are not found', async () => {
  const { resends, shop, webhookId, eventId, log, owed } = await setup();
  const other = await shop();
  await expect(resends.test(other, webhookId, {})).rejects.toThrow(NotFoundError);
  await expect(resends.replay(other, await log(webhookId, eventId))).rejects.toThrow(NotFoundError);
  expect(await owed()).toEqual([]);
});
