import { expect, test } from 'vitest';
import { isSameCode, newCode } from './delivery-code.js';

test('a code is four digits, the first of which may be 0', () => {
  const codes = Array.from({ length: 2_000 }, newCode);
  for (const code of codes) expect(code).toMatch(/^\d{4}$/);
  expect(codes.some((code) => code.startsWith('0'))).toBe(true);
  expect(new Set(codes).size).toBeGreaterThan(1_500);
});

test.each([
  ['0482', true],
  ['482', false],
  ['0483', false],
  ['', false],
  ['04820', false],
])('%j against 0482', (given, same) => {
  expect(isSameCode(given, '0482')).toBe(same);
});
