import { describe, expect, it } from 'vitest';
import { LANGUAGES, MESSAGES, speaker } from './language.js';
import { hear } from './input.js';
import { en, type Message, type MessageKey } from './messages/en.js';
import { staffEn, type StaffMessageKey } from './messages/staff-en.js';
import { STAFF_MESSAGES } from './staff-language.js';
import { wantOf } from './staff-words.js';

const KEYS = Object.keys(en) as MessageKey[];
const formsOf = (message: Message): string[] => (typeof message === 'string' ? [message] : Object.values(message));
const placeholders = (form: string): string[] => [...form.matchAll(/\{\w+\}/g)].map(String).toSorted();

/** What stands on a button, in a row and in its description; everything else is part of a body. */
const LIMITS: Partial<Record<MessageKey, number>> = {
  ...Object.fromEntries(
    ['seeProducts', 'checkout', 'addMore', 'change', 'sameAddress', 'cash', 'transfer', 'payOnline', 'confirm'].map((key) => [
      key,
      20,
    ]),
  ),
  ...Object.fromEntries(['cancel', 'choices', 'allProducts', 'orderAgain', 'aPerson', 'help'].map((key) => [key, 20])),
  ...Object.fromEntries(
    ['products', 'categories', 'others', 'else', 'more', 'emptyCart', 'yourCart', 'yourOrders'].map((key) => [key, 24]),
  ),
  ...Object.fromEntries(['yourOrder', 'language', 'noOffers'].map((key) => [key, 24])),
  helpMore: 72,
};

describe.each(LANGUAGES)('the messages in %s', (language) => {
  it('are the same as in English, with the same placeholders', () => {
    expect(Object.keys(MESSAGES[language]).toSorted()).toEqual(KEYS.toSorted());
    for (const key of KEYS) {
      const expected = placeholders(formsOf(en[key])[0]!);
      for (const form of formsOf(MESSAGES[language][key])) expect([key, placeholders(form)]).toEqual([key, expected]);
    }
  });

  it("keep WhatsApp's limits without being cut", () => {
    const long = KEYS.filter((key) => formsOf(MESSAGES[language][key]).some((form) => form.length > (LIMITS[key] ?? 300)));
    expect(long).toEqual([]);
  });

  it('are told apart on one message', () => {
    const titles = (
      ['checkout', 'addMore', 'change', 'confirm', 'cancel', 'cash', 'transfer', 'payOnline', 'more', 'help', 'others'] as const
    ).map((key) => MESSAGES[language][key]);
    expect(new Set(titles).size).toBe(titles.length);
  });
});

const STAFF_KEYS = Object.keys(staffEn) as StaffMessageKey[];
const STAFF_LIMITS: Partial<Record<StaffMessageKey, number>> = {
  ...Object.fromEntries(
    ['show', 'help', 'stock', 'confirm', 'prepare', 'dispatch', 'deliver', 'cancel', 'yesCancel', 'noKeep', 'startIt'].map(
      (key) => [key, 20],
    ),
  ),
  ...Object.fromEntries(
    ['doneIt', 'failIt', 'myDeliveries', 'broadcast', 'sendIt', 'dropIt', 'stopIt', 'goOn'].map((key) => [key, 20]),
  ),
  ...Object.fromEntries(
    ['more', 'todaysOrders', 'pauseBot', 'wakeBot', 'shopHere', 'all', 'recent', 'lapsed'].map((key) => [key, 24]),
  ),
  ...Object.fromEntries(['allHint', 'recentHint', 'lapsedHint'].map((key) => [key, 72])),
};

describe.each(LANGUAGES)('what the team reads in %s', (language) => {
  it('is the same as in English, with the same placeholders, and as short as WhatsApp wants it', () => {
    expect(Object.keys(STAFF_MESSAGES[language]).toSorted()).toEqual(STAFF_KEYS.toSorted());
    for (const key of STAFF_KEYS) {
      const expected = placeholders(formsOf(staffEn[key])[0]!);
      for (const form of formsOf(STAFF_MESSAGES[language][key])) {
        expect([key, placeholders(form)]).toEqual([key, expected]);
        expect([key, form.length > (STAFF_LIMITS[key] ?? 300)]).toEqual([key, false]);
      }
    }
  });

  it('is told apart on one message', () => {
    for (const keys of [
      ['confirm', 'prepare', 'dispatch', 'deliver', 'cancel', 'help'],
      ['yesCancel', 'noKeep'],
      ['doneIt', 'failIt'],
      ['stock', 'help'],
      ['broadcast', 'help'],
      ['sendIt', 'dropIt'],
    ] as StaffMessageKey[][])
      expect(new Set(keys.map((key) => STAFF_MESSAGES[language][key])).size).toBe(keys.length);
  });

  it('names words that the bot knows', () => {
    const verbs = ['shopWords', 'driverWords'].flatMap((key) =>
      formsOf(STAFF_MESSAGES[language][key as StaffMessageKey])[0]!
        .replace(/^[^:]*:/, '')
        .split('·')
        .map((example) => wantOf(hear({ type: 'text', text: { body: example.trim() } }))?.verb),
    );
    expect(verbs).toEqual(['orders', 'confirm', 'stock', 'stock', 'pause', 'unlink', 'start', 'done', 'failed', 'unlink']);
    const quoted = (['noTemplates', 'sending'] as const).map((key) => {
      const [, words] = /[“«] ?([^”»]+?) ?[”»]/.exec(formsOf(STAFF_MESSAGES[language][key])[0]!) ?? [];
      return wantOf(hear({ type: 'text', text: { body: words! } }));
    });
    expect(quoted).toEqual([
      { verb: 'broadcast', rest: '' },
      { verb: 'pause', rest: 'broadcast' },
    ]);
  });
});

const left = (count: number): string => speaker('ar', 'ar').say('onlyLeft', { count });

it('numbers choose their form', () => {
  expect(left(2)).toMatch(/قطعتان/);
  expect(left(5)).toMatch(/5 قطع فقط/);
  expect(left(11)).toMatch(/11 قطعة/);
  expect(speaker('en', 'en').say('moreLines', { count: 1 })).toBe('and 1 more product');
});

it('times are those of the merchant', () => {
  const at = new Date('2026-11-30T06:30:00Z');
  expect(speaker('en', 'en').time(at, 'Africa/Harare')).toBe('Monday 08:30');
  expect(speaker('fr', 'fr').time(at, 'Africa/Harare')).toBe('lundi 08:30');
});
