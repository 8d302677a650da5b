import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { isLeftBehind, OURS } from './left-behind.js';

const NOW = 1_800_000_000_000;
const [host] = OURS.split('.');

it.each([
  ['ours', `${OURS}abc`, 0, false],
  ['ours, and forgotten', `${OURS}abc`, 61, true],
  ['of a process of this machine that has died', `${host}.${spawnSync('true').pid}.abc`, 0, true],
  ['of another machine, a moment ago', `elsewhere.${process.pid}.abc`, 59, false],
  ['of another machine, long ago', `elsewhere.${process.pid}.abc`, 61, true],
  ['of nobody, a moment ago', 'abc', 59, false],
])('%s', (_, name, minutes, left) => {
  expect(isLeftBehind(name, NOW - minutes * 60_000, NOW)).toBe(left);
});
