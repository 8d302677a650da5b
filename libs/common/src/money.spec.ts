import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMoney, multiply, sum } from './money.js';

const usd = (amount: number) => ({ amount, currency: 'USD' });
const amount = fc.maxSafeInteger();
/** Whether the true result, in exact arithmetic, is one that we can represent. */
const exact = (value: bigint): boolean => value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
const attempt = (work: () => { amount: number }): bigint | string => {
  try {
    return BigInt(work().amount);
  } catch (error) {
    return (error as Error).name;
  }
};
/** Digits only, with a minus in front: what remains of a formatted amount in minor units. */
const digitsOf = (text: string): bigint => BigInt(text.replace(/[^\d-]/g, ''));

describe('multiply', () => {
  it('keeps the currency', () => {
    expect(multiply(usd(1_250), 3)).toEqual(usd(3_750));
  });

  it('is exact or throws, whatever the numbers', () => {
    fc.assert(
      fc.property(amount, fc.nat(1_000_000), (price, quantity) => {
        const product = BigInt(price) * BigInt(quantity);
        expect(attempt(() => multiply(usd(price), quantity))).toBe(exact(product) ? product : 'RangeError');
      }),
    );
  });

  it.each([
    [0.5, 2],
    [2, 0.5],
    [Number.NaN, 1],
    [1, Number.POSITIVE_INFINITY],
  ])('refuses %d x %d: money is never a float, even where the product happens to be whole', (price, quantity) => {
    expect(() => multiply(usd(price), quantity)).toThrow(RangeError);
  });
});

describe('sum', () => {
  it('of nothing is zero', () => {
    expect(sum([], 'USD')).toEqual(usd(0));
  });

  it('is exact or throws, in any order', () => {
    const near = fc.oneof(
      amount,
      fc.integer({ min: -5, max: 5 }),
      fc.constantFrom(Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER),
    );
    fc.assert(
      fc.property(fc.array(near, { maxLength: 8 }), (amounts) => {
        const total = amounts.reduce((all, each) => all + BigInt(each), 0n);
        const got = attempt(() => sum(amounts.map(usd), 'USD'));
        // An order of adding that leaves the exact range on the way may be refused; a wrong sum is never given.
        expect([total, 'RangeError']).toContain(got);
      }),
    );
  });

  it('never throws for the amounts of a real order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000_000_000), { maxLength: 100 }), (amounts) => {
        const total = amounts.reduce((all, each) => all + BigInt(each), 0n);
        expect(BigInt(sum(amounts.map(usd), 'USD').amount)).toBe(total);
      }),
    );
  });

  it('throws when it overflows, also where a later amount would bring it back', () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect(() => sum([usd(most), usd(1)], 'USD')).toThrow(RangeError);
    expect(() => sum([usd(most), usd(2), usd(-2)], 'USD')).toThrow(RangeError);
  });

  it('refuses floats, also where they add up to a whole', () => {
    expect(() => sum([usd(0.5), usd(0.5)], 'USD')).toThrow(RangeError);
  });

  it('refuses another currency and names both', () => {
    expect(() => sum([usd(1), { amount: 1, currency: 'KWD' }], 'USD')).toThrow(/KWD.*USD/);
  });
});

describe('formatMoney', () => {
  it.each([
    [{ amount: 1_250, currency: 'USD' }, '$12.50'],
    [{ amount: 5, currency: 'USD' }, '$0.05'],
    [{ amount: 0, currency: 'USD' }, '$0.00'],
    [{ amount: -1_250, currency: 'USD' }, '-$12.50'],
    [{ amount: 123_456_789, currency: 'USD' }, '$1,234,567.89'],
    [{ amount: 1_250, currency: 'JPY' }, '¥1,250'],
    [{ amount: 1_250, currency: 'KWD' }, 'KWD 1.250'],
    [{ amount: 1_250, currency: 'UGX' }, 'UGX 1,250'],
    [{ amount: 125_050, currency: 'ZMW' }, 'ZMW 1,250.50'],
  ])('%o reads %s', (money, text) => {
    expect(formatMoney(money).replaceAll('\u00a0', ' ')).toBe(text);
  });

  /* ICU shows no minor units for these because daily life does not use them; their amounts still count in them (ISO 4217). */
  it.each([
    [{ amount: 125_050, currency: 'PKR' }, 'PKR 1,250.50'],
    [{ amount: 1_500_000, currency: 'IDR' }, 'IDR 15,000.00'],
    [{ amount: 125_050, currency: 'COP' }, 'COP 1,250.50'],
    [{ amount: 125_050, currency: 'SOS' }, 'SOS 1,250.50'],
    [{ amount: 1_250_500, currency: 'IQD' }, 'IQD 1,250.500'],
  ])('%o reads %s: minor units are of ISO 4217, not of daily life', (money, text) => {
    expect(formatMoney(money).replaceAll('\u00a0', ' ')).toBe(text);
  });

  it('follows the locale', () => {
    expect(formatMoney(usd(123_450), 'de-DE').replaceAll('\u00a0', ' ')).toBe('1.234,50 $');
    expect(formatMoney(usd(1_250), 'sn')).toContain('12.50');
  });

  /* All of them pass the check of a merchant's locale (class-validator's IsLocale). */
  it.each(['en_US', 'pt_BR', 'i-klingon', 'x-private', 'en-GB-oed'])('copes with the locale %s, which Intl refuses', (locale) => {
    expect(formatMoney(usd(1_250), locale)).toMatch(/12[.,]50/);
  });

  it('takes pt_BR for pt-BR', () => {
    expect(formatMoney(usd(1_250), 'pt_BR')).toBe(formatMoney(usd(1_250), 'pt-BR'));
  });

  it('shows every cent of every amount', () => {
    fc.assert(
      fc.property(amount, fc.constantFrom('USD', 'JPY', 'KWD', 'PKR', 'CLF'), (value, currency) => {
        expect(digitsOf(formatMoney({ amount: value, currency }))).toBe(BigInt(value));
      }),
    );
  });
});
