import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import { SystemDb } from '@soko/database';
import { DeadLetters, type Letter } from '@soko/dead-letters';
import { Log } from '@soko/observability';
import { LEASE_MS } from './drain-store.js';
import type { Trigger } from './webhook-logs.dto.js';
import type { Breaker, MinuteCount } from './breaker.js';

/** From one write to the next: what ends in between is written together. */
const GAP_MS = 15;
const MOST_DRAINS = 200;
const LEASE = `interval '${LEASE_MS} milliseconds'`;

/** One call, as it is logged. */
export interface LoggedCall {
  id: string;
  event_id: string;
  event_type: string;
  attempt: number;
  trigger: Trigger;
  outcome: 'delivered' | 'failed';
  url: string;
  own_headers: string[] | null;
  response_status: number | null;
  response_body: string | null;
  duration_ms: number;
  error: string | null;
  error_class: string | null;
  /** ms until the next try. */
  next_in: number | null;
  requested_at: string;
}

/** A first attempt that failed becomes a row. */
export interface NewlyOwed {
  id: string;
  event_id: string;
  event_type: string;
  position: number;
  /** ms */
  due_in: number;
}
export interface OwedAgain {
  id: string;
  attempts: number;
  /** ms */
  due_in: number;
}
export interface Died {
  id: string;
  attempts: number;
  reason: string;
}

/** What has become of one subscription since it was written down last. Times are ms from now, or ago. */
export interface Settlement {
  merchant_id: string;
  webhook_id: string;
  fence: number;
  cursor: number;
  done: number[];
  /** Whether the lease is to be made longer. */
  renew: boolean;
  /** Gives it back: at any rate, or only if nobody has rung since `bell`. */
  leave: 'no' | 'yes' | 'unrung';
  bell: number;
  /** When it is to be rung for after that; null: when something happens. */
  ring_in: number | null;
  called_ago: number | null;
  breaker: Breaker['state'];
  breaker_in: number | null;
  opened: number;
  calls: MinuteCount[];
  resume_in: number | null;
  failing_ago: number | null;
  warned: number;
  logs: LoggedCall[];
  owed: NewlyOwed[];
  again: OwedAgain[];
  died: Died[];
  /** Ids of rows that were owed and are delivered. */
  paid: string[];
}

/** What the subscription is told when all that is written. */
export interface Receipt {
  bell: number;
  left: boolean;
  active: boolean;
  version: string;
}

export interface Settles {
  take(): Settlement;
  /** @param since when it was asked, by `performance.now()`: what is told was true then or later */
  settled(receipt: Receipt, since: number): void;
  /** Somebody else has it, or it is no more. */
  lost(): void;
}

/**
 * The rows of a settlement go in as one document each. Nothing of it is written where the fence is not its own. Locks are taken in one order, which is
 * the relay's too.
 */
