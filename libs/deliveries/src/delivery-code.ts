import { createHash, randomInt, timingSafeEqual } from 'node:crypto';

/** So many wrong codes in a row, and no code is looked at for `LOCK_MINUTES`: four digits are not many. */
export const MAX_WRONG_CODES = 5;
export const LOCK_MINUTES = 15;

export const newCode = (): string => String(randomInt(10_000)).padStart(4, '0');

/** Takes equally long whatever is given. */
export function isSameCode(given: string, right: string): boolean {
  const [one, other] = [given, right].map((code) => createHash('sha256').update(code).digest());
  return timingSafeEqual(one!, other!);
}
