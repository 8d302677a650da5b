import { ValidationError } from '@soko/common';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatValue, isolate, type TemplateLocale, VARIABLE_TYPES, type VariableType } from './value-format.js';

const HARARE: TemplateLocale = { language: 'en', timeZone: 'Africa/Harare', currency: 'USD' };
const format = (type: VariableType, value: unknown, over: Partial<TemplateLocale> = {}) =>
  formatValue({ name: 'it', type }, value, { ...HARARE, ...over });
/** With the spaces that Intl varies, and its direction marks, made plain. */
const seen = (text: string) => text.replace(/[\u00A0\u202F]/g, ' ').replace(/[\u061C\u200E\u200F]/g, '');

describe('a text', () => {
  it.each([
    ['Rudo', 'Rudo'],
    [1042, '1042'],
    ['', ''],
    ['  a \r\n\t b\u2028c\u0085d ', 'a b c d'],
    ['a\0\u0007b\u200B\u202Ec\u2066d\u2069\uFEFF', 'abcd'],
    ['\u3164', ''],
    ['half \uD83D', 'half \uFFFD'],
  ])('%j is the line %j', (value, text) => expect(format('text', value)).toBe(text));

  it.each(['می‌خواهم', '👨‍👩‍👧', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'e\u0301', '❤️'])('%s keeps what it is written with', (value) =>
    expect(format('text', value)).toBe(value),
  );

  it.each([
    ['*bold*', '∗bold∗'],
    ['_it_ ~gone~ ```code``` `code`', 'ˍitˍ ∼gone∼ ˋˋˋcodeˋˋˋ ˋcodeˋ'],
    ['snake_case 2*3*4 a~b', 'snake_case 2*3*4 a~b'],
    ['بيت_كبير', 'بيت_كبير'],
    ['a`b`c', 'aˋbˋc'],
    ['a**b', 'a∗∗b'],
  ])('%j is not markup: %j', (value, text) => expect(format('text', value)).toBe(text));
});

describe('a number', () => {
  it.each([
    [1234567.5, 'en', '1,234,567.5'],
    ['1234567.5', 'fr', '1 234 567,5'],
    ['-0.00000000000000000001', 'en', '-0.00000000000000000001'],
    ['123456789012345678901', 'en', '123,456,789,012,345,678,901'],
    [0.1 + 0.2, 'en', '0.3'],
    [1234, 'ar-EG', '١٬٢٣٤'],
    [1234.5, 'pt_BR', '1.234,5'],
    [1234.5, 'no language', '1,234.5'],
  ])('%j in %s is %s', (value, language, text) => expect(seen(format('number', value, { language }))).toBe(text));
});

describe('money', () => {
  it.each([
    [{ amount: 1250, currency: 'USD' }, 'en', '$12.50'],
    [{ amount: 1250, currency: 'JPY' }, 'en', '¥1,250'],
    [{ amount: 1250, currency: 'TND' }, 'fr', '1,250 TND'],
    [{ amount: 1250 }, 'en', '$12.50'],
    [1250, 'pt-BR', 'US$ 12,50'],
    ['$12.50', 'fr', '$12.50'],
    ['*$12.50*\n', 'en', '∗$12.50∗'],
  ])('%j in %s is %s', (value, language, text) => expect(seen(format('money', value, { language }))).toBe(text));
});

describe('a date', () => {
  it.each([
    ['2026-11-28', { language: 'en' }, 'November 28, 2026'],
    ['2026-11-28', { language: 'fr', timeZone: 'America/Los_Angeles' }, '28 novembre 2026'],
    ['2026-11-28', { language: 'ar-EG' }, '٢٨ نوفمبر ٢٠٢٦'],
    ['2026-11-28T23:05:00Z', { language: 'en' }, 'November 29, 2026 at 1:05 AM'],
    ['2026-11-28T23:05:00Z', { language: 'fr', timeZone: 'UTC' }, '28 novembre 2026 à 23:05'],
    ['2026-11-28T23:05:00.123+02:00', { language: 'en', timeZone: 'America/New_York' }, 'November 28, 2026 at 4:05 PM'],
  ])('%s for %j is %s', (value, over, text) => expect(seen(format('date', value, over))).toBe(text));
});

