import { idFloor, timeOf } from '@soko/common';

const WEEK_MS = 7 * 24 * 3_600_000;
/** How far back is looked at first, then when that was not enough, in weeks; then at everything. */
const WEEKS = [3, 12];

export const LOWEST = '00000000-0000-0000-0000-000000000000';
/** Above every UUIDv7. */
export const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Ids from `from`, not including `below`. */
export interface IdRange {
  from: string;
  below: string;
}

/**
 * Ranges of ids below `below`, newest first, which together are all of them. Messages lie in partitions by week, and a page lies
 * mostly in the first few of them: so few are looked at, however many years there are.
 */
export function windowsBelow(below: string): IdRange[] {
  const newest = timeOf(below);
  const bounds = WEEKS.map((weeks) => idFloor(newest - weeks * WEEK_MS)).filter((from) => from < below && from > LOWEST);
  return [...bounds, LOWEST].map((from, n) => ({ from, below: n === 0 ? below : bounds[n - 1]! }));
}
