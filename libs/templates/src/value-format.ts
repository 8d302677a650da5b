import { formatMoney, isTime, languageTag, normalisePhone, storable, ValidationError } from '@soko/common';
import { parsePhoneNumberFromString } from 'libphonenumber-js';

export const VARIABLE_TYPES = ['text', 'number', 'money', 'date', 'url', 'phone'] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

/** Whom a template speaks to and for: what decides how its values are written. */
export interface TemplateLocale {
  /** The template's own, BCP 47; `pt_BR` is understood too. */
  language: string;
  /** The merchant's, IANA, for example `Africa/Harare`. */
  timeZone: string;
  /** The merchant's, ISO 4217: for amounts that come without one. */
  currency: string;
}

/**
 * WhatsApp's markers: https://faq.whatsapp.com/539178204879377. Between two letters or digits (`snake_case`, `2*3`) they mark nothing;
 * a backtick may begin code even there.
 */
const MARKER = /`|[*_~](?!(?<=[\p{L}\p{N}].)[\p{L}\p{N}])/gu;
const LOOK_ALIKES: Record<string, string> = { '*': '∗', _: 'ˍ', '~': '∼', '`': 'ˋ' };

/**
 * What is not seen: controls, marks that turn the direction of the text, blank letters. The joiners stay, for Persian and for emoji are
 * written with them, and so do the tags that make the flags of England, Scotland and Wales. White space is for the next step.
 */
const INVISIBLE = /(?![\t-\r\u0085\u200C]|\u200D|[\u{E0020}-\u{E007F}])[\p{Cc}\p{Cf}\u115F\u1160\u3164\uFFA0]/gu;

/** `text` as one line of plain words: nothing in it is markup to WhatsApp, or turns the text around it. */
function plain(text: string): string {
  return storable(text.replace(INVISIBLE, ''))
    .replace(/[\s\u0085]+/g, ' ')
    .trim()
    .replace(MARKER, (marker) => LOOK_ALIKES[marker]!);
}

/** A value in words, or undefined when it is none of its type. */
type Format = (value: unknown, locale: TemplateLocale) => string | undefined;

const text: Format = (value) => {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' ? plain(value) : undefined;
};

const DECIMAL = /^-?\d{1,30}(\.\d{1,20})?$/;

const number: Format = (value, { language }) => {
  const isDecimal = typeof value === 'string' && DECIMAL.test(value);
  if (!isDecimal && !Number.isFinite(value)) return undefined;
  // 0.1 + 0.2 is meant to be 0.3; a text is exact as it is.
  const exact = isDecimal || Number.isInteger(value) ? value : Number((value as number).toPrecision(15));
  return new Intl.NumberFormat(languageTag(language), { maximumFractionDigits: 20 }).format(exact as Intl.StringNumericLiteral);
};

const money: Format = (value, { language, currency }) => {
  // Order texts hand over what they have formatted themselves; without a digit it is no amount.
  if (typeof value === 'string') return /\p{Nd}/u.test(value) ? plain(value) : undefined;
  const given = typeof value === 'number' ? { amount: value } : value;
  if (typeof given !== 'object' || given === null || Object.keys(given).some((key) => key !== 'amount' && key !== 'currency'))
    return undefined;
  const { amount, currency: own = currency } = given as { amount?: unknown; currency?: unknown };
  if (!Number.isSafeInteger(amount) || typeof own !== 'string' || !/^[A-Z]{3}$/.test(own)) return undefined;
  return formatMoney({ amount: amount as number, currency: own }, language);
};

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T.+(Z|[+-]\d{2}:?\d{2})$/;

const date: Format = (value, { language, timeZone }) => {
  if (typeof value !== 'string' || !isTime(value)) return undefined;
  const tag = languageTag(language);
  // A day is the same day in every zone.
  if (DAY.test(value)) return new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone: 'UTC' }).format(Date.parse(value));
  if (!INSTANT.test(value)) return undefined;
  return new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeStyle: 'short', timeZone }).format(Date.parse(value));
};

/** Braces could become a hole, and stars and underscores markup: in an address each has a spelling that means the same. */
const UNSAFE_IN_URL = new RegExp(`[{}]|${MARKER.source}`, 'gu');

const percentEncoded = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

const url: Format = (value) => {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const { protocol, username, password, origin, href } = new URL(value);
  // What stands before an @ is there to deceive: https://bank.example@elsewhere.example
  if (!['http:', 'https:'].includes(protocol) || username || password) return undefined;
  return origin + href.slice(origin.length).replace(UNSAFE_IN_URL, percentEncoded);
};

const phone: Format = (value) => {
  const normal = typeof value === 'string' ? normalisePhone(value) : undefined;
  return normal && parsePhoneNumberFromString(normal)?.formatInternational();
};

const FORMATS: Record<VariableType, Format> = { text, number, money, date, url, phone };
const EXPECTED: Record<VariableType, string> = {
  text: 'must be a text or a number',
  number: 'must be a number, for example 12.5 or "12.5"',
  money: 'must be money in minor units, for example { "amount": 1250, "currency": "USD" }, or a ready text such as "$12.50"',
  date: 'must be a day, for example 2026-11-28, or a time with its offset, for example 2026-11-28T14:00:00Z',
  url: 'must be an address that begins with http:// or https:// and has no user name in it',
  phone: 'must be a phone number with its country code, for example +263771234567',
};

/**
 * `value` as a customer reads it, in one line. Money is an amount in integer minor units, with or without its currency, or a text that is
 * ready; dates are days or instants, ISO 8601. What comes out adds no markup and no line to a message; a caller that puts it at the
 * beginning of a line, or next to other braces, still has to look at that place (`renderTemplate` does).
 * @throws ValidationError that names `variables.<name>` when the value is not of the variable's type
 */
export function formatValue(variable: { name: string; type: VariableType }, value: unknown, locale: TemplateLocale): string {
  const formatted = FORMATS[variable.type](value, locale);
  if (formatted !== undefined) return formatted;
  throw new ValidationError([{ path: `variables.${variable.name}`, code: variable.type, message: EXPECTED[variable.type] }]);
}

const RTL_SCRIPTS = new Set('Adlm Arab Hebr Mand Mend Nkoo Rohg Samr Syrc Thaa'.split(' '));
/** Blocks that Unicode keeps for scripts from right to left: https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedBidiClass.txt */
const RTL = '[\\u0590-\\u08FF\\uFB1D-\\uFDFF\\uFE70-\\uFEFC\\u{10800}-\\u{10FFF}\\u{1E800}-\\u{1EFFF}]';
const RTL_LETTER = new RegExp(`(?=\\p{L})${RTL}`, 'u');
const LTR_LETTER = new RegExp(`(?!${RTL})\\p{L}`, 'u');

export const isRightToLeft = (language: string): boolean =>
  RTL_SCRIPTS.has(new Intl.Locale(languageTag(language)).maximize().script ?? 'Latn');

/**
 * A formatted value that stands among words of `language`: with isolates around it where it runs the other way, so that neither tears the
 * other apart (https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates). They count two characters. Links get none: phones take
 * the closing one for a part of the address.
 */
export function isolate(type: VariableType, formatted: string, language: string): string {
  const rtl = isRightToLeft(language);
  // The groups of a phone number have no letters, and so would be read in the order of the words around.
  const differs = rtl ? type === 'phone' || LTR_LETTER.test(formatted) : RTL_LETTER.test(formatted);
  return differs && type !== 'url' ? `\u2068${formatted}\u2069` : formatted;
}
