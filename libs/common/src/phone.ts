import { parsePhoneNumberFromString } from 'libphonenumber-js';

/** The number in E.164 (`+263771234567`), or undefined when it is no possible number. The leading `+` may be missing. */
export function normalisePhone(input: string): string | undefined {
  // Numbers copied from an address book come wrapped in invisible direction marks.
  const trimmed = input.replace(/\p{Cf}/gu, '').trim();
  const phone = e164(`+${trimmed.replace(/^[+＋]/, '')}`);
  // What reads differently the second time (zeros too many) would make two customers of one.
  return phone && e164(phone) === phone ? phone : undefined;
}

function e164(text: string): string | undefined {
  const parsed = parsePhoneNumberFromString(text, { extract: false });
  return parsed?.isPossible() ? parsed.number : undefined;
}

/** For logs: `+263*****4567`, and less of a short number. Customers' numbers never stand in a log in full. */
export const maskPhone = (phone: string): string =>
  phone.replace(/^(\+?\d{3})(\d+)$/, (_, head: string, rest: string) => `${head}*****${rest.slice(4).slice(-4)}`);
