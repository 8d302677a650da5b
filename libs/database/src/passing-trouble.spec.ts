import { expect, test } from 'vitest';
import { isCollision, isPassing } from './passing-trouble.js';

test.each(['08006', '40001', '40P01', '53300', '55P03', '57P01', '58030'])('%s passes', (code) => {
  expect(isPassing(Object.assign(new Error('x'), { code }))).toBe(true);
  expect(isPassing(Object.assign(new Error('x'), { driverError: { code } }))).toBe(true);
});

test.each(['22P05', '23505', '23514', '42P01', 'ERR_INVALID_ARG_TYPE', 'ECONNRESET', undefined])('%s does not', (code) => {
  expect(isPassing(Object.assign(new Error('x'), { code }))).toBe(false);
});

test('a deadlock and a failed serialisation are collisions', () => {
  expect(['40P01', '40001', '57P01'].map((code) => isCollision({ code }))).toEqual([true, true, false]);
});
