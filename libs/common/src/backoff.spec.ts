import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff, jitter } from './backoff.js';

describe('jitter', () => {
  it('moves by up to the share, either way', () => {
    expect(jitter(1_000, 0.2, () => 0)).toBe(800);
    expect(jitter(1_000, 0.2, () => 0.5)).toBe(1_000);
    expect(jitter(1_000, 0.2, () => 1)).toBe(1_200);
    expect(jitter(1_000, 0, () => 0)).toBe(1_000);
  });

  it('stays within its bounds and gives whole milliseconds', () => {
    const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    fc.assert(
      fc.property(fc.nat(100_000_000), chance, fc.double({ min: 0, max: 1, noNaN: true }), (ms, random, share) => {
        const moved = jitter(ms, share, () => random);
        expect(Number.isInteger(moved)).toBe(true);
        expect(moved).toBeGreaterThanOrEqual(Math.floor(ms * (1 - share)));
        expect(moved).toBeLessThanOrEqual(Math.ceil(ms * (1 + share)));
      }),
    );
  });

  it('spreads many rows: a thousand of them do not come in one wave', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => jitter(60_000))).size).toBeGreaterThan(500);
  });
});

describe('backoff', () => {
  it.each([
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [4, 4_000],
    [7, 32_000],
    [8, 60_000],
    [100, 60_000],
    [5_000, 60_000],
  ])('waits about that long after attempt %d: %d ms', (attempt, ms) => {
    for (let run = 0; run < 50; run += 1) {
      const wait = backoff(attempt);
      expect(wait).toBeGreaterThanOrEqual(ms * 0.8);
      expect(wait).toBeLessThanOrEqual(ms * 1.2);
    }
  });

  it('takes a base and a cap of its own', () => {
    expect(backoff(1, 10, 40)).toBeLessThanOrEqual(12);
    expect(backoff(9, 10, 40)).toBeGreaterThanOrEqual(32);
    expect(backoff(9, 10, 40)).toBeLessThanOrEqual(48);
  });
});
