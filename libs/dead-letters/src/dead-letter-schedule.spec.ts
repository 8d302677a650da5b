import { expect, test } from 'vitest';
import { nextTryIn } from './dead-letter-schedule.js';

test('tried after 5 min, 30 min, 2 h, 6 h and 12 h, then never by itself', () => {
  const minutes = [0, 1, 2, 3, 4, 5, 50].map((tries) => nextTryIn(tries, () => 0.5)).map((ms) => ms && ms / 60_000);
  expect(minutes).toEqual([5, 30, 120, 360, 720, undefined, undefined]);
});

test('spread by 20 % either way', () => {
  expect(nextTryIn(0, () => 0)).toBe(240_000);
  expect(nextTryIn(0, () => 1)).toBe(360_000);
});
