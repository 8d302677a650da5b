import { SystemDb } from '@soko/database';
import { type Admission, admit, afterFailures, afterProbe, type BreakerState, failing, record, type Window } from './breaker.js';

/** A process that makes calls knows what the others have found out after so long. */
const FRESH_MS = 1_000;

interface Row {
  state: BreakerState['state'];
  open_until: number | null;
  trips: number;
  probes: number;
  changed_at: number;
  now: number;
}

/** Leave to make one call. Its outcome must be told, once. */
export interface Permit {
  /** @param reason why it failed, for ops. */
  settle(ok: boolean, reason?: string): Promise<void>;
}

/**
 * One breaker of all processes: its state is a row, written at transitions only, each of which is agreed on by comparing with what
 * was read. Each process counts its own calls. While the database is away the last known state holds.
 */
export class SharedBreaker {
  private known?: { state: BreakerState; readAt: number };
  /** What the database's clock is ahead of ours. */
  private ahead = 0;
  private window: Window = [];
  private reading?: Promise<BreakerState>;

  constructor(
    private readonly system: Pick<SystemDb, 'query'>,
    private readonly name: string,
    private readonly freshMs = FRESH_MS,
  ) {}

  /** Leave to call, or how many ms to wait. */
  async ask(): Promise<Permit | number> {
    // Whoever loses an agreement looks again; each loss is another's gain, so few rounds are enough.
    for (let round = 0; round < 5; round += 1) {
      const state = await this.state(round > 0);
      const admission: Admission = admit(state, this.now());
      if ('waitMs' in admission) return Math.ceil(admission.waitMs);
      if ('go' in admission) return { settle: (ok, reason) => this.called(ok, reason) };
      if (await this.agree(state, admission.next)) return { settle: (ok, reason) => this.probed(ok, reason) };
    }
    return 1_000;
  }

  private now(): number {
    return Date.now() + this.ahead;
  }

  private async called(ok: boolean, reason?: string): Promise<void> {
    this.window = record(this.window, ok, this.now());
    if (ok || !failing(this.window)) return;
    const state = await this.state(true);
    const next = afterFailures(state, this.now());
    if (next) await this.agree(state, next, reason);
  }

  private async probed(ok: boolean, reason?: string): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      const state = await this.state(true);
      const next = afterProbe(state, ok, this.now());
      // Refused, because another probe was given out: that changes nothing of this one's outcome.
      if (!next || (await this.agree(state, next, reason))) return;
    }
  }

  private async state(anew: boolean): Promise<BreakerState> {
    const { known } = this;
    if (!anew && known && performance.now() - known.readAt < this.freshMs) return known.state;
    // Callers that come at once share one look, but not one that began before they had to look anew.
    if (anew || !this.reading) {
      const reading = this.read().finally(() => {
        if (this.reading === reading) this.reading = undefined;
      });
      this.reading = reading;
    }
    return this.reading;
  }

  private async read(): Promise<BreakerState> {
    try {
      const [row] = await this.system.query<Row>(
        `SELECT state, trips, probes, extract(epoch FROM open_until)::float8 * 1000 AS open_until,
                extract(epoch FROM changed_at)::float8 * 1000 AS changed_at, extract(epoch FROM clock_timestamp())::float8 * 1000 AS now
         FROM breakers WHERE name = $1`,
        [this.name],
      );
      if (!row) throw new Error(`there is no breaker ${this.name}: a migration must make it`);
      this.ahead = row.now - Date.now();
      return this.learn({
        state: row.state,
        openUntil: row.open_until,
        trips: row.trips,
        probes: row.probes,
        changedAt: row.changed_at,
      });
    } catch (error) {
      if (this.known) return this.known.state;
      throw error;
    }
  }

  private learn(state: BreakerState): BreakerState {
    // What was counted before it opened says nothing of the time after.
    if (state.state !== 'closed' || (this.known && this.known.state.state !== 'closed')) this.window = [];
    this.known = { state, readAt: performance.now() };
    return state;
  }

  /** Writes a transition, if the row still is what was read. @returns whether it was */
  private async agree(from: BreakerState, to: BreakerState, reason?: string): Promise<boolean> {
    const changed = await this.system.query(
      `UPDATE breakers SET state = $2, open_until = to_timestamp($3::float8 / 1000), trips = $4, probes = $5,
              changed_at = to_timestamp($6::float8 / 1000), reason = CASE WHEN $2 = 'open' THEN coalesce($7, reason) WHEN $2 = 'closed' THEN NULL ELSE reason END
       WHERE name = $1 AND state = $8 AND trips = $9 AND probes = $10 RETURNING 1 AS one`,
      [this.name, to.state, to.openUntil, to.trips, to.probes, to.changedAt, reason ?? null, from.state, from.trips, from.probes],
    );
    if (changed.length === 0) return false;
    this.learn(to);
    return true;
  }
}
