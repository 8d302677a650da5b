/*
 * A circuit breaker (Nygard, Release It!) as pure functions. What processes share is a `BreakerState`; what each has seen itself is
 * a `Window`. Times are milliseconds of one clock, the database's.
 */

export const WINDOW_MS = 30_000;
export const MIN_CALLS = 10;
export const FAILING_SHARE = 0.5;
export const FIRST_OPEN_MS = 10_000;
export const LONGEST_OPEN_MS = 5 * 60_000;
export const PROBES = 3;
/** Probes whose outcome has not come by then were those of a process that died. A call takes 15 s at most. */
export const PROBE_LIFE_MS = 20_000;

export interface BreakerState {
  state: 'closed' | 'open' | 'half_open';
  /** Of an open one. */
  openUntil: number | null;
  /** How often in a row it has opened: each is longer. */
  trips: number;
  /** Calls let through since it is half open, or since those before were given up. */
  probes: number;
  changedAt: number;
}

/** What a caller may do: call, call as a probe once `next` is agreed on, or come again after `waitMs`. */
export type Admission = { go: true } | { probe: true; next: BreakerState } | { waitMs: number };

export function admit(breaker: BreakerState, now: number): Admission {
  if (breaker.state === 'closed') return { go: true };
  if (breaker.state === 'open') {
    const left = (breaker.openUntil ?? 0) - now;
    if (left > 0) return { waitMs: left };
    return { probe: true, next: { ...breaker, state: 'half_open', openUntil: null, probes: 1, changedAt: now } };
  }
  if (breaker.probes < PROBES) return { probe: true, next: { ...breaker, probes: breaker.probes + 1 } };
  const left = breaker.changedAt + PROBE_LIFE_MS - now;
  if (left > 0) return { waitMs: Math.min(left, 1_000) };
  return { probe: true, next: { ...breaker, probes: 1, changedAt: now } };
}

/** After a probe: one success closes, one failure opens for longer. Undefined when others have decided meanwhile. */
export function afterProbe(breaker: BreakerState, ok: boolean, now: number): BreakerState | undefined {
  if (breaker.state !== 'half_open') return undefined;
  return ok ? closed(now) : opened(breaker, now);
}

/** When enough of a process's own calls have failed. Undefined when it is not closed: others were first. */
export const afterFailures = (breaker: BreakerState, now: number): BreakerState | undefined =>
  breaker.state === 'closed' ? opened(breaker, now) : undefined;

export const closed = (now: number): BreakerState => ({ state: 'closed', openUntil: null, trips: 0, probes: 0, changedAt: now });

function opened({ trips }: BreakerState, now: number): BreakerState {
  const lasts = Math.min(FIRST_OPEN_MS * 2 ** Math.min(trips, 20), LONGEST_OPEN_MS);
  return { state: 'open', openUntil: now + lasts, trips: trips + 1, probes: 0, changedAt: now };
}

/** Counts of one process's calls by second, oldest first. */
export type Window = readonly { second: number; ok: number; failed: number }[];

export function record(window: Window, ok: boolean, now: number): Window {
  const second = Math.floor(now / 1_000);
  const last = window.at(-1);
  // A clock that was set back must not make the order wrong.
  const at = last && last.second > second ? last.second : second;
  const kept = window.filter((each) => each.second > at - WINDOW_MS / 1_000);
  const own = kept.at(-1)?.second === at ? kept.at(-1)! : { second: at, ok: 0, failed: 0 };
  const counted = ok ? { ...own, ok: own.ok + 1 } : { ...own, failed: own.failed + 1 };
  return [...kept.filter((each) => each.second !== at), counted];
}

/** Whether so much has failed that calling on makes things worse. */
export function failing(window: Window): boolean {
  const failed = window.reduce((sum, each) => sum + each.failed, 0);
  const calls = window.reduce((sum, each) => sum + each.ok + each.failed, 0);
  return calls >= MIN_CALLS && failed / calls >= FAILING_SHARE;
}
