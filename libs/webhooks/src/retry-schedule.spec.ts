import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAttemptIn } from './retry-schedule.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Failed attempts so far, and the wait for the next one. */
const SCHEDULE: [number, number][] = [
  [1, 5_000],
  [2, 30_000],
  [3, 5 * MINUTE],
  [4, 30 * MINUTE],
  [5, 2 * HOUR],
  [6, 6 * HOUR],
  [7, 12 * HOUR],
];

describe('nextAttemptIn', () => {
  it.each(SCHEDULE)('after %d failed attempts waits %d ms', (attempts, wait) => {
    expect(nextAttemptIn(attempts, () => 0.5)).toBe(wait);
  });

  it.each(SCHEDULE)('after %d failed attempts moves %d ms by 20 % at most', (attempts, wait) => {
    expect(nextAttemptIn(attempts, () => 0)).toBe(wait * 0.8);
    expect(nextAttemptIn(attempts, () => 1)).toBe(wait * 1.2);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (random) => {
        const next = nextAttemptIn(attempts, () => random)!;
        expect(next).toBeGreaterThanOrEqual(wait * 0.8);
        expect(next).toBeLessThanOrEqual(wait * 1.2);
      }),
    );
  });

  it('spreads: many deliveries that failed together do not come back together', () => {
    expect(new Set(Array.from({ length: 200 }, () => nextAttemptIn(3))).size).toBeGreaterThan(100);
  });

  it('waits longer each time, whatever the jitter', () => {
    for (const [attempts] of SCHEDULE.slice(0, -1))
      expect(nextAttemptIn(attempts, () => 1)!).toBeLessThan(nextAttemptIn(attempts + 1, () => 0)!);
  });

  it.each([8, 9, 100])('ends: there is no attempt after %d', (attempts) => {
    expect(nextAttemptIn(attempts)).toBeUndefined();
  });

  it('gives a receiver most of a day to come back', () => {
    const total = SCHEDULE.reduce((sum, [attempts]) => sum + nextAttemptIn(attempts, () => 0)!, 0);
    expect(total).toBeGreaterThan(16 * HOUR);
  });
});