describe('a url', () => {
  it.each([
    ['https://shop.example/a?b=c#d', 'https://shop.example/a?b=c#d'],
    ['HTTP://Shop.Example', 'http://shop.example/'],
    ['https://متجر.example/طلب', 'https://xn--pgbep1f.example/%D8%B7%D9%84%D8%A8'],
    ['https://x.example/_a_b?q={{name}}*`~1', 'https://x.example/%5Fa_b?q=%7B%7Bname%7D%7D%2A%60%7E1'],
  ])('%s is %s', (value, text) => {
    expect(format('url', value)).toBe(text);
    expect(decodeURIComponent(new URL(format('url', value)).pathname)).toBe(decodeURIComponent(new URL(value).pathname));
  });
});

describe('a phone number', () => {
  it.each([
    ['+263771234567', '+263 77 123 4567'],
    ['263 77-123-4567', '+263 77 123 4567'],
    ['+14155552671', '+1 415 555 2671'],
  ])('%s is %s', (value, text) => expect(format('phone', value)).toBe(text));
});

describe('what is no value of its type', () => {
  const WRONG: Record<VariableType, unknown[]> = {
    text: [null, true, {}, [], Number.NaN],
    number: ['', ' ', '1,5', 'one', '1e5', '0x10', Number.NaN, Number.POSITIVE_INFINITY, null, true, {}, [1], '1'.repeat(31)],
    money: [
      '',
      'free',
      12.5,
      null,
      {},
      [],
      { amount: '5', currency: 'USD' },
      { amount: 5, currency: 'usd' },
      { amount: 2 ** 53 },
    ],
    date: ['', 'tomorrow', '2026-02-30', '2026-11-28T14:00:00', '2026-W01-1', '20261128', 1_795_000_000_000, null, '2026-13-01'],
    url: [
      '',
      'shop.example',
      'javascript:alert(1)',
      'ftp://x.example',
      'data:text/html,x',
      '//x.example',
      'https://a@b.example',
      5,
    ],
    phone: ['', '0771234567', 'none', '+1', 263771234567, null],
  };
  it.each(VARIABLE_TYPES.flatMap((type) => WRONG[type].map((value) => [type, value] as const)))(
    'is refused by name: %s %j',
    (type, value) => {
      expect(() => format(type, value)).toThrow(
        expect.objectContaining({
          status: 422,
          errors: [{ path: 'variables.it', code: type, message: expect.stringMatching(/^must be /) }],
        }),
      );
    },
  );

  it('says what to give', () => {
    expect(() => format('date', 'tomorrow')).toThrow(
      'variables.it: must be a day, for example 2026-11-28, or a time with its offset, for example 2026-11-28T14:00:00Z',
    );
  });
});

const inside = (text: string) => `\u2068${text}\u2069`;
describe('isolate', () => {
  it.each([
    ['text', 'Rudo', 'en', 'Rudo'],
    ['text', 'محمد', 'en', inside('محمد')],
    ['text', 'Rudo محمد', 'en', inside('Rudo محمد')],
    ['text', 'محمد', 'ar-EG', 'محمد'],
    ['text', 'Rudo', 'ar', inside('Rudo')],
    ['text', 'Rudo', 'he', inside('Rudo')],
    ['text', 'Rudo', 'pa_PK', inside('Rudo')],
    ['number', '12', 'ar', '12'],
    ['phone', '+263 77 123 4567', 'ar', inside('+263 77 123 4567')],
    ['phone', '+263 77 123 4567', 'en', '+263 77 123 4567'],
    ['url', 'https://shop.example/', 'ar', 'https://shop.example/'],
  ] as const)('%s %s in %s', (type, text, language, expected) => expect(isolate(type, text, language)).toBe(expected));
});

/** The text, or nothing when the value is refused as it should be. */
function attempt(type: VariableType, value: unknown, language: string): string {
  try {
    return format(type, value, { language });
  } catch (error) {
    if (error instanceof ValidationError && error.errors?.[0]?.path === 'variables.it') return '';
    throw error;
  }
}

it('every value of every type becomes one clean line in every language, or an error that names it', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'*_~`{}> -1.\n\u202E\u2069aé') }),
    fc.double(),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.record({ amount: fc.integer(), currency: fc.constantFrom('USD', 'IQD', 'XXX') }),
    fc.anything(),
  );
  const language = fc.constantFrom('en', 'fr', 'ar', 'ar-EG', 'he', 'fa', 'pt_BR', 'zh-Hant', '??');
  fc.assert(
    fc.property(fc.constantFrom(...VARIABLE_TYPES), value, language, (type, given, spoken) => {
      const text = attempt(type, given, spoken);
      expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069`]/u);
      expect(text).not.toMatch(/(?<![\p{L}\p{N}])[*_~]|[*_~](?![\p{L}\p{N}])/u);
      expect(text.isWellFormed()).toBe(true);
    }),
    { numRuns: 300 },
  );
}, 30_000);
