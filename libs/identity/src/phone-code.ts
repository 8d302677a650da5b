import { createHmac, randomInt } from 'node:crypto';

export const CODE_MINUTES = 10;
/** So many wrong codes from one phone, and it is not listened to for `SILENCE_MINUTES`. */
export const MAX_WRONG_CODES = 5;
export const SILENCE_MINUTES = 15;

export const newPhoneCode = (): string => String(randomInt(1_000_000)).padStart(6, '0');

/** What a person writes to the shop's number, from the phone that is to be theirs. */
export const linkText = (code: string): string => `link ${code}`;

/** The code in such a text, if it is one. In the other languages of the bot too. */
export function linkCodeIn(text: string): string | undefined {
  const [, head, tail] = /^\s*(?:link|lier|ربط)[\s:]*(\d{3})\s?(\d{3})[\s.]*$/i.exec(text) ?? [];
  return head === undefined ? undefined : `${head}${tail}`;
}

/** What is stored of a code. Without the secret it tells nothing, although there are but a million of them. */
export const hashOfPhoneCode = (secret: string, merchantId: string, code: string): Buffer =>
  createHmac('sha256', secret).update(`phone code of ${merchantId}: ${code}`).digest();
