import { backoff } from '@soko/common';
import type { Log } from '@soko/observability';
import { type DrainStore, type Endpoint, LEASE_MS, OWED_BATCH, type Progress } from './drain-store.js';
import type { Endpoints, OpenEndpoint } from './endpoint.js';
import type { EventFeed } from './event-feed.js';
import { Gate } from './gate.js';
import { type Item, Ledger } from './ledger.js';
import { type Illness, illnessStep, outcomeOf } from './outcome.js';
import type { Receipt, Settlement, Settler, Settles } from './settler.js';
import type { CallResult, WebhookClient } from './webhook.client.js';

/** Places of the history in hand. */
const WINDOW = 256;
/** Fewer than so many to send: time to read more. */
const LOW = 64;
/** One that has nothing to do is kept for so long: what comes soon then needs no alarm. */
const LINGER_MS = 3_000;
/** No call begins on the word of so long ago that the subscription is ours and is on. */
const FRESH_MS = 250;
/** Nor in the last second of a lease: whoever takes over may begin at once, and the limit of calls a second holds. */
const LEASE_MARGIN_MS = 1_000;
/** A lease is made longer when so much of it has gone. */
const RENEW_MS = 2_000;
/** It is worth waiting for what is due so soon. */
const SOON_MS = 1_000;
const TICK_MS = 500;
const LEAST_REST_MS = 10;

export interface DrainTools {
  store: DrainStore;
  feed: EventFeed;
  client: WebhookClient;
  settler: Settler;
  endpoints: Endpoints;
  log: Log;
}

/** What Soko has to do about an endpoint that is gone or does nothing but fail. */
type Duty = { disable: 'gone' | 'failing' } | { warn: Illness; failingSince: number };

/**
 * Sends one subscription what it wants, as long as this process holds its lease: what the history has behind its cursor, and what it is owed. Several
 * calls at once; what became of them is written down by the Settler, a few milliseconds of it at a time.
 */
export class Drain implements Settles {
  private endpoint: OpenEndpoint;
  private readonly ledger: Ledger;
  private readonly gate: Gate;
  private illness: Illness;
  private events: Item[] = [];
  private owed: Item[] = [];
  private owedTurn = false;

  private bell: number;
  /** The bell at the last look: as long as it is the same there is nothing new. */
  private lookedAt = -1;
  private look = true;
  private caughtUp = false;
  private duty?: Duty;

  /** These are by `performance.now()`. */
  private pokedAt = performance.now();
  private busyAt = performance.now();
  private nextOwedAt = Infinity;
  private leaseUntil: number;
  private knownAt: number;
  private renewing = false;

  /** Of an ordered subscription: one has failed and is not through yet. What was read since `headWrittenAt` knows of it. */
  private headFailed = false;
  private headWrittenAt = -Infinity;

  private leave: Settlement['leave'] = 'no';
  private ringIn: number | null = null;
  private stopping = false;
  private abandoned = false;
  /** It has let go, or was let go of. */
  over = false;
  private woken = false;
  private wakeUp?: () => void;
  private pacing?: NodeJS.Timeout;

  /** @param claimedAt when the lease was asked for, by `performance.now()` */
  constructor(
    private readonly merchantId: string,
    private readonly webhookId: string,
    endpoint: Endpoint,
    private readonly progress: Progress,
    claimedAt: number,
    private readonly tools: DrainTools,
  ) {
    this.endpoint = tools.endpoints.open(endpoint, merchantId);
    this.ledger = new Ledger(progress.cursor, progress.done);
    this.gate = new Gate(progress, endpoint.rateLimit, endpoint.ordered);
    this.illness = progress.illness;
    this.bell = progress.bell;
    this.leaseUntil = claimedAt + LEASE_MS;
    this.knownAt = claimedAt;
  }

  /** Something may be new: events, or with `look` also what is owed, or the subscription itself. */
  poke(look: boolean): void {
    this.pokedAt = performance.now();
    this.busyAt = this.pokedAt;
    this.caughtUp = false;
    this.look ||= look;
    this.wake();
  }

  /** Begins no more calls; `run` ends when those under way have. */
  stop(): void {
    this.stopping = true;
    this.wake();
  }

  /** Waits for no call any more: those under way count as not made. */
  abandon(): void {
    this.abandoned = true;
    this.wake();
  }

  /** Makes room for another, if there is nothing to do. */
  hurry(): void {
    this.busyAt = -Infinity;
    this.wake();
  }

