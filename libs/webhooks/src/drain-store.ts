import { Injectable } from '@nestjs/common';
import { webhookDisabled, webhookFailing } from '@soko/contracts';
import { SystemDb, Tenancy } from '@soko/database';
import { type Breaker, type MinuteCount, takenOver } from './breaker.js';
import { bodyOf } from './event-feed.js';
import type { Illness } from './outcome.js';
import type { Trigger } from './webhook-logs.dto.js';

/** A worker that is killed leaves its subscriptions to others after so long. */
export const LEASE_MS = 6_000;
const LEASE = `interval '${LEASE_MS} milliseconds'`;
const DAY_MS = 24 * 3_600_000;
/** Rows that are owed, read at once. */
export const OWED_BATCH = 200;

/** What a subscription asks for, as it is now. */
export interface Endpoint {
  url: string;
  events: string[];
  filters: Record<string, unknown> | null;
  /** Sealed. */
  headers: string | null;
  /** Sealed. */
  secret: string;
  /** Sealed; null when it no longer signs. */
  oldSecret: string | null;
  /** ms for which it still does. */
  oldSecretFor: number | null;
  rateLimit: number | null;
  ordered: boolean;
  active: boolean;
  /** Changes with every change of it. */
  version: string;
}

/** How far a subscription is, for whoever has taken it. Times are in ms since 1970, by this machine's clock. */
export interface Progress {
  fence: number;
  cursor: number;
  done: number[];
  bell: number;
  breaker: Breaker;
  resumeAt: number;
  /** -Infinity: never. */
  calledAt: number;
  illness: Illness;
}

/** A delivery that is owed. */
export interface Owed {
  id: string;
  eventId: string;
  type: string;
  position: number | null;
  trigger: Trigger;
  attempts: number;
  /** ms until it is due. */
  wait: number;
  /** null: the event is no longer there. */
  body: string | null;
}

interface ClaimRow extends Endpoint {
  fence: number;
  cursor: number;
  done: number[];
  bell: number;
  state: Breaker['state'];
  opened: number;
  calls: MinuteCount[];
  until: number | null;
  resume: number | null;
  called: number | null;
  failing: number | null;
  warned: number;
}

const inMs = (column: string): string => `(extract(epoch FROM ${column} - clock_timestamp()) * 1000)::float8`;
const ENDPOINT = `w.url, w.events, w.filters, w.headers, w.secret, w.rate_limit AS "rateLimit", w.ordered, w.active, w.xmin::text AS version,
  CASE WHEN w.old_secret_until > clock_timestamp() THEN w.old_secret END AS "oldSecret",
  ${inMs('w.old_secret_until')} AS "oldSecretFor"`;
/** Not to be called before then. */
const BLOCKED = `greatest(CASE WHEN d.breaker = 'open' THEN d.breaker_until END, d.resume_at)`;

const at = (ms: number | null): number | undefined => (ms === null ? undefined : Date.now() + ms);

