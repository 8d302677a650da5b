import { jitter } from '@soko/common';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Waits before the second attempt and those that follow: two quick ones, then the dead-letter schedule. */
const WAITS = [5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR];

/** Milliseconds until the next attempt after `attempts` failed ones, with 20 % jitter; undefined when that was the last. */
export function nextAttemptIn(attempts: number, random?: () => number): number | undefined {
  const wait = WAITS[attempts - 1];
  return wait === undefined ? undefined : jitter(wait, 0.2, random);
}