const SETTLE = `
WITH given AS (
  SELECT * FROM json_to_recordset($1::json) AS g (n int, merchant_id uuid, webhook_id uuid, fence bigint, cursor bigint, done bigint[],
    renew boolean, leave text, bell bigint, ring_in float8, called_ago float8, breaker text, breaker_in float8, opened int, calls jsonb,
    resume_in float8, failing_ago float8, warned int)
), locked AS MATERIALIZED (
  SELECT g.n FROM given g JOIN webhook_drains d ON d.merchant_id = g.merchant_id AND d.webhook_id = g.webhook_id AND d.fence = g.fence
  ORDER BY d.merchant_id, d.webhook_id FOR NO KEY UPDATE OF d
), held AS (
  UPDATE webhook_drains d SET
    cursor = g.cursor, done = g.done,
    lease_until = CASE WHEN g.leave = 'yes' OR (g.leave = 'unrung' AND d.bell = g.bell) THEN '-infinity'
                       WHEN g.renew THEN clock_timestamp() + ${LEASE} ELSE d.lease_until END,
    ring_at = CASE WHEN g.leave = 'yes' OR (g.leave = 'unrung' AND d.bell = g.bell) THEN clock_timestamp() + g.ring_in * interval '1 millisecond'
                   WHEN g.renew THEN clock_timestamp() + ${LEASE} ELSE d.ring_at END,
    bell = CASE WHEN g.leave = 'unrung' AND d.bell = g.bell THEN 0 ELSE d.bell END,
    called_at = coalesce(clock_timestamp() - g.called_ago * interval '1 millisecond', d.called_at),
    breaker = g.breaker, breaker_until = clock_timestamp() + g.breaker_in * interval '1 millisecond', breaker_opened = g.opened,
    breaker_calls = g.calls, resume_at = clock_timestamp() + g.resume_in * interval '1 millisecond',
    failing_since = clock_timestamp() - g.failing_ago * interval '1 millisecond', warned = g.warned
  FROM given g JOIN locked USING (n)
  WHERE d.merchant_id = g.merchant_id AND d.webhook_id = g.webhook_id AND d.fence = g.fence
  RETURNING g.n, d.merchant_id, d.webhook_id, d.bell, d.lease_until = '-infinity' AS "left"
), logged AS (
  INSERT INTO webhook_logs (merchant_id, webhook_id, id, event_id, event_type, attempt, trigger, outcome, url, own_headers, response_status,
                            response_body, duration_ms, error, error_class, next_try_at, requested_at)
  SELECT h.merchant_id, h.webhook_id, l.id, l.event_id, l.event_type, l.attempt, l.trigger, l.outcome, l.url, l.own_headers, l.response_status,
         l.response_body, l.duration_ms, l.error, l.error_class, clock_timestamp() + l.next_in * interval '1 millisecond', l.requested_at
  FROM json_to_recordset($2::json) AS l (n int, id uuid, event_id uuid, event_type text, attempt int, trigger text, outcome text, url text,
    own_headers text[], response_status int, response_body text, duration_ms int, error text, error_class text, next_in float8,
    requested_at timestamptz) JOIN held h USING (n)
  ON CONFLICT DO NOTHING
)`;
/** Most calls are delivered at once, and leave nothing but their log. */
const RECEIPT = `
SELECT h.n, h.bell, h."left", w.active, w.xmin::text AS version
FROM held h JOIN webhooks w ON w.merchant_id = h.merchant_id AND w.id = h.webhook_id`;
const OWED = `, owed AS (
  -- Where it is owed by another hand already, that row stands.
  INSERT INTO webhook_deliveries AS o (merchant_id, webhook_id, id, event_id, event_type, position, trigger, attempts, due_at)
  SELECT h.merchant_id, h.webhook_id, r.id, r.event_id, r.event_type, r.position, 'event', 1, clock_timestamp() + r.due_in * interval '1 millisecond'
  FROM json_to_recordset($3::json) AS r (n int, id uuid, event_id uuid, event_type text, position bigint, due_in float8) JOIN held h USING (n)
  ON CONFLICT (merchant_id, webhook_id, event_id) DO UPDATE
    SET status = 'pending', trigger = 'event', attempts = 1, due_at = excluded.due_at WHERE o.status = 'dead'
), again AS (
  UPDATE webhook_deliveries o SET attempts = r.attempts, due_at = clock_timestamp() + r.due_in * interval '1 millisecond'
  FROM json_to_recordset($4::json) AS r (n int, id uuid, attempts int, due_in float8) JOIN held h USING (n)
  WHERE o.merchant_id = h.merchant_id AND o.id = r.id
), died AS (
  -- The one place where a delivery becomes dead; its letter is written in the same transaction.
  UPDATE webhook_deliveries o SET status = 'dead', attempts = r.attempts
  FROM json_to_recordset($5::json) AS r (n int, id uuid, attempts int) JOIN held h USING (n)
  WHERE o.merchant_id = h.merchant_id AND o.id = r.id
), paid AS (
  DELETE FROM webhook_deliveries o USING json_to_recordset($6::json) AS r (n int, id uuid) JOIN held h USING (n)
  WHERE o.merchant_id = h.merchant_id AND o.id = r.id
)`;

