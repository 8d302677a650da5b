import { newId, NotFoundError } from '@soko/common';
import { expect, test } from 'vitest';
import { setupSubscriptions } from './subscription.fixture.js';
import type { LogQuery } from './webhook-logs.dto.js';
import { WebhookLogService } from './webhook-log.service.js';

async function setup() {
  const house = await setupSubscriptions();
  const { id: webhookId } = await house.create();
  const logs = house.module.get(WebhookLogService);
  return {
    ...house,
    webhookId,
    logs,
    ids: async (query: Partial<LogQuery> = {}) =>
      (await logs.list(house.merchantId, webhookId, { limit: 50, ...query })).data.map(({ id }) => id),
  };
}

test('an attempt is told with its request, its answer and what follows; the merchant’s header values are not in it', async () => {
  const { webhookId, merchantId, logs, rows } = await setup();
  const [id, eventId] = [newId(), newId()];
  await rows(
    `INSERT INTO webhook_logs (merchant_id, id, webhook_id, event_id, event_type, attempt, outcome, url, own_headers, response_status,
                               response_body, duration_ms, error, error_class, next_try_at, requested_at)
     VALUES ($1, $2, $3, $4, 'order_created', 2, 'failed', 'http://127.0.0.1:9/old', '{X-Token}', 503, 'busy', 84,
             'the receiver answered 503', 'status', '2026-11-21T14:05:00Z', '2026-11-21T14:00:00.750Z')`,
    merchantId,
    id,
    webhookId,
    eventId,
  );
  const told = {
    id,
    webhookId,
    eventId,
    event: 'order_created',
    attempt: 2,
    trigger: 'event',
    status: 'failed',
    request: {
      url: 'http://127.0.0.1:9/old',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Soko-Webhooks/1.0',
        'webhook-id': eventId,
        'webhook-timestamp': '1795269600',
        'webhook-signature': '***',
        'X-Token': '***',
      },
      body: eventId,
    },
    response: { status: 503, body: 'busy' },
    durationMs: 84,
    error: 'the receiver answered 503',
    errorClass: 'status',
    nextTryAt: '2026-11-21T14:05:00.000Z',
    createdAt: '2026-11-21T14:00:00.750Z',
  };
  expect(await logs.get(merchantId, id)).toEqual(told);
  expect((await logs.list(merchantId, webhookId, { limit: 5 })).data).toEqual([told]);
});

test('the log is paged newest first, by outcome, event, trigger and event id, without gap or double while attempts go on', async () => {
  const { create, log, webhookId, logs, merchantId, ids } = await setup();
  const other = await create();
  const event = newId();
  const made: string[] = [];
  for (let n = 1; n <= 9; n += 1) {
    made.unshift(
      await log(webhookId, n % 4 === 0 ? event : newId(), {
        outcome: n % 3 === 0 ? 'failed' : 'delivered',
        type: n < 5 ? 'order_created' : 'message_sent',
        trigger: n === 7 ? 'replay' : 'event',
      }),
    );
  }
  await log(other.id, event);
  const nth = (...numbers: number[]) => numbers.map((n) => made[9 - n]);
  expect(await ids({ status: 'failed' })).toEqual(nth(9, 6, 3));
  expect(await ids({ event: 'order_created' })).toEqual(nth(4, 3, 2, 1));
  expect(await ids({ event: 'order_created', status: 'failed' })).toEqual(nth(3));
  expect(await ids({ trigger: 'replay' })).toEqual(nth(7));
  expect(await ids({ eventId: event })).toEqual(nth(8, 4));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await logs.list(merchantId, webhookId, { limit: 4, cursor });
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.pagination.nextCursor;
    await log(webhookId, newId());
  } while (cursor);
  expect(seen).toEqual(made);
});

test('another merchant’s log is not found', async () => {
  const { shop, log, webhookId, logs, merchantId } = await setup();
  const id = await log(webhookId, newId());
  const other = await shop();
  for (const [who, webhook, entry] of [
    [other, webhookId, id],
    [merchantId, newId(), newId()],
  ] as const) {
    await expect(logs.list(who, webhook, { limit: 5 })).rejects.toThrow(NotFoundError);
    await expect(logs.get(who, entry)).rejects.toThrow(NotFoundError);
  }
});
