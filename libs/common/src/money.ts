import type { Money } from './money.dto.js';

/** `price * quantity` in minor units; throws RangeError when it leaves the range in which integers are exact. */
export function multiply(price: Money, quantity: number): Money {
  const amount = price.amount * quantity;
  if (![price.amount, quantity, amount].every(Number.isSafeInteger))
    throw new RangeError(`${price.amount} x ${quantity} is not an exact integer`);
  return { amount, currency: price.currency };
}

/** The sum of amounts in one currency; throws RangeError when currencies mix, or an amount or the sum so far is not exact. */
export function sum(amounts: Money[], currency: string): Money {
  let amount = 0;
  for (const each of amounts) {
    if (each.currency !== currency) throw new RangeError(`cannot add ${each.currency} to ${currency}`);
    amount += each.amount;
    if (!Number.isSafeInteger(each.amount) || !Number.isSafeInteger(amount))
      throw new RangeError('the sum is not an exact integer');
  }
  return { amount, currency };
}

/** Digits after the point where Intl, which follows daily life, shows fewer than ISO 4217 counts. */
const MINOR_DIGITS: Record<string, number> = {
  ...Object.fromEntries('AFN ALL COP HUF IDR IRR LAK LBP MGA MMK PKR KPW SLL SOS SYP YER'.split(' ').map((code) => [code, 2])),
  IQD: 3,
};

/** Money as a person reads it, for example `$12.50`. Currencies without minor units (JPY) are divided by 1. */
export function formatMoney(money: Money, locale = 'en'): string {
  const { amount, currency } = money;
  const minor = MINOR_DIGITS[currency];
  const format = new Intl.NumberFormat(languageTag(locale), {
    style: 'currency',
    currency,
    ...(minor === undefined ? {} : { minimumFractionDigits: minor, maximumFractionDigits: minor }),
  });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  // As text: a division would round what is too long for a float.
  return format.format(`${amount}e-${digits}` as Intl.StringNumericLiteral);
}

/** What Intl takes for `locale`: `pt_BR` is common, and an odd one (English is taken for it) must not keep anything from being shown. */
export function languageTag(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale.replaceAll('_', '-'))[0] ?? 'en';
  } catch {
    return 'en';
  }
}

/** Digits after the point that a currency has: 2 for USD, 0 for JPY. */
function minorDigits(currency: string): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return MINOR_DIGITS[currency] ?? format.resolvedOptions().maximumFractionDigits ?? 2;
}

/** Minor units of a plain number such as `12.50`; undefined where it is none, or is finer than the currency. */
export function parseAmount(text: string, currency: string): number | undefined {
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(text) ?? [];
  const digits = minorDigits(currency);
  if (whole === undefined || fraction.length > digits) return undefined;
  const amount = Number(whole + fraction.padEnd(digits, '0'));
  return Number.isSafeInteger(amount) ? amount : undefined;
}

/** `12.50`: what `parseAmount` reads. */
export function plainAmount({ amount, currency }: Money): string {
  const digits = minorDigits(currency);
  const text = String(amount).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