/** Reads and writes about one subscription, as its merchant. What every call leads to is written by the Settler. */
@Injectable()
export class DrainStore {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly system: SystemDb,
  ) {}

  /**
   * Takes a subscription, if it may be called and nobody has it. What all were looked at for, `bell = 0`, need not be looked at again: nothing that
   * it wants lies between.
   */
  async claim(merchantId: string, webhookId: string): Promise<{ endpoint: Endpoint; progress: Progress } | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<ClaimRow>(
        `UPDATE webhook_drains d
         SET fence = d.fence + 1, lease_until = clock_timestamp() + ${LEASE}, ring_at = clock_timestamp() + ${LEASE},
             cursor = CASE WHEN d.bell = 0 THEN greatest(d.cursor, history_end(d.merchant_id)) ELSE d.cursor END
         FROM webhooks w
         WHERE d.merchant_id = $1 AND d.webhook_id = $2 AND w.merchant_id = $1 AND w.id = $2 AND w.active
           AND d.lease_until <= clock_timestamp() AND coalesce(${BLOCKED} <= clock_timestamp(), true)
         RETURNING d.fence, d.cursor, d.done, d.bell, d.breaker AS state, d.breaker_opened AS opened, d.breaker_calls AS calls,
                   ${inMs('d.breaker_until')} AS until, ${inMs('d.resume_at')} AS resume, ${inMs('d.called_at')} AS called,
                   ${inMs('d.failing_since')} AS failing, d.warned, ${ENDPOINT}`,
        [merchantId, webhookId],
      ),
    );
    if (!row) return undefined;
    const breaker = { state: row.state, until: at(row.until) ?? 0, opened: row.opened, calls: row.calls };
    return {
      endpoint: row,
      progress: {
        fence: row.fence,
        cursor: row.cursor,
        done: row.done.map(Number),
        bell: row.bell,
        breaker: takenOver(breaker),
        resumeAt: at(row.resume) ?? 0,
        calledAt: at(row.called) ?? -Infinity,
        illness: { since: at(row.failing), warned: row.warned },
      },
    };
  }

  /**
   * Somebody rang, and it was not to be had. One that may not be called now is rung for when it may, and one that is off by whoever switches it on;
   * who has it is told to look.
   */
  async notClaimed(merchantId: string, webhookId: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      tx.write(
        `UPDATE webhook_drains d SET ring_at = CASE WHEN w.active THEN ${BLOCKED} END
         FROM webhooks w
         WHERE d.merchant_id = $1 AND d.webhook_id = $2 AND w.merchant_id = $1 AND w.id = $2
           AND d.lease_until <= clock_timestamp() AND (NOT w.active OR ${BLOCKED} > clock_timestamp())`,
        [merchantId, webhookId],
      );
      tx.write(`SELECT pg_notify('soko_webhooks', $1::text || '!')`, [webhookId]);
    });
  }

  async endpoint(merchantId: string, webhookId: string): Promise<Endpoint | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Endpoint>(`SELECT ${ENDPOINT} FROM webhooks w WHERE w.merchant_id = $1 AND w.id = $2`, [merchantId, webhookId]),
    );
    return row;
  }

  /** What is owed, soonest due first. Of what must keep its order, only the first, before all others. */
  async owed(merchantId: string, webhookId: string, ordered: boolean): Promise<Owed[]> {
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Omit<Owed, 'body'> & { data: string | null; at: Date }>(
        `SELECT d.id, d.event_id AS "eventId", d.event_type AS type, d.position, d.trigger, d.attempts, ${inMs('d.due_at')} AS wait,
                coalesce(d.sample, e.data)::text AS data, coalesce(e.created_at, d.created_at) AS at
         FROM webhook_deliveries d LEFT JOIN events e ON e.merchant_id = d.merchant_id AND e.id = d.event_id
         WHERE d.merchant_id = $1 AND d.webhook_id = $2 AND d.status = 'pending'
           AND (NOT $3 OR d.trigger <> 'event' OR d.position = (
             SELECT min(position) FROM webhook_deliveries
             WHERE merchant_id = $1 AND webhook_id = $2 AND status = 'pending' AND trigger = 'event'))
         ORDER BY ($3 AND d.trigger = 'event') DESC, d.due_at LIMIT ${OWED_BATCH}`,
        [merchantId, webhookId, ordered],
      ),
    );
    return rows.map(({ data, at, ...row }) => ({
      ...row,
      body: data === null ? null : bodyOf(merchantId, { id: row.eventId, type: row.type, data, at }),
    }));
  }

  /** Switches it off, once, and says so. */
  async disable(merchantId: string, webhookId: string, reason: 'gone' | 'failing'): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [row] = await tx.query<{ url: string }>(
        `UPDATE webhooks SET active = false, disabled_reason = $3, disabled_at = now()
         WHERE merchant_id = $1 AND id = $2 AND active RETURNING url`,
        [merchantId, webhookId, reason],
      );
      if (row) tx.outbox.emit(webhookDisabled, { webhookId, url: row.url, reason });
    });
  }

  /** Notes that its owner was warned, once for each step, and says so. @param failingSince ms since 1970 */
  async warn(merchantId: string, webhookId: string, fence: number, warned: number, failingSince: number): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [row] = await tx.query<{ url: string }>(
        `UPDATE webhook_drains d SET warned = $4 FROM webhooks w
         WHERE d.merchant_id = $1 AND d.webhook_id = $2 AND d.fence = $3 AND d.warned < $4 AND w.merchant_id = $1 AND w.id = $2
         RETURNING w.url`,
        [merchantId, webhookId, fence, warned],
      );
      const days = Math.floor((Date.now() - failingSince) / DAY_MS);
      if (row)
        tx.outbox.emit(webhookFailing, { webhookId, url: row.url, failingSince: new Date(failingSince).toISOString(), days });
    });
  }
}
