const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Failures are judged over the last so many minutes, this one included. */
const WINDOW_MINUTES = 5;
const LEAST_CALLS = 10;
const TRIPS_AT = 0.7;
const OPEN_MS = 30 * SECOND;
const LONGEST_OPEN_MS = 10 * MINUTE;
const PROBES = 3;

/** Calls of one minute: which, how many, and how many of them failed. */
export type MinuteCount = [minute: number, calls: number, failures: number];

/** Whether an endpoint is called. Times are in ms since 1970. */
export interface Breaker {
  state: 'closed' | 'open' | 'half_open';
  /** Open until then. */
  until: number;
  /** How often in a row it has opened: each time for twice as long. */
  opened: number;
  /** While closed, the last minutes; while half open, one entry: the probes that have begun, and those that have succeeded. */
  calls: MinuteCount[];
}

export const CLOSED: Breaker = { state: 'closed', until: 0, opened: 0, calls: [] };

/** How many calls may begin now. */
export function callsAllowed(breaker: Breaker, now: number): number {
  if (breaker.state === 'closed') return Infinity;
  if (breaker.state === 'open') return now >= breaker.until ? PROBES : 0;
  return PROBES - (breaker.calls[0]?.[1] ?? 0);
}

/** A call begins; only while `callsAllowed`. */
export function callBegun(breaker: Breaker): Breaker {
  if (breaker.state === 'closed') return breaker;
  const [, begun, succeeded] = (breaker.state === 'half_open' && breaker.calls[0]) || [0, 0, 0];
  return { ...breaker, state: 'half_open', calls: [[0, begun + 1, succeeded]] };
}

/**
 * A call has ended. One failed probe opens it again, for twice as long; when all have succeeded it closes. What began before it opened
 * and ends while it is open says nothing new.
 */
export function callEnded(breaker: Breaker, succeeded: boolean, now: number): Breaker {
  if (breaker.state === 'open') return breaker;
  if (breaker.state === 'half_open') {
    if (!succeeded) return opened(breaker, now);
    const [, begun, successes] = breaker.calls[0] ?? [0, 0, 0];
    return successes + 1 >= PROBES ? CLOSED : { ...breaker, calls: [[0, begun, successes + 1]] };
  }
  const calls = counted(breaker.calls, succeeded, Math.floor(now / MINUTE));
  const [all, failures] = calls.reduce(([a, f], [, c, failed]) => [a + c, f + failed], [0, 0]);
  if (!succeeded && all >= LEAST_CALLS && failures / all >= TRIPS_AT) return opened(breaker, now);
  return { ...breaker, calls };
}

/** As whoever takes over must see it: of probes under way nothing is known any more, so they are made again. */
export const takenOver = (breaker: Breaker): Breaker => (breaker.state === 'half_open' ? { ...breaker, calls: [] } : breaker);

const opened = (breaker: Breaker, now: number): Breaker => ({
  state: 'open',
  until: now + Math.min(OPEN_MS * 2 ** breaker.opened, LONGEST_OPEN_MS),
  opened: breaker.opened + 1,
  calls: [],
});

function counted(calls: MinuteCount[], succeeded: boolean, minute: number): MinuteCount[] {
  const failed = succeeded ? 0 : 1;
  const last = calls.at(-1);
  if (last?.[0] === minute) return [...calls.slice(0, -1), [minute, last[1] + 1, last[2] + failed]];
  return [...calls.filter(([at]) => at > minute - WINDOW_MINUTES), [minute, 1, failed]];
}
