import { parsePhoneNumberFromString } from 'libphonenumber-js';

/** The number in E.164 (`+263771234567`), or undefined when it is no possible number. The leading `+` may be missing. */
export function normalisePhone(input: string): string | undefined {
  const trimmed = input.trim();
  const parsed = parsePhoneNumberFromString(trimmed.startsWith('+') ? trimmed : `+${trimmed}`);
  return parsed?.isPossible() ? parsed.number : undefined;
}

/** For logs: `+263*****4567`. Customers' numbers never stand in a log in full. */
export const maskPhone = (phone: string): string =>
  phone.replace(/^(\+?\d{3})\d+(\d{4})$/, (_, head, tail) => `${head}*****${tail}`);
