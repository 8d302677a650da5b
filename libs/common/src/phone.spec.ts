import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskPhone, normalisePhone } from './phone.js';

describe('normalisePhone', () => {
  it.each([
    '+263771234567',
    '263771234567',
    ' +263771234567 ',
    '+263 77 123 4567',
    '263 77 123 4567',
    '+263-77-123-4567',
    '+263.77.123.4567',
    '+263 (77) 123-4567',
    '+263 (0)77 123 4567',
    '+2630771234567',
    '＋２６３７７１２３４５６７',
    '+٢٦٣٧٧١٢٣٤٥٦٧',
    '\t+263\u00a077\u00a0123\u00a04567\n',
    '\u202a+263 77 123 4567\u202c',
    '+263771234567\u200e',
  ])('reads %j as +263771234567', (spelling) => {
    expect(normalisePhone(spelling)).toBe('+263771234567');
  });

  it.each([
    ['+1 (202) 555-0123', '+12025550123'],
    ['44 7911 123456', '+447911123456'],
    ['4915112345678', '+4915112345678'],
    ['+683 4002', '+6834002'],
    ['+39 06 6982', '+39066982'],
  ])('knows other countries: %s is %s', (spelling, phone) => {
    expect(normalisePhone(spelling)).toBe(phone);
  });

  it.each([
    '',
    ' ',
    '+',
    'hello',
    '+1',
    '+263',
    '0771234567',
    '00263771234567',
    '++263771234567',
    '+26377123456789012',
    '+99912345678',
    'call me at +263771234567',
    'tel:+263771234567',
    '+263771234567, +263771234568',
    "+263771234567'; DROP TABLE chats",
    '+263771234567abc',
    '263771234567@s.whatsapp.net',
    '120363025246125486@g.us',
    'null',
  ])('refuses %j', (text) => {
    expect(normalisePhone(text)).toBeUndefined();
  });

  it('gives E.164 or nothing, and what it gives it takes again unchanged', () => {
    const like = fc.oneof(
      fc.string(),
      fc.stringMatching(/^\+?[0-9 ()-]{0,20}$/),
      fc.stringMatching(/^\+(263|1|44|49|91|52|54|225|39)\d{5,11}$/),
    );
    fc.assert(
      fc.property(like, (text) => {
        const phone = normalisePhone(text);
        if (phone === undefined) return;
        expect(phone).toMatch(/^\+[1-9]\d{5,14}$/);
        expect(normalisePhone(phone)).toBe(phone);
      }),
      { numRuns: 500 },
    );
  });
});

describe('maskPhone', () => {
  it.each([
    ['+263771234567', '+263*****4567'],
    ['263771234567', '263*****4567'],
    ['+12025550123', '+120*****0123'],
  ])('%s is logged as %s', (phone, masked) => {
    expect(maskPhone(phone)).toBe(masked);
  });

  it('leaves what is no number alone', () => {
    expect(maskPhone('simulator')).toBe('simulator');
    expect(maskPhone('')).toBe('');
  });

  it('hides at least four digits of every number, short ones of small islands included, and does so twice alike', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\+?[1-9]\d{6,14}$/), (phone) => {
        const masked = maskPhone(phone);
        const shown = masked.replace(/\D/g, '').length;
        expect(shown).toBeLessThanOrEqual(phone.replace(/\D/g, '').length - 4);
        expect(masked.startsWith(phone.slice(0, 3))).toBe(true);
        expect(maskPhone(masked)).toBe(masked);
      }),
    );
  });

  it('does not tell the length of what it hides', () => {
    expect(maskPhone('+263771234567').length).toBe(maskPhone('+26377123454567').length);
  });
});
