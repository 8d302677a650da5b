import { jitter } from '@soko/common';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Before the first try and those that follow. */
const WAITS = [5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR];

/** Milliseconds until the next try after so many, with 20 % jitter; undefined when it rests until somebody asks for it. */
export function nextTryIn(tries: number, random?: () => number): number | undefined {
  const wait = WAITS[tries];
  return wait === undefined ? undefined : jitter(wait, 0.2, random);
}
