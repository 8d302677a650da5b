import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Breaker, callBegun, callEnded, callsAllowed, CLOSED, takenOver } from './breaker.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NOW = 1_000_000 * MINUTE;

/** As after these calls, one after the other. */
const after = (results: boolean[], from: Breaker = CLOSED, at = NOW): Breaker =>
  results.reduce((breaker, succeeded) => callEnded(callBegun(breaker), succeeded, at), from);
const failures = (count: number): boolean[] => Array.from({ length: count }, () => false);
const successes = (count: number): boolean[] => Array.from({ length: count }, () => true);

describe('closed', () => {
  it('lets everything through', () => {
    expect(callsAllowed(CLOSED, NOW)).toBe(Infinity);
  });

  it('opens for 30 s with the tenth call of which seven failed, and not before', () => {
    expect(after(failures(9)).state).toBe('closed');
    expect(after(failures(10))).toEqual({ state: 'open', until: NOW + 30 * SECOND, opened: 1, calls: [] });
    expect(after([...successes(3), ...failures(6)]).state).toBe('closed');
    expect(after([...successes(3), ...failures(7)]).state).toBe('open');
    expect(after([...successes(4), ...failures(9)]).state).toBe('closed');
    expect(after([...successes(4), ...failures(10)]).state).toBe('open');
  });

  it('never opens on a success', () => {
    expect(after([...failures(9), true]).state).toBe('closed');
    expect(after([...failures(9), true, false]).state).toBe('open');
  });

  it('forgets what is five minutes old', () => {
    const nine = after(failures(9));
    expect(callEnded(nine, false, NOW + 4 * MINUTE).state).toBe('open');
    const later = callEnded(nine, false, NOW + 5 * MINUTE);
    expect(later.state).toBe('closed');
    expect(later.calls).toHaveLength(1);
  });

  it('opens exactly when at least ten calls of the window, and 70 % of them, have failed', () => {
    const call = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 90 * SECOND }));
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        let [breaker, at] = [CLOSED, NOW];
        const past: [succeeded: boolean, minute: number][] = [];
        for (const [succeeded, wait] of calls) {
          at += wait;
          const minute = Math.floor(at / MINUTE);
          past.push([succeeded, minute]);
          breaker = callEnded(breaker, succeeded, at);
          const window = past.filter(([, m]) => m > minute - 5);
          const failed = window.filter(([ok]) => !ok).length;
          const open = !succeeded && window.length >= 10 && failed / window.length >= 0.7;
          expect(breaker.state).toBe(open ? 'open' : 'closed');
          if (open) return;
        }
      }),
    );
  });
});

describe('open', () => {
  const open = after(failures(10));

  it('lets nothing through until its time, and then three', () => {
    expect(callsAllowed(open, open.until - 1)).toBe(0);
    expect(callsAllowed(open, open.until)).toBe(3);
  });

  it('learns nothing from calls that began before it opened', () => {
    expect(callEnded(open, true, NOW + 1)).toBe(open);
    expect(callEnded(open, false, NOW + 1)).toBe(open);
  });

  it('doubles with every time in a row, up to ten minutes', () => {
    let breaker = open;
    const spans = [30];
    for (let n = 0; n < 7; n += 1) {
      const at = breaker.until;
      breaker = callEnded(callBegun(breaker), false, at);
      spans.push((breaker.until - at) / SECOND);
    }
    expect(spans).toEqual([30, 60, 120, 240, 480, 600, 600, 600]);
  });
});

describe('half open', () => {
  const open = after(failures(10));

  it('lets three probes begin, whenever they end', () => {
    let breaker = open;
    for (const left of [2, 1, 0]) {
      breaker = callBegun(breaker);
      expect(breaker.state).toBe('half_open');
      expect(callsAllowed(breaker, open.until)).toBe(left);
    }
    expect(callsAllowed(callEnded(breaker, true, open.until), open.until)).toBe(0);
  });

  it('closes when all three have succeeded, and begins anew', () => {
    const probing = callBegun(callBegun(callBegun(open)));
    const two = callEnded(callEnded(probing, true, open.until), true, open.until);
    expect(two.state).toBe('half_open');
    expect(callEnded(two, true, open.until)).toEqual(CLOSED);
  });

  it('opens again with the first that fails, whatever the others say', () => {
    for (const results of [[false], [true, false], [true, true, false]]) {
      let breaker = callBegun(callBegun(callBegun(open)));
      for (const succeeded of results) breaker = callEnded(breaker, succeeded, open.until);
      expect(breaker).toEqual({ state: 'open', until: open.until + 60 * SECOND, opened: 2, calls: [] });
    }
  });

  it('is probed anew by whoever takes over', () => {
    const probing = callBegun(callBegun(callBegun(open)));
    expect(callsAllowed(takenOver(probing), open.until)).toBe(3);
    expect(takenOver(open)).toBe(open);
    expect(takenOver(CLOSED)).toBe(CLOSED);
  });
});
