import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { newId } from '@soko/common';
import { Settings } from '@soko/config';
import { SystemDb } from '@soko/database';
import type { Lease } from '@soko/messaging';
import { Log } from '@soko/observability';
import { LeaseRepository } from './lease.repository.js';

/** Told when shards come and go. */
export interface ShardListener {
  /** The shard is ours from now on. */
  acquired(lease: Lease): Promise<void>;
  /** The shard is not ours any more: let go of everything in it. Nobody else gets it before this returns, if we give it away in order. */
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
  /** Shards whose listeners are letting go. Renewals go on meanwhile. */
  private readonly leaving = new Map<number, Promise<void>>();
  private readonly listeners: ShardListener[] = [];
  private timer?: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly system: SystemDb,
    private readonly rows: LeaseRepository,
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
    await this.system.run((tx) => this.rows.addMissingShards(tx));
    await this.tick();
    this.next();
  }

  /** Gives the shards back at once, so that nobody has to wait for the leases to run out. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    for (const lease of this.held.values()) this.letGo(lease, 'give back');
    await Promise.all(this.leaving.values());
    await this.system.run((tx) => this.rows.leave(tx, this.holder));
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

  /** Renews what we hold, takes what is free, gives back what is more than our share. */
  private async tick(): Promise<void> {
    // After a pause the leases have run out: whatever else happens, what we hold in those shards must close first.
    for (const lease of this.held.values()) if (!this.lease(lease.shard)) this.letGo(lease, 'it is gone');
    const asOf = performance.now();
    const { ours, share } = await this.system.run(async (tx) => {
      const fair = await this.rows.announce(tx, this.holder);
      return { share: fair, ours: await this.rows.renewAndTake(tx, this.holder, fair) };
    });
    for (const lease of this.held.values()) {
      if (ours.some((row) => row.shard === lease.shard && row.fence === lease.fence)) lease.renewedAt = asOf;
      else this.letGo(lease, 'it is gone');
    }
    for (const row of ours) {
      // One that is still being left comes again at the next look.
      if (this.held.has(row.shard) || this.leaving.has(row.shard)) continue;
      const lease = { ...row, holder: this.holder, renewedAt: asOf };
      this.held.set(row.shard, lease);
      await this.tell('acquired', lease);
    }
    const surplus = [...this.held.values()].toSorted((a, b) => a.shard - b.shard).slice(share);
    for (const lease of surplus) this.letGo(lease, 'give back');
  }

  /** Nothing new happens in the shard from here on. It is given back only when all that was in it has ended, or far too late. */
  private letGo(lease: Lease, then: 'give back' | 'it is gone'): void {
    this.held.delete(lease.shard);
    const ended = Promise.race([this.tell('lost', lease), pause(2 * this.settings.GATEWAY_LEASE_MS, undefined, { ref: false })]);
    const left = ended
      .then(() => (then === 'give back' ? this.system.run((tx) => this.rows.release(tx, lease)) : undefined))
      .catch((error: unknown) => this.log.error({ err: error, shard: lease.shard }, 'the shard was not given back'))
      .finally(() => this.leaving.delete(lease.shard));
    this.leaving.set(lease.shard, left);
  }

  private async tell(what: 'acquired' | 'lost', lease: Lease): Promise<void> {
    this.log.info({ shard: lease.shard, fence: lease.fence }, `shard ${what}`);
    for (const listener of this.listeners) {
      await listener[what](lease).catch((error: unknown) =>
        this.log.error({ err: error, shard: lease.shard }, `shard ${what}: failed`),
      );
    }
  }
}