  async run(): Promise<void> {
    let failures = 0;
    while (!this.over) {
      try {
        await this.doDuty();
        if (this.leave === 'no' && this.serving) await this.refill();
        failures = 0;
      } catch (error) {
        this.look = true;
        this.tools.log.warn({ err: error, webhookId: this.webhookId }, 'a subscription waits for the database');
        await this.rest(backoff((failures += 1), 100, 5_000));
      }
      this.fill();
      this.leaveIfDone();
      if (this.leaseIsOld()) this.ask();
      await this.rest(TICK_MS);
    }
    clearTimeout(this.pacing);
  }

  take(): Settlement {
    const now = Date.now();
    this.renewing = this.leaseIsOld();
    return {
      merchant_id: this.merchantId,
      webhook_id: this.webhookId,
      fence: this.progress.fence,
      renew: this.renewing,
      leave: this.leave,
      bell: this.lookedAt,
      ring_in: this.ringIn,
      failing_ago: this.illness.since === undefined ? null : now - this.illness.since,
      warned: this.illness.warned,
      ...this.gate.state(now),
      ...this.ledger.take(),
    };
  }

  settled({ bell, left, active, version }: Receipt, since: number): void {
    this.ledger.written();
    this.knownAt = since;
    if (this.renewing) this.leaseUntil = since + LEASE_MS;
    this.bell = bell;
    if (left) return this.lost();
    if (this.leave === 'unrung') {
      // Somebody has rung meanwhile.
      this.leave = 'no';
      this.poke(true);
    }
    if (!active) this.endpoint.active = false;
    if (version !== this.endpoint.version) this.look = true;
    if (this.ledger.unwritten) this.ask();
    else if (this.headWrittenAt === Infinity) {
      this.headWrittenAt = performance.now();
      this.look = true;
    }
    this.fill();
    this.wake();
  }

  lost(): void {
    this.over = true;
    this.wake();
  }

  private get serving(): boolean {
    return this.endpoint.active && !this.stopping && !this.over && !(this.duty && 'disable' in this.duty);
  }

  private leaseIsOld(): boolean {
    return performance.now() > this.leaseUntil - LEASE_MS + RENEW_MS;
  }

  private ask(): void {
    this.tools.settler.want(this);
  }

  private wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  private async rest(ms: number): Promise<void> {
    if (!this.woken) {
      const wait = Math.max(LEAST_REST_MS, Math.min(ms, this.nextOwedAt - performance.now()));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wakeUp = undefined;
    }
    this.woken = false;
  }

  private async refill(): Promise<void> {
    const { store, feed } = this.tools;
    if (this.look) {
      this.look = false;
      this.lookedAt = this.bell;
      this.pokedAt = performance.now();
      this.caughtUp = false;
      const [endpoint] = await Promise.all([store.endpoint(this.merchantId, this.webhookId), this.readOwed()]);
      if (!endpoint) return this.lost();
      this.adopt(endpoint);
    } else if (performance.now() >= this.nextOwedAt && this.owed.length < LOW) {
      await this.readOwed();
    }
    while (this.hungry && this.serving) {
      const since = this.pokedAt;
      const chunk = await feed.read(this.merchantId, this.ledger.readTo, this.endpoint.events, since);
      const wanted = chunk.events.filter((event) => this.endpoint.wants(event));
      this.events.push(...this.ledger.add(wanted, chunk.upTo));
      if (since === this.pokedAt) this.caughtUp = !chunk.more;
      this.fill();
    }
  }

  /** Whether more of the history is wanted, and there is more. */
  private get hungry(): boolean {
    return !this.caughtUp && this.events.length < LOW && this.ledger.open < WINDOW;
  }

  private async readOwed(): Promise<void> {
    const readAt = performance.now();
    const rows = await this.tools.store.owed(this.merchantId, this.webhookId, this.endpoint.ordered);
    this.nextOwedAt = Infinity;
    const due = rows.filter((row) => row.wait <= 0);
    for (const { wait } of rows) if (wait > 0) this.owedIn(wait);
    // More are due than were read: they are read when these are through.
    if (due.length === OWED_BATCH) this.nextOwedAt = readAt;
    if (readAt >= this.headWrittenAt) this.headFailed = this.endpoint.ordered && rows.some((row) => row.trigger === 'event');
    this.owed.push(...this.ledger.takeRows(due, readAt));
    if (!this.ledger.unwritten) return;
    // Some of them can no longer be sent.
    this.headWrittenAt = Infinity;
    this.ask();
  }

  private owedIn(ms: number): void {
    this.nextOwedAt = Math.min(this.nextOwedAt, performance.now() + ms);
  }

  private adopt(endpoint: Endpoint): void {
    const before = this.endpoint;
    if (endpoint.version === before.version) return;
    this.endpoint = this.tools.endpoints.open(endpoint, this.merchantId);
    if (endpoint.url !== before.url) {
      this.gate.forget();
      this.illness = { warned: 0 };
    }
    this.gate.limit(endpoint.rateLimit);
    if (endpoint.ordered !== before.ordered) this.look = true;
    this.gate.ordered = endpoint.ordered;
  }

