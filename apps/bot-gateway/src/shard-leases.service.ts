import { hostname } from 'node:os';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { newId } from '@soko/common';
import { Settings } from '@soko/config';
import { SystemDb, type SystemTx } from '@soko/database';
import type { Lease } from '@soko/messaging';
import { Log } from '@soko/observability';

/** Told when shards come and go. */
export interface ShardListener {
  /** The shard is ours from now on. */
  acquired(lease: Lease): Promise<void>;
  /** The shard is not ours any more: let go of everything in it at once. */
  lost(lease: Lease): Promise<void>;
}

/**
 * Holds this gateway's leases on shards. Each lease carries a fence that rises whenever a shard changes hands; what is
 * written under an old fence is refused. Living gateways share the shards evenly and take over those of dead ones.
 */
@Injectable()
export class ShardLeases implements OnApplicationBootstrap, OnModuleDestroy {
  readonly holder = `${hostname()}-${process.pid}-${newId().slice(-8)}`;
  private readonly held = new Map<number, Lease & { renewedAt: number }>();
  private readonly listeners: ShardListener[] = [];
  private timer?: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly system: SystemDb,
    private readonly settings: Settings,
    private readonly log: Log,
  ) {}

  listen(listener: ShardListener): void {
    this.listeners.push(listener);
  }

  /** Our lease on the shard while it surely holds. Judged by our own clock: a process that was paused has lost it. */
  lease(shard: number): Lease | undefined {
    const lease = this.held.get(shard);
    return lease && performance.now() - lease.renewedAt < this.settings.GATEWAY_LEASE_MS ? lease : undefined;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.system.run((tx) =>
      tx.query('INSERT INTO gateway_shards (shard) SELECT generate_series(0, $1::int - 1) ON CONFLICT DO NOTHING', [
        this.settings.GATEWAY_SHARDS,
      ]),
    );
    await this.tick();
    this.next();
  }

  /** Gives the shards back at once, so that nobody has to wait for the leases to run out. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    const leases = [...this.held.values()];
    this.held.clear();
    await this.tell('lost', leases);
    await this.system.run(async (tx) => {
      await tx.query(`UPDATE gateway_shards SET holder = NULL, expires_at = '-infinity' WHERE holder = $1`, [this.holder]);
      await tx.query('DELETE FROM gateways WHERE id = $1', [this.holder]);
    });
  }

  private next(): void {
    this.timer = setTimeout(() => {
      this.running = this.tick()
        .catch((error: unknown) => this.log.error({ err: error }, 'leases were not renewed'))
        .then(() => {
          if (!this.stopped) this.next();
        });
    }, this.settings.GATEWAY_LEASE_MS / 4);
  }

  /** Renews what we hold, gives back what is more than our share, takes what is free. */
  private async tick(): Promise<void> {
    await this.dropExpired();
    const asOf = performance.now();
    const rows = await this.system.run((tx) => this.exchange(tx));
    const lost = [...this.held.values()].filter(
      (lease) => !rows.some((row) => row.shard === lease.shard && row.fence === lease.fence),
    );
    for (const lease of lost) this.held.delete(lease.shard);
    await this.tell('lost', lost);
    const gained = rows
      .filter((row) => !this.held.has(row.shard))
      .map((row) => ({ ...row, holder: this.holder, renewedAt: asOf }));
    for (const lease of this.held.values()) lease.renewedAt = asOf;
    for (const lease of gained) this.held.set(lease.shard, lease);
    await this.tell('acquired', gained);
  }

  /** After a pause the leases have run out: whatever else happens, their sockets must close first. */
  private async dropExpired(): Promise<void> {
    const expired = [...this.held.values()].filter((lease) => !this.lease(lease.shard));
    for (const lease of expired) this.held.delete(lease.shard);
    await this.tell('lost', expired);
  }

  private async exchange(tx: SystemTx): Promise<{ shard: number; fence: number }[]> {
    const ms = this.settings.GATEWAY_LEASE_MS;
    await tx.query(
      `INSERT INTO gateways (id, expires_at) VALUES ($1, now() + $2 * interval '1 millisecond')
       ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
      [this.holder, ms],
    );
    await tx.query('DELETE FROM gateways WHERE expires_at < now()');
    // Shares differ by one at most: what is left over goes to the gateways whose ids come first.
    const [share] = await tx.query<{ share: number }>(
      `SELECT ($1::int / count(*) + CASE WHEN count(*) FILTER (WHERE id < $2) < $1::int % count(*) THEN 1 ELSE 0 END)::int AS share
       FROM gateways WHERE expires_at >= now()`,
      [this.settings.GATEWAY_SHARDS, this.holder],
    );
    await tx.query(
      `UPDATE gateway_shards SET holder = NULL, expires_at = '-infinity'
       WHERE shard IN (SELECT shard FROM gateway_shards WHERE holder = $1 ORDER BY shard OFFSET $2 FOR UPDATE)`,
      [this.holder, share!.share],
    );
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
      [this.holder, ms, share!.share, this.settings.GATEWAY_SHARDS],
    );
  }

  private async tell(what: 'acquired' | 'lost', leases: Lease[]): Promise<void> {
    for (const lease of leases) {
      this.log.info({ shard: lease.shard, fence: lease.fence }, `shard ${what}`);
      for (const listener of this.listeners) {
        await listener[what](lease).catch((error: unknown) =>
          this.log.error({ err: error, shard: lease.shard }, `shard ${what}: failed`),
        );
      }
    }
  }
}
