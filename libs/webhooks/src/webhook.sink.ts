import { Injectable } from '@nestjs/common';
import { deliverWebhook } from '@soko/contracts';
import type { SystemTx } from '@soko/database';
import { type EventSink, onBehalfOf, type RelayedEvent } from '@soko/queues';

/** Notes one delivery for each event and each subscription that wants it. */
@Injectable()
export class WebhookSink implements EventSink {
  async fanOut(tx: SystemTx, events: RelayedEvent[]): Promise<void> {
    const made = await tx.query<{ merchantId: string; deliveryId: string; eventId: string }>(
      `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id)
       SELECT e.merchant_id, w.id, e.id
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS e (merchant_id, id, type, n)
       JOIN webhooks w ON w.merchant_id = e.merchant_id AND w.active AND (w.events && ARRAY['*', e.type])
       ORDER BY e.n
       ON CONFLICT DO NOTHING RETURNING merchant_id AS "merchantId", id AS "deliveryId", event_id AS "eventId"`,
      [events.map((event) => event.merchantId), events.map((event) => event.id), events.map((event) => event.type)],
    );
    const requests = new Map(events.map((event) => [event.id, event.requestId]));
    for (const { merchantId, deliveryId, eventId } of made) {
      onBehalfOf({ requestId: requests.get(eventId) ?? null }, () => tx.wake(deliverWebhook, { merchantId, deliveryId }));
    }
  }
}
