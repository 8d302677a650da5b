import { setTimeout as pause } from 'node:timers/promises';
import { TransportError } from '../transport.js';
import { pairWaitMs } from './cloud-errors.js';

/* Both limits: https://developers.facebook.com/docs/whatsapp/cloud-api/overview#rate-limits */

/** Who must wait longer gives way to the other chats. */
const PATIENCE_MS = 2_000;
/** Meta's, to one person. */
const PERSON = { burst: 45, everyMs: 6_000 };
const SWEEP_ABOVE = 5_000;

/** A bucket that holds `burst` and gains one each `everyMs`, as the time at which it is full again (the GCRA). */
export class Bucket {
  private fullAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly burst: number,
    private readonly everyMs: number,
  ) {}

  /** Takes one out if there is one within `patience` from `now`. @returns how far off it is, in ms */
  take(now: number, patience: number): number {
    const wait = Math.max(0, this.fullAt - (this.burst - 1) * this.everyMs - now);
    if (wait <= patience) this.fullAt = Math.max(this.fullAt, now + wait) + this.everyMs;
    return wait;
  }

  /** What was taken was not used. */
  giveBack(): void {
    this.fullAt -= this.everyMs;
  }

  full(now: number): boolean {
    return this.fullAt <= now;
  }
}

/**
 * For a number: never more than `rate` in any second. A tenth of it may go at once and the rest evenly, so that what arrives a
 * little closer together than it left is not too much either.
 */
export const numberBucket = (rate: number): Bucket => new Bucket(Math.max(1, Math.floor(rate / 10)), 1_000 / (rate * 0.9));

/** One customer, as Meta limits what is written to them. */
export class Person {
  readonly bucket = new Bucket(PERSON.burst, PERSON.everyMs);
  private barredUntil = Number.NEGATIVE_INFINITY;
  private refusals = 0;

  take(now: number, patience: number): number {
    const barred = Math.max(0, this.barredUntil - now);
    return barred > patience ? barred : barred + this.bucket.take(now + barred, patience - barred);
  }

  /** Meta says that it was too much all the same: others may write to the person too. @returns how long it is over, in ms */
  refused(now: number): number {
    this.refusals += 1;
    const wait = pairWaitMs(this.refusals);
    this.barredUntil = now + wait;
    return wait;
  }

  accepted(): void {
    this.refusals = 0;
  }

  /** Nothing is known of it that a new one would not know. */
  idle(now: number): boolean {
    return this.bucket.full(now) && this.barredUntil <= now && this.refusals === 0;
  }
}

/**
 * Meta's limits on one number, kept before the call. In this process alone, which is exact: a channel is run by one gateway at a
 * time. A gateway that takes over begins with full buckets; what is too much then is refused by Meta and waits.
 */
export class SendLimits {
  private readonly number: Bucket;
  private readonly people = new Map<string, Person>();
  private sweepAbove = SWEEP_ABOVE;

  constructor(
    messagesPerSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.number = numberBucket(messagesPerSecond);
  }

  /** Resolves when the message may go. @throws TransportError (`wait`) when that is not soon. */
  async pass(contactId: string): Promise<void> {
    const person = this.person(contactId);
    const own = person.take(this.now(), PATIENCE_MS);
    if (own > PATIENCE_MS)
      throw new TransportError('pair_rate_limited', 'Too many messages to this customer in a short time.', 'wait', own);
    if (own > 0) await pause(own);
    const shared = this.number.take(this.now(), PATIENCE_MS);
    if (shared > PATIENCE_MS) {
      person.bucket.giveBack();
      throw new TransportError('rate_limited', 'The number sends as fast as it may.', 'wait', shared);
    }
    if (shared > 0) await pause(shared);
  }

  /** @returns how long Meta lets nothing more through to this person, in ms */
  refused(contactId: string): number {
    return this.person(contactId).refused(this.now());
  }

  accepted(contactId: string): void {
    this.people.get(contactId)?.accepted();
  }

  private person(contactId: string): Person {
    let found = this.people.get(contactId);
    if (!found) {
      if (this.people.size > this.sweepAbove) this.sweep();
      this.people.set(contactId, (found = new Person()));
    }
    return found;
  }

  private sweep(): void {
    const now = this.now();
    for (const [id, person] of this.people) if (person.idle(now)) this.people.delete(id);
    this.sweepAbove = Math.max(SWEEP_ABOVE, 2 * this.people.size);
  }
}
