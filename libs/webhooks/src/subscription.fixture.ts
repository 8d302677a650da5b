import { newId } from '@soko/common';
import { botConnected } from '@soko/contracts';
import { integration, type Integration } from '@soko/testing';
import type { Trigger } from './webhook-logs.dto.js';
import { WebhookService } from './webhook.service.js';
import type { CreateWebhookBody } from './webhooks.dto.js';
import { WebhooksModule } from './webhooks.module.js';

/* A merchant with subscriptions on a real database, for tests; nothing is called. */

export const BODY: CreateWebhookBody = { url: 'http://127.0.0.1:9/hooks', events: ['*'] };

interface OwedRow {
  webhook_id: string;
  event_id: string;
  event_type: string;
  position: string | null;
  trigger: Trigger;
  sample: object | null;
  status: 'pending' | 'dead';
  attempts: number;
  /** Seconds until it is due. */
  wait: number;
}

export async function setupSubscriptions(options: Pick<Parameters<typeof integration>[0], 'env' | 'serves' | 'providers'> = {}) {
  const house: Integration = await integration({ imports: [WebhooksModule], ...options });
  const { tenancy, system, module } = house;
  const merchantId = await house.shop();
  const webhooks = module.get(WebhookService);
  const rows = <R extends object>(sql: string, ...values: unknown[]) => tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  return {
    ...house,
    merchantId,
    webhooks,
    rows,
    create: (body: Partial<CreateWebhookBody> = {}) => webhooks.create(merchantId, { ...BODY, ...body }),
    /** Events in the history, with the place that the relay would have given them. @returns their ids */
    happen: async (count = 1, reason?: string): Promise<string[]> => {
      await tenancy.run(merchantId, async (tx) => {
        for (let n = 0; n < count; n += 1) tx.outbox.emit(botConnected, { channelId: newId(), kind: 'simulator', reason });
      });
      const placed = await system.query<{ id: string }>(
        `UPDATE events e SET position = placed.position
         FROM (SELECT merchant_id, id, nextval('event_position') AS position
               FROM (SELECT merchant_id, id FROM events WHERE position IS NULL ORDER BY id) AS ordered) AS placed
         WHERE e.merchant_id = placed.merchant_id AND e.id = placed.id RETURNING e.id`,
      );
      return placed.map(({ id }) => id).toSorted();
    },
    /** An event that could not be delivered: to be tried again in an hour, or given up. */
    fail: (webhookId: string, eventId: string, { status = 'pending', attempts = 3 }: Partial<OwedRow> = {}) =>
      rows(
        `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, position, status, attempts, due_at)
         SELECT $1, $2, id, type, position, $4, $5, now() + interval '1 hour' FROM events WHERE merchant_id = $1 AND id = $3`,
        merchantId,
        webhookId,
        eventId,
        status,
        attempts,
      ),
    /** A call that was made for an event. @returns its id in the log */
    log: async (webhookId: string, eventId: string, { type = 'bot_connected', outcome = 'failed', trigger = 'event' } = {}) => {
      const id = newId();
      await rows(
        `INSERT INTO webhook_logs (merchant_id, id, webhook_id, event_id, event_type, attempt, outcome, trigger, url, duration_ms)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, 'http://127.0.0.1:9/hooks', 5)`,
        merchantId,
        id,
        webhookId,
        eventId,
        type,
        outcome,
        trigger,
      );
      return id;
    },
    owed: (webhookId: string) =>
      rows<OwedRow>(
        `SELECT *, extract(epoch FROM due_at - now())::float8 AS wait FROM webhook_deliveries
         WHERE merchant_id = $1 AND webhook_id = $2 ORDER BY event_id`,
        merchantId,
        webhookId,
      ),
  };
}
