import * as fc from 'fast-check';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import type { Counters } from './counters.js';
import { type Hit, Limiter } from './limiter.js';

const WINDOW = 60;
const allowedOf = (hits: Hit[]): number => hits.filter((hit) => hit.allowed).length;
const nothing = async (): Promise<unknown> => undefined;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The shared store, with pauses before it counts and before its answer arrives. */
function storeOf(before = nothing, after = before) {
  const windows = new Map<string, { used: number; endsAt: number }>();
  const calls: number[] = [];
  const take: Counters['take'] = async (key, amount, windowSeconds) => {
    calls.push(amount);
    await before();
    let window = windows.get(key);
    if (!window || window.endsAt <= Date.now())
      windows.set(key, (window = { used: 0, endsAt: Date.now() + windowSeconds * 1000 }));
    window.used += amount;
    const count = { used: window.used, resetMs: window.endsAt - Date.now() };
    await after();
    return count;
  };
  return { counters: { take } as Counters, calls };
}

const burst = (limiter: Limiter, count: number, limit: number, key = 'k'): Promise<Hit[]> =>
  Promise.all(Array.from({ length: count }, async () => limiter.hit(key, limit, WINDOW)));

afterEach(() => vi.useRealTimers());

describe('a limit', () => {
  it('lets exactly so many pass, tells how many may follow and when the window ends', async () => {
    const limiter = new Limiter(storeOf().counters);
    const told: Hit[] = [];
    for (let n = 0; n < 5; n += 1) told.push(await limiter.hit('k', 3, WINDOW));
    expect(told).toEqual([
      { allowed: true, remaining: 2, resetSeconds: WINDOW },
      { allowed: true, remaining: 1, resetSeconds: WINDOW },
      { allowed: true, remaining: 0, resetSeconds: WINDOW },
      { allowed: false, remaining: 0, resetSeconds: WINDOW },
      { allowed: false, remaining: 0, resetSeconds: WINDOW },
    ]);
  });

  it('of one key is not used up by another', async () => {
    const limiter = new Limiter(storeOf().counters);
    expect(allowedOf(await burst(limiter, 3, 1, 'full'))).toBe(1);
    expect(allowedOf(await burst(limiter, 3, 2, 'other'))).toBe(2);
  });

  it('is never passed by all processes together, and what they miss of it is what the others have leased', async () => {
    const limits = fc.oneof(fc.integer({ min: 1, max: 127 }), fc.integer({ min: 128, max: 2_000 }));
    const bursts = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), limits, bursts, async (scheduler, limit, counts) => {
        const { counters } = storeOf(() => scheduler.schedule(Promise.resolve()));
        const processes = counts.map(() => new Limiter(counters));
        const hits = await scheduler.waitFor(Promise.all(processes.map((limiter, n) => burst(limiter, counts[n]!, limit))));
        const passed = allowedOf(hits.flat());
        const asked = counts.reduce((sum, count) => sum + count, 0);
        const leased = (processes.length - 1) * Math.floor(limit / 128);
        expect(passed).toBeLessThanOrEqual(limit);
        expect(passed).toBeGreaterThanOrEqual(Math.min(asked, limit - leased));
      }),
      { numRuns: 150 },
    );
  });

  it('that is raised counts at once, and those who were refused before have used up nothing of it', async () => {
    const limiter = new Limiter(storeOf().counters);
    expect(allowedOf(await burst(limiter, 50, 5))).toBe(5);
    expect(allowedOf(await burst(limiter, 50, 12))).toBe(7);
  });

  it('that is lowered counts at once, also below what was used', async () => {
    const limiter = new Limiter(storeOf().counters);
    expect(allowedOf(await burst(limiter, 6, 100))).toBe(6);
    expect(allowedOf(await burst(limiter, 50, 8))).toBe(2);
    expect(await limiter.hit('k', 4, WINDOW)).toMatchObject({ allowed: false, remaining: 0 });
  });
});

describe('a window', () => {
  it('ends for hits as it ends in the store, and the whole limit is there again', async () => {
    vi.useFakeTimers();
    const limiter = new Limiter(storeOf().counters);
    expect(allowedOf(await burst(limiter, 9, 5))).toBe(5);
    vi.advanceTimersByTime(WINDOW * 1000 - 1);
    expect(await limiter.hit('k', 5, WINDOW)).toEqual({ allowed: false, remaining: 0, resetSeconds: 1 });
    vi.advanceTimersByTime(1);
    expect(allowedOf(await burst(limiter, 9, 5))).toBe(5);
  });

  it('takes with it what a process has leased in it, also when the store’s answer was long on its way', async () => {
    vi.useFakeTimers();
    const limit = 1_280;
    let latency = 400;
    const { counters } = storeOf(nothing, () => (latency > 0 ? pause(latency) : nothing()));
    const [slow, busy] = [new Limiter(counters), new Limiter(counters)];
    const first = slow.hit('k', limit, WINDOW);
    await vi.advanceTimersByTimeAsync(WINDOW * 1000);
    expect(await first).toMatchObject({ allowed: true });
    latency = 0;
    expect(allowedOf(await burst(busy, limit, limit))).toBe(limit);
    expect(await slow.hit('k', limit, WINDOW)).toMatchObject({ allowed: false });
  });
});

describe('the store', () => {
  it('is asked by one of those who come at once, for all of them', async () => {
    const { counters, calls } = storeOf();
    expect(allowedOf(await burst(new Limiter(counters), 100, 100))).toBe(100);
    expect(calls).toEqual([1, 99]);
  });

  it('is not asked any more when the limit is reached', async () => {
    const { counters, calls } = storeOf();
    const limiter = new Limiter(counters);
    await burst(limiter, 20, 10);
    const asked = calls.length;
    expect(allowedOf(await burst(limiter, 1_000, 10))).toBe(0);
    expect(calls).toHaveLength(asked);
  });

  it('is asked for a small part of what is left, so that other processes find the rest', async () => {
    const { counters, calls } = storeOf();
    const limiter = new Limiter(counters);
    for (let n = 0; n < 6_000; n += 1) await limiter.hit('k', 6_000, WINDOW);
    expect(Math.max(...calls)).toBe(Math.floor(6_000 / 128));
    expect(calls.reduce((sum, amount) => sum + amount, 0)).toBe(6_000);
  });

  it('may fail once: that hit tells it, and the next one asks again', async () => {
    const { counters } = storeOf();
    vi.spyOn(counters, 'take').mockRejectedValueOnce(new Error('no'));
    const limiter = new Limiter(counters);
    await expect(limiter.hit('k', 5, WINDOW)).rejects.toThrow('no');
    expect(await limiter.hit('k', 5, WINDOW)).toMatchObject({ allowed: true, remaining: 4 });
  });
});

test('a crowd of strangers costs each of them no more than the first ones', async () => {
  const limiter = new Limiter(storeOf().counters);
  const started = performance.now();
  for (let n = 0; n < 40_000; n += 1) await limiter.hit(`ip:${n}`, 100, 900);
  expect(performance.now() - started).toBeLessThan(4_000);
});
