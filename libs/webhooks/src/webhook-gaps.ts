import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';

export interface Gap {
  webhook_id: string;
  from_position: string;
  to_position: string;
  done: string[];
}

/** What a subscription was never sent, because it was off when it happened. */
@Injectable()
export class WebhookGaps {
  /** Sets apart what a recovery is to bring: of each gap the part that begins with the first event from `floor` on. */
  async claim(tx: TenantTx, webhookId: string, recoveryId: string, floor: string, keptSince: Date): Promise<void> {
    await tx.query('DELETE FROM webhook_gaps WHERE merchant_id = $1 AND webhook_id = $2 AND created_at < $3', [
      tx.merchantId,
      webhookId,
      keptSince,
    ]);
    await tx.query(
      `WITH cut AS (
         SELECT g.*, (SELECT min(position) FROM events e WHERE e.merchant_id = $1 AND e.position > g.from_position
                        AND e.position <= g.to_position AND e.id >= $4) - 1 AS at
         FROM webhook_gaps g WHERE g.merchant_id = $1 AND g.webhook_id = $2
       ), earlier AS (
         UPDATE webhook_gaps g SET to_position = CASE WHEN cut.at > g.from_position THEN cut.at ELSE g.to_position END,
                recovery_id = CASE WHEN cut.at > g.from_position THEN NULL ELSE $3::uuid END
         FROM cut WHERE g.merchant_id = $1 AND g.webhook_id = $2 AND g.from_position = cut.from_position AND cut.at IS NOT NULL
       )
       INSERT INTO webhook_gaps (merchant_id, webhook_id, from_position, to_position, done, recovery_id, created_at)
       SELECT merchant_id, webhook_id, at, to_position, done, $3, created_at FROM cut WHERE at > from_position`,
      [tx.merchantId, webhookId, recoveryId, floor],
    );
  }

  /** The next of those that the recovery has claimed. */
  async next(tx: TenantTx, recoveryId: string): Promise<Gap | undefined> {
    const [gap] = await tx.query<Gap>(
      `SELECT webhook_id, from_position, to_position, done FROM webhook_gaps
       WHERE merchant_id = $1 AND recovery_id = $2 ORDER BY from_position LIMIT 1`,
      [tx.merchantId, recoveryId],
    );
    return gap;
  }

  /** Owes up to `limit` events of a gap, which shrinks by them. @returns how many were not owed already */
  async owe(tx: TenantTx, gap: Gap, limit: number): Promise<number> {
    const rows = await tx.query<{ position: string; made: boolean }>(
      `WITH batch AS (
         SELECT e.id, e.type, e.position FROM events e
         JOIN webhooks w ON w.merchant_id = $1 AND w.id = $2
           AND w.events && ARRAY['*', e.type] AND (w.filters IS NULL OR e.data::jsonb @> w.filters)
         WHERE e.merchant_id = $1 AND e.position > $3 AND e.position <= $4 AND e.position <> ALL ($5::bigint[])
         ORDER BY e.position LIMIT $6
       ), made AS (
         INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, position, trigger)
         SELECT $1, $2, id, type, position, 'recovery' FROM batch ON CONFLICT (merchant_id, webhook_id, event_id) DO NOTHING RETURNING event_id
       )
       SELECT position, EXISTS (SELECT FROM made WHERE event_id = batch.id) AS made FROM batch ORDER BY position`,
      [tx.merchantId, gap.webhook_id, gap.from_position, gap.to_position, gap.done, limit],
    );
    const key = [tx.merchantId, gap.webhook_id, gap.from_position];
    const last = rows.at(-1)?.position;
    if (rows.length < limit || last === gap.to_position) {
      tx.write('DELETE FROM webhook_gaps WHERE merchant_id = $1 AND webhook_id = $2 AND from_position = $3', key);
    } else {
      const sql = 'UPDATE webhook_gaps SET from_position = $4 WHERE merchant_id = $1 AND webhook_id = $2 AND from_position = $3';
      tx.write(sql, [...key, last]);
    }
    return rows.filter(({ made }) => made).length;
  }

  /** For another recovery. */
  release(tx: TenantTx, recoveryId: string): void {
    tx.write('UPDATE webhook_gaps SET recovery_id = NULL WHERE merchant_id = $1 AND recovery_id = $2', [
      tx.merchantId,
      recoveryId,
    ]);
  }
}
