import { Injectable } from '@nestjs/common';
import { Settings } from '@soko/config';
import type { SystemTx } from '@soko/database';
import type { Lease } from '@soko/messaging';

export interface HeldRow {
  shard: number;
  fence: number;
}

/** The rows behind the leases. All times are the database's, so that the gateways' clocks need not agree. */
@Injectable()
export class LeaseRepository {
  constructor(private readonly settings: Settings) {}

  async addMissingShards(tx: SystemTx): Promise<void> {
    await tx.query('INSERT INTO gateway_shards (shard) SELECT generate_series(0, $1::int - 1) ON CONFLICT DO NOTHING', [
      this.settings.GATEWAY_SHARDS,
    ]);
  }

  /** Says that `holder` lives. @returns its fair share of the shards: shares differ by one at most, what is left over goes by id. */
  async announce(tx: SystemTx, holder: string): Promise<number> {
    await tx.query(
      `INSERT INTO gateways (id, expires_at) VALUES ($1, now() + $2 * interval '1 millisecond')
       ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
      [holder, this.settings.GATEWAY_LEASE_MS],
    );
    await tx.query('DELETE FROM gateways WHERE expires_at < now()');
    const [row] = await tx.query<{ share: number }>(
      `SELECT ($1::int / count(*) + CASE WHEN count(*) FILTER (WHERE id < $2) < $1::int % count(*) THEN 1 ELSE 0 END)::int AS share
       FROM gateways WHERE expires_at >= now()`,
      [this.settings.GATEWAY_SHARDS, holder],
    );
    return row!.share;
  }

  /** Renews what `holder` has and takes what is free, up to `share`. A shard that changes hands gets a higher fence. */
  async renewAndTake(tx: SystemTx, holder: string, share: number): Promise<HeldRow[]> {
    return tx.query(
      `WITH mine AS (
         SELECT shard FROM gateway_shards WHERE holder = $1 AND expires_at > now() FOR UPDATE
       ), free AS (
         SELECT shard FROM gateway_shards WHERE shard < $4 AND expires_at <= now() ORDER BY shard
         LIMIT greatest(0, $3 - (SELECT count(*) FROM mine)) FOR UPDATE SKIP LOCKED
       )
       UPDATE gateway_shards s SET holder = $1, expires_at = now() + $2 * interval '1 millisecond',
              fence = s.fence + CASE WHEN s.shard IN (SELECT shard FROM free) THEN 1 ELSE 0 END
       WHERE s.shard IN (SELECT shard FROM mine UNION ALL SELECT shard FROM free) RETURNING s.shard, s.fence`,
      [holder, this.settings.GATEWAY_LEASE_MS, share, this.settings.GATEWAY_SHARDS],
    );
  }

  /** Frees one shard, if it is still held under this lease. */
  async release(tx: SystemTx, lease: Lease): Promise<void> {
    await tx.query(
      `UPDATE gateway_shards SET holder = NULL, expires_at = '-infinity' WHERE shard = $1 AND holder = $2 AND fence = $3`,
      [lease.shard, lease.holder, lease.fence],
    );
  }

  async leave(tx: SystemTx, holder: string): Promise<void> {
    await tx.query('DELETE FROM gateways WHERE id = $1', [holder]);
  }
}