  /** Begins as many calls as may be. */
  private fill(): void {
    for (;;) {
      if (!this.serving || this.leave !== 'no') return;
      if (this.events.length === 0 && this.owed.length === 0) return;
      const clock = performance.now();
      if (clock > this.knownAt + FRESH_MS || clock > this.leaseUntil - LEASE_MARGIN_MS) return this.ask();
      const now = Date.now();
      const wait = this.gate.wait(now);
      if (wait > 0) return this.later(wait);
      const item = this.next();
      if (!item) return;
      this.call(item, now);
    }
  }

  private later(wait: number): void {
    if (wait > SOON_MS) return;
    this.pacing ??= setTimeout(() => {
      this.pacing = undefined;
      this.fill();
    }, wait);
  }

  /** What is owed takes turns with what is new, so that neither waits for all of the other. */
  private next(): Item | undefined {
    if (this.endpoint.ordered) return this.owed.shift() ?? (this.headFailed ? undefined : this.events.shift());
    this.owedTurn = !this.owedTurn;
    return (this.owedTurn ? this.owed.shift() : undefined) ?? this.events.shift() ?? this.owed.shift();
  }

  private call(item: Item, at: number): void {
    const { url, ownNames } = this.endpoint;
    this.gate.begin(at);
    const headers = this.endpoint.headersFor(item.eventId, at, item.body);
    void this.tools.client.post(url, headers, item.body).then((result) => this.ended(item, { at, url, ownNames }, result));
  }

  private ended(item: Item, call: { at: number; url: string; ownNames: string[] | null }, result: CallResult): void {
    if (this.over) return;
    const now = Date.now();
    const outcome = outcomeOf(result, item.attempts + 1, now);
    this.busyAt = performance.now();
    this.gate.ended(result.durationMs, outcome, now);
    this.ledger.record(item, call, result, outcome);
    if (outcome.nextIn !== undefined) this.owedIn(outcome.nextIn);
    if (outcome.delivered) this.illness = { warned: 0 };
    else this.worsen(now, outcome.gone);
    if (this.endpoint.ordered && (item.owedId || !outcome.delivered)) {
      this.headFailed = true;
      this.headWrittenAt = Infinity;
    }
    this.ask();
    this.fill();
    if (this.hungry || this.gate.inFlight === 0 || this.duty) this.wake();
  }

  private worsen(now: number, gone: boolean): void {
    const failingSince = this.illness.since ?? now;
    const { illness, step } = illnessStep(this.illness, now);
    if (gone || step === 'disable') this.duty = { disable: gone ? 'gone' : 'failing' };
    else if (step === 'warn') this.duty ??= { warn: illness, failingSince };
    else this.illness = illness;
  }

  /** Tried until it is done. */
  private async doDuty(): Promise<void> {
    const { duty, merchantId, webhookId } = this;
    if (!duty) return;
    if ('disable' in duty) {
      await this.tools.store.disable(merchantId, webhookId, duty.disable);
      this.endpoint.active = false;
    } else {
      await this.tools.store.warn(merchantId, webhookId, this.progress.fence, duty.warn.warned, duty.failingSince);
      // Unless it has got well meanwhile.
      if (this.illness.since !== undefined) this.illness = duty.warn;
    }
    if (this.duty === duty) this.duty = undefined;
  }

  /** Gives the lease back where there is nothing to do, or nothing may be done for a while. */
  private leaveIfDone(): void {
    if (this.over || this.leave !== 'no' || this.duty || (this.gate.inFlight > 0 && !this.abandoned)) return;
    if (this.stopping) return this.leaveNow('yes', 0);
    if (!this.endpoint.active) return this.leaveNow('yes', null);
    const blocked = this.gate.blockedFor(Date.now());
    if (blocked > SOON_MS) return this.leaveNow('yes', blocked);
    const clock = performance.now();
    if (this.look || this.ledger.unwritten || clock < this.busyAt + LINGER_MS || clock > this.nextOwedAt - SOON_MS) return;
    const ringIn = this.nextOwedAt === Infinity ? null : this.nextOwedAt - clock;
    // What is behind one that failed waits with it.
    if (this.headFailed) return this.leaveNow('yes', ringIn ?? 0);
    if (this.owed.length > 0 || this.events.length > 0 || !this.caughtUp) return;
    if (this.lookedAt === this.bell) return this.leaveNow('unrung', ringIn);
    this.look = true;
    this.wake();
  }

  private leaveNow(leave: 'yes' | 'unrung', ringIn: number | null): void {
    this.leave = leave;
    this.ringIn = ringIn;
    this.ask();
  }
}
