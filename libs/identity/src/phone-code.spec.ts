import { expect, it } from 'vitest';
import { hashOfPhoneCode, linkCodeIn, linkText, newPhoneCode } from './phone-code.js';

it('codes have six digits, and are read from what is written for them', () => {
  for (let n = 0; n < 100; n += 1) {
    const code = newPhoneCode();
    expect(code).toMatch(/^\d{6}$/);
    expect(linkCodeIn(linkText(code))).toBe(code);
  }
  for (const text of [' link 012345 ', 'LINK: 012 345.', 'Lier 012345', 'ربط 012345'])
    expect(linkCodeIn(text), text).toBe('012345');
  for (const text of ['link', 'link 12345', 'link 1234567', '012345', 'please link 012345', 'unlink 012345', 'link\u00000123456'])
    expect(linkCodeIn(text), text).toBeUndefined();
});

const of = (secret: string, merchant: string, code: string) => hashOfPhoneCode(secret, merchant, code).toString('hex');

it('what is stored of a code is another for every merchant and secret', () => {
  const all = [of('s', 'm', '1'), of('t', 'm', '1'), of('s', 'n', '1'), of('s', 'm', '2')];
  expect(new Set(all).size).toBe(4);
  expect(of('s', 'm', '1')).toBe(all[0]);
});
