import { describe, expect, it } from 'vitest';
import { Pair, PerSecond } from './throttle.js';

describe('PerSecond', () => {
  it('lets no second of any beginning have more than the rate', () => {
    const limit = new PerSecond(3);
    const passed = [0, 400, 400, 900, 999, 1_000, 1_399, 1_400, 1_400, 1_400].map((now) => limit.pass(now));
    expect(passed).toEqual([true, true, true, false, false, true, false, true, true, false]);
  });

  it('of none lets nothing pass', () => {
    expect(new PerSecond(0).pass(5_000)).toBe(false);
  });
});

describe('Pair', () => {
  it('lets a burst pass and then one each interval', () => {
    const pair = new Pair();
    const limit = { burst: 2, everyMs: 6_000 };
    const passed = [0, 0, 0, 5_999, 6_000, 6_000, 18_000, 18_000, 18_000].map((now) => pair.pass(now, limit));
    expect(passed).toEqual([true, true, false, false, true, false, true, true, false]);
  });
});
