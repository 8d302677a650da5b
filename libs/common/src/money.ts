/** An amount in integer minor units (cents) of an ISO 4217 currency. Never a float. */
export interface Money {
  amount: number;
  currency: string;
}

/** `price * quantity` in minor units; throws RangeError when it leaves the range in which integers are exact. */
export function multiply(price: Money, quantity: number): Money {
  const amount = price.amount * quantity;
  if (!Number.isSafeInteger(amount)) throw new RangeError(`${price.amount} x ${quantity} is not an exact integer`);
  return { amount, currency: price.currency };
}

/** The sum of amounts in one currency; throws when currencies mix. */
export function sum(amounts: Money[], currency: string): Money {
  let amount = 0;
  for (const each of amounts) {
    if (each.currency !== currency) throw new RangeError(`cannot add ${each.currency} to ${currency}`);
    amount += each.amount;
  }
  if (!Number.isSafeInteger(amount)) throw new RangeError('the sum is not an exact integer');
  return { amount, currency };
}

/** Money as a person reads it, for example `$12.50`. Currencies without minor units (JPY) are divided by 1. */
export function formatMoney(money: Money, locale = 'en'): string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency: money.currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(money.amount / 10 ** digits);
}
