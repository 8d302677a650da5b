import { Injectable } from '@nestjs/common';
import { drainWebhook } from '@soko/contracts';
import type { SystemTx } from '@soko/database';
import { type EventSink, onBehalfOf, type RelayedEvent } from '@soko/queues';

interface Rung {
  merchantId: string;
  webhookId: string;
  /** Nobody has it: an alarm is to go out. */
  wake: boolean;
}

/**
 * Tells the subscriptions that want any of the events that there is something behind their cursors: one statement for a batch, however many events
 * and subscriptions, and no row for a delivery. Who is at work on one is told by a notification that goes out with the commit; for the others an alarm
 * rings. One that may not be called now has its time, and is only counted for.
 *
 * What nobody had rung for (`bell = 0`) wanted nothing of what lies before the first of these, so its cursor goes there.
 */
@Injectable()
export class WebhookSink implements EventSink {
  async fanOut(tx: SystemTx, events: RelayedEvent[]): Promise<void> {
    const rung = await tx.query<Rung>(
      `WITH batch AS (
         SELECT merchant_id, type, min(position) AS first FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS e (merchant_id, type, position)
         GROUP BY 1, 2
       ), wanted AS (
         SELECT w.merchant_id, w.id, min(b.first) AS first FROM batch b
         JOIN webhooks w ON w.merchant_id = b.merchant_id AND w.active AND w.events && ARRAY['*', b.type] GROUP BY 1, 2
       ), locked AS MATERIALIZED (
         SELECT d.merchant_id, d.webhook_id, w.first, d.lease_until > clock_timestamp() AS held,
                coalesce(greatest(CASE WHEN d.breaker = 'open' THEN d.breaker_until END, d.resume_at) > clock_timestamp(), false) AS blocked,
                coalesce(d.rung_at > clock_timestamp() - interval '1 second', false) AS rung
         FROM wanted w JOIN webhook_drains d ON d.merchant_id = w.merchant_id AND d.webhook_id = w.id
         ORDER BY d.merchant_id, d.webhook_id FOR NO KEY UPDATE OF d
       ), rung AS (
         UPDATE webhook_drains d
         SET bell = d.bell + 1, cursor = CASE WHEN d.bell = 0 AND NOT l.held THEN greatest(d.cursor, l.first - 1) ELSE d.cursor END,
             ring_at = CASE WHEN l.held OR l.blocked THEN d.ring_at ELSE least(d.ring_at, clock_timestamp() + interval '1 second') END,
             rung_at = CASE WHEN l.held OR l.blocked OR l.rung THEN d.rung_at ELSE clock_timestamp() END
         FROM locked l WHERE d.merchant_id = l.merchant_id AND d.webhook_id = l.webhook_id
         RETURNING d.merchant_id, d.webhook_id, l.held, NOT (l.held OR l.blocked OR l.rung) AS wake
       ), told AS MATERIALIZED (
         SELECT pg_notify('soko_webhooks', string_agg(webhook_id::text, ' ')) FROM (
           SELECT webhook_id, row_number() OVER () / 200 AS part FROM rung WHERE held
         ) AS parts GROUP BY part
       )
       SELECT merchant_id AS "merchantId", webhook_id AS "webhookId", wake FROM rung, (SELECT count(*) FROM told) AS all_told`,
      [events.map((event) => event.merchantId), events.map((event) => event.type), events.map((event) => event.position)],
    );
    const requests = new Map(events.map((event) => [event.merchantId, event.requestId]));
    for (const { merchantId, webhookId, wake } of rung) {
      if (wake)
        onBehalfOf({ requestId: requests.get(merchantId) ?? null }, () => tx.wake(drainWebhook, { merchantId, webhookId }));
    }
  }
}
