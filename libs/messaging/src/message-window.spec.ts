import { idFloor, timeOf } from '@soko/common';
import * as fc from 'fast-check';
import { v7 } from 'uuid';
import { expect, it } from 'vitest';
import { HIGHEST, LOWEST, windowsBelow } from './message-window.js';

const WEEK_MS = 7 * 24 * 3_600_000;

it('every id of a moment lies at or above its floor, and below that of the next', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 47), (ms) => {
      const id = v7({ msecs: ms });
      expect(id >= idFloor(ms) && id < idFloor(ms + 1)).toBe(true);
      expect(timeOf(id)).toBe(ms);
    }),
  );
  expect(idFloor(-1)).toBe(LOWEST);
  expect(idFloor(2 ** 60) < HIGHEST).toBe(true);
});

it('the windows below an id are all ids below it, newest first, each once', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(2 ** 47).map((msecs) => v7({ msecs })),
        fc.nat(20 * WEEK_MS).map(idFloor),
        fc.uuid(),
        fc.constantFrom(HIGHEST, LOWEST),
      ),
      (below) => {
        const windows = windowsBelow(below);
        expect(windows[0]!.below).toBe(below);
        expect(windows.at(-1)!.from).toBe(LOWEST);
        for (const [n, { from, below: to }] of windows.entries()) {
          expect(from <= to).toBe(true);
          expect(windows[n + 1]?.below ?? LOWEST).toBe(from);
        }
      },
    ),
  );
});

it('the first window is a few weeks, so that few partitions are looked at', () => {
  const now = Date.parse('2026-11-25T00:00:00Z');
  const windows = windowsBelow(idFloor(now));
  expect(windows).toHaveLength(3);
  expect((now - timeOf(windows[0]!.from)) / WEEK_MS).toBe(3);
  expect((now - timeOf(windows[1]!.from)) / WEEK_MS).toBe(12);
});
