import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callsAtOnce, RateLimiter, smoothed } from './pace.js';

describe('calls at once', () => {
  it('are few where answers come at once, many where they take long, and few again where something is wrong', () => {
    expect([0, 1, 12, 50, 100, 500, 2_000, 2_001, 15_000].map(callsAtOnce)).toEqual([4, 4, 4, 16, 32, 32, 32, 8, 8]);
  });

  it('go by what answers took lately', () => {
    expect(smoothed(10, 10)).toBe(10);
    expect(smoothed(10, 90)).toBe(20);
  });
});

describe('RateLimiter', () => {
  it('lets so many begin at once, and the next when a second is over', () => {
    const limiter = new RateLimiter(3, -Infinity);
    for (const now of [0, 0, 500]) {
      expect(limiter.wait(now)).toBe(0);
      limiter.begin(now);
    }
    expect(limiter.wait(500)).toBe(500);
    expect(limiter.wait(999)).toBe(1);
    expect(limiter.wait(1_000)).toBe(0);
  });

  it('of whoever takes over waits a second from the last call', () => {
    const limiter = new RateLimiter(3, 400);
    expect(limiter.wait(500)).toBe(900);
    expect(limiter.wait(1_400)).toBe(0);
  });

  it('never lets more through within any second, whenever it is asked, and whoever takes over in between', () => {
    const step = fc.record({ wait: fc.nat(700), handOver: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 300 }), (perSecond, steps) => {
        let limiter = new RateLimiter(perSecond, -Infinity);
        let now = 0;
        const begun: number[] = [];
        for (const { wait, handOver } of steps) {
          now += wait;
          if (handOver) limiter = new RateLimiter(perSecond, begun.at(-1) ?? -Infinity);
          while (limiter.wait(now) === 0) {
            limiter.begin(now);
            begun.push(now);
          }
        }
        const gaps = begun.slice(perSecond).map((at, n) => at - begun[n]!);
        expect(Math.min(1_000, ...gaps)).toBe(1_000);
      }),
    );
  });
});
