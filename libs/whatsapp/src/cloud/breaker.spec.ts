import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  admit,
  afterFailures,
  afterProbe,
  type BreakerState,
  closed,
  failing,
  FIRST_OPEN_MS,
  LONGEST_OPEN_MS,
  PROBE_LIFE_MS,
  PROBES,
  record,
  type Window,
} from './breaker.js';

const windowOf = (calls: [ok: boolean, at: number][]): Window =>
  calls.reduce<Window>((window, [ok, at]) => record(window, ok, at), []);
const times = (count: number, ok: boolean, at = 0): [boolean, number][] => Array.from({ length: count }, () => [ok, at]);

describe('a window', () => {
  it.each([
    [9, 0, false],
    [10, 0, true],
    [5, 5, true],
    [4, 6, false],
    [49, 51, false],
    [50, 50, true],
  ])('of %d failures and %d successes is failing: %s', (failed, ok, expected) => {
    expect(failing(windowOf([...times(failed, false), ...times(ok, true)]))).toBe(expected);
  });

  it('forgets what is 30 s old, and is never longer than that', () => {
    const window = windowOf([...times(10, false), ...times(10, true, 30_000)]);
    expect(failing(window)).toBe(false);
    expect(window).toEqual([{ second: 30, ok: 10, failed: 0 }]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 120_000 })), { maxLength: 300 }), (calls) => {
        const seen = windowOf(calls);
        expect(seen.length).toBeLessThanOrEqual(30);
        expect(seen.map(({ second }) => second)).toEqual(seen.map(({ second }) => second).toSorted((a, b) => a - b));
      }),
    );
  });
});

test('opens for 10 s, twice as long each time, for 5 min at most', () => {
  let breaker: BreakerState = closed(0);
  const lasted: number[] = [];
  let now = 0;
  for (let n = 0; n < 8; n += 1) {
    breaker = n === 0 ? afterFailures(breaker, now)! : afterProbe(breaker, false, now)!;
    lasted.push(breaker.openUntil! - now);
    now = breaker.openUntil!;
    const admission = admit(breaker, now);
    if (!('probe' in admission)) throw new Error('no probe');
    breaker = admission.next;
  }
  expect(lasted).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
  expect(afterProbe(breaker, true, now)).toEqual(closed(now));
});

test('half open lets three through; probes that nobody answers for are given out again', () => {
  let breaker: BreakerState = { state: 'open', openUntil: 0, trips: 1, probes: 0, changedAt: 0 };
  for (let n = 1; n <= PROBES; n += 1) {
    const admission = admit(breaker, 10);
    if (!('probe' in admission)) throw new Error('no probe');
    breaker = admission.next;
    expect(breaker).toMatchObject({ state: 'half_open', probes: n });
  }
  expect(admit(breaker, 10)).toEqual({ waitMs: 1_000 });
  expect(admit(breaker, 10 + PROBE_LIFE_MS)).toMatchObject({ probe: true, next: { probes: 1 } });
});

test('what comes late changes nothing: an outcome of a call or a probe, when others have decided', () => {
  const open = afterFailures(closed(0), 0)!;
  expect(afterFailures(open, 1)).toBeUndefined();
  expect(afterProbe(open, true, 1)).toBeUndefined();
  expect(afterProbe(closed(0), false, 1)).toBeUndefined();
});

type Event = { at: number; do: 'ask' | 'ok' | 'fail' };
const events = fc.array(
  fc.record({ at: fc.integer({ min: 1, max: 30_000 }), do: fc.constantFrom<Event['do'][]>('ask', 'ok', 'fail') }),
  { maxLength: 200 },
);

/** Plays the events through, and names each moment at which it did what it must never do. */
function faultsOf(steps: Event[]): string[] {
  const faults: string[] = [];
  const claim = (right: boolean, what: string) => (right ? 0 : faults.push(what));
  let [breaker, window, now, living] = [closed(0), [] as Window, 0, 0];
  for (const step of steps) {
    now += step.at;
    if (step.do === 'ask') {
      const admission = admit(breaker, now);
      const shut = breaker.state === 'open' && now < breaker.openUntil!;
      const waitMs = 'waitMs' in admission ? admission.waitMs : undefined;
      claim(!shut || waitMs !== undefined, 'let through while open');
      claim(waitMs === undefined || (waitMs > 0 && waitMs <= LONGEST_OPEN_MS), `a wait of ${waitMs} ms`);
      if (!('probe' in admission)) continue;
      living = admission.next.probes === 1 ? 1 : living + 1;
      claim(living <= PROBES, `${living} probes live`);
      breaker = admission.next;
      continue;
    }
    const ok = step.do === 'ok';
    window = record(window, ok, now);
    const tripped = failing(window) ? afterFailures(breaker, now) : undefined;
    const next = breaker.state === 'half_open' ? afterProbe(breaker, ok, now) : tripped;
    if (!next) continue;
    claim((next.state === 'open') === !ok, `${next.state} after ${step.do}`);
    claim(next.state === 'closed' || next.openUntil! - now >= FIRST_OPEN_MS, 'open for too short');
    [breaker, window, living] = [next, [], 0];
  }
  claim(!('waitMs' in admit(breaker, now + LONGEST_OPEN_MS + PROBE_LIFE_MS)), 'shut for ever');
  return faults;
}

test('whatever happens: nothing is let through while open, never more than three probes live, and it always lets somebody in again', () => {
  fc.assert(
    fc.property(events, (steps) => {
      expect(faultsOf(steps)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});
