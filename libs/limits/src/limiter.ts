import { Injectable } from '@nestjs/common';
import { Counters } from './counters.js';

export interface Hit {
  allowed: boolean;
  /** What may still follow in this window, as far as this process knows. */
  remaining: number;
  /** Seconds until the window ends. */
  resetSeconds: number;
}

interface Lease {
  limit: number;
  /** Units taken from the shared counter and not used yet. */
  left: number;
  /** Units that the shared counter still had when it was last asked. */
  beyond: number;
  endsAt: number;
  waiting: number;
  refill?: Promise<void>;
}

/** A process takes at most this share of what is left at once, so that another one is never refused by much too early. */
const SHARE = 1 / 128;
const SWEEP_ABOVE = 10_000;

/**
 * Limits counted across all processes, at the price of one call to the shared store for many hits: a process leases units in
 * advance, the fewer the closer the limit, and one by one below 128. Never more than `limit` hits pass in a window, whatever the
 * number of processes; what a process has leased and does not use may be missed by the others.
 */
@Injectable()
export class Limiter {
  private readonly leases = new Map<string, Lease>();
  private sweepAbove = SWEEP_ABOVE;

  constructor(private readonly counters: Counters) {}

  /** At once while units are leased, which is mostly; only when the store must be asked, later. */
  hit(key: string, limit: number, windowSeconds: number): Hit | Promise<Hit> {
    const lease = this.lease(key, limit);
    return lease.left < 1 && isOpen(lease) ? this.hitLater(key, lease, windowSeconds) : use(lease);
  }

  private async hitLater(key: string, lease: Lease, windowSeconds: number): Promise<Hit> {
    lease.waiting += 1;
    try {
      while (lease.left < 1 && isOpen(lease)) {
        await (lease.refill ??= this.refill(key, lease, windowSeconds).finally(() => (lease.refill = undefined)));
      }
      return use(lease);
    } finally {
      lease.waiting -= 1;
    }
  }

  private lease(key: string, limit: number): Lease {
    const known = this.leases.get(key);
    // A changed limit (another plan) counts anew against what the store has.
    if (known && known.limit === limit && (!ended(known) || known.refill)) return known;
    if (this.leases.size > this.sweepAbove) this.sweep();
    const lease: Lease = { limit, left: 0, beyond: limit, endsAt: 0, waiting: 0 };
    this.leases.set(key, lease);
    return lease;
  }

  /** Not again before there are twice as many: while none has ended, a sweep at every new key would be most of the work. */
  private sweep(): void {
    for (const [key, lease] of this.leases) if (ended(lease) && lease.waiting === 0) this.leases.delete(key);
    this.sweepAbove = Math.max(SWEEP_ABOVE, 2 * this.leases.size);
  }

  private async refill(key: string, lease: Lease, windowSeconds: number): Promise<void> {
    if (ended(lease)) lease.beyond = lease.limit;
    // Never more than is left: whoever is refused has used up nothing, should the limit be raised.
    const wanted = Math.min(lease.beyond, Math.max(lease.waiting, Math.floor(lease.beyond * SHARE)));
    const asked = Date.now();
    const { used, resetMs } = await this.counters.take(key, wanted, windowSeconds);
    lease.left = Math.min(wanted, Math.max(0, lease.limit - (used - wanted)));
    lease.beyond = Math.max(0, lease.limit - used);
    // From when it was asked: what is left must not outlast the window because the answer took its time.
    lease.endsAt = asked + resetMs;
  }
}

/** Takes a unit of the lease, if it has one. */
function use(lease: Lease): Hit {
  const allowed = lease.left > 0;
  if (allowed) lease.left -= 1;
  const resetSeconds = Math.max(1, Math.ceil((lease.endsAt - Date.now()) / 1000));
  return { allowed, remaining: lease.left + lease.beyond, resetSeconds };
}

/** Whether the store may have more. */
const isOpen = (lease: Lease): boolean => lease.beyond > 0 || ended(lease);
const ended = (lease: Lease): boolean => lease.endsAt <= Date.now();