/**
 * Writes down what became of calls, of all subscriptions of this process together: fifty endpoints cost PostgreSQL hardly more than one. As the system,
 * because the rows are of many merchants; whose they are says the row of the subscription, found by its fence.
 */
@Injectable()
export class Settler {
  private readonly waiting = new Set<Settles>();
  private readonly busy = new Set<Settles>();
  private running = false;

  constructor(
    private readonly system: SystemDb,
    private readonly log: Log,
  ) {}

  /** Soon takes what `drain` has to tell. One whose last settlement is under way asks again when that is done. */
  want(drain: Settles): void {
    if (this.busy.has(drain)) return;
    this.waiting.add(drain);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    // What ends in the same turn goes together; the first of many waits for nothing else.
    await new Promise(setImmediate);
    while (this.waiting.size > 0) {
      const gap = pause(GAP_MS);
      const drains = [...this.waiting].slice(0, MOST_DRAINS);
      for (const drain of drains) {
        this.waiting.delete(drain);
        this.busy.add(drain);
      }
      await this.settle(drains);
      await gap;
    }
    this.running = false;
  }

  private async settle(drains: Settles[]): Promise<void> {
    const settlements = drains.map((drain) => drain.take());
    try {
      await this.write(drains, settlements);
    } catch (error) {
      this.log.warn({ err: error, subscriptions: drains.length }, 'calls could not be written down yet');
      // Each by itself from here on, so that none waits for another.
      for (const [n, drain] of drains.entries()) void this.insist(drain, settlements[n]!);
    }
  }

  /** A call that was made is not made again because its log could not be written: the log waits. */
  private async insist(drain: Settles, settlement: Settlement): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      await pause(backoff(failures, 100, 5_000), undefined, { ref: false });
      try {
        return await this.write([drain], [settlement]);
      } catch (error) {
        this.log.warn({ err: error, webhookId: settlement.webhook_id, failures }, 'calls could not be written down yet');
      }
    }
  }

  private async write(drains: Settles[], settlements: Settlement[]): Promise<void> {
    const since = performance.now();
    const rows = await this.save(settlements);
    const receipts = new Map(rows.map(({ n, ...receipt }) => [n, receipt]));
    for (const [n, drain] of drains.entries()) {
      this.busy.delete(drain);
      const receipt = receipts.get(n);
      if (receipt) drain.settled(receipt, since);
      else drain.lost();
    }
  }

  private async save(settlements: Settlement[]): Promise<Saved[]> {
    const [text, values] = statement(settlements);
    if (settlements.every(({ died }) => died.length === 0)) return this.system.query<Saved>(text, values);
    return this.system.run(async (tx) => {
      const rows = await tx.query<Saved>(text, values);
      await DeadLetters.buryMany(
        tx,
        rows.flatMap(({ n }) => lettersOf(settlements[n]!)),
      );
      return rows;
    });
  }
}

type Saved = Receipt & { n: number };

function lettersOf({ merchant_id: merchantId, webhook_id: subjectId, died }: Settlement): Letter[] {
  return died.map(({ id, reason }) => ({ merchantId, kind: 'webhook_delivery', reference: id, subjectId, reason }));
}

function statement(settlements: Settlement[]): [text: string, values: string[]] {
  const given = settlements.map(({ logs: _l, owed: _o, again: _a, died: _d, paid: _p, ...head }, n) => ({ n, ...head }));
  const all = <T extends object>(of: (settlement: Settlement) => T[]): (T & { n: number })[] =>
    settlements.flatMap((settlement, n) => of(settlement).map((row) => ({ n, ...row })));
  const common = [given, all(({ logs }) => logs)];
  const rest = [
    all(({ owed }) => owed),
    all(({ again }) => again),
    all(({ died }) => died),
    all(({ paid }) => paid.map((id) => ({ id }))),
  ];
  const plain = rest.every((rows) => rows.length === 0);
  const values = plain ? common : [...common, ...rest];
  return [SETTLE + (plain ? '' : OWED) + RECEIPT, values.map((rows) => JSON.stringify(rows))];
}
