import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { drainWebhook } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { DeadLetters } from '@soko/dead-letters';
import type { Trigger } from './webhook-logs.dto.js';

export interface Owed {
  eventId: string;
  event: string;
  /** None of a test: there is no event behind it. */
  position: string | null;
  trigger: Exclude<Trigger, 'event'>;
  /** The data of a test. */
  sample?: object;
}

/** One that was given up begins its schedule anew; one that waits for its next try goes on from there. */
const DUE_NOW = `status = 'pending', due_at = least(d.due_at, now()), attempts = CASE d.status WHEN 'dead' THEN 0 ELSE d.attempts END`;

/**
 * What people ask to be sent (again). Locks are taken in the order in which everybody else takes them: the subscription, its drain,
 * what is owed.
 */
@Injectable()
export class OwedDeliveries {
  /** Keeps the subscription from being deleted meanwhile. @returns whether it is active. @throws NotFoundError */
  async lock(tx: TenantTx, webhookId: string): Promise<boolean> {
    const [row] = await tx.query<{ active: boolean }>(
      'SELECT active FROM webhooks WHERE merchant_id = $1 AND id = $2 FOR KEY SHARE',
      [tx.merchantId, webhookId],
    );
    if (!row) throw new NotFoundError('webhook', webhookId);
    return row.active;
  }

  /** Has the subscription looked at once more, after the commit. To be called before rows are changed. */
  async ring(tx: TenantTx, webhookId: string): Promise<void> {
    await tx.query('SELECT ring_webhook($1, $2)', [tx.merchantId, webhookId]);
    tx.wake(drainWebhook, { merchantId: tx.merchantId, webhookId });
  }

  /** Owes one event at once. Where it is owed already, that is due now instead of a second time. */
  async owe(tx: TenantTx, webhookId: string, { eventId, event, position, trigger, sample }: Owed): Promise<void> {
    const [row] = await tx.query<{ id: string }>(
      `INSERT INTO webhook_deliveries AS d (merchant_id, webhook_id, event_id, event_type, position, trigger, sample)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (merchant_id, webhook_id, event_id) DO UPDATE SET ${DUE_NOW}, trigger = excluded.trigger
       RETURNING id`,
      [tx.merchantId, webhookId, eventId, event, position, trigger, sample === undefined ? null : JSON.stringify(sample)],
    );
    await this.revived(tx, [row!]);
  }

  /** Up to `limit` of the events between two ids that were not delivered, due now. @returns their ids, in order */
  async again(tx: TenantTx, webhookId: string, after: string, before: string, limit: number): Promise<string[]> {
    const rows = await tx.query<{ id: string; event_id: string }>(
      `WITH batch AS (
         SELECT event_id FROM webhook_deliveries
         WHERE merchant_id = $1 AND webhook_id = $2 AND event_id > $3 AND event_id < $4 AND trigger <> 'test'
         ORDER BY event_id LIMIT $5 FOR UPDATE
       )
       UPDATE webhook_deliveries d SET ${DUE_NOW}, trigger = 'recovery' FROM batch
       WHERE d.merchant_id = $1 AND d.webhook_id = $2 AND d.event_id = batch.event_id RETURNING d.id, d.event_id`,
      [tx.merchantId, webhookId, after, before, limit],
    );
    await this.revived(tx, rows);
    return rows.map((row) => row.event_id).toSorted();
  }

  /** What the merchant sees to himself is no longer a matter for ops. */
  private revived(tx: TenantTx, rows: { id: string }[]): Promise<void> {
    return DeadLetters.drop(
      tx,
      tx.merchantId,
      'webhook_delivery',
      rows.map(({ id }) => id),
    );
  }
}
