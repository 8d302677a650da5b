import { Optional } from './validation.js';
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { ValidationError } from './errors.js';
import { isUuid } from './ids.js';

/** `?limit&cursor` of every list. */
export class PageQuery {
  @Optional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit: number = 50;
  /** `nextCursor` of the page before. */
  @Optional() @IsString() @MaxLength(500) cursor?: string;
}

export interface Page<T> {
  data: T[];
  pagination: { limit: number; hasMore: boolean; nextCursor?: string; offset?: number };
}

/** What a part of a sort key may be: a cursor of another list must not reach a query that expects something else. */
const KEY_PARTS = {
  id: isUuid,
  number: (part: unknown) => typeof part === 'string' && /^\d{1,15}$/.test(part),
  time: (part: unknown) => typeof part === 'string' && /^\d{4}-\d\d-\d\d[ T][\d:.]+([+-]\d\d(:?\d\d)?|Z)$/.test(part),
};

/** The sort key after which a page begins, from its cursor. @throws ValidationError for a cursor that this list did not make. */
export function decodeCursor(cursor: string | undefined, ...parts: (keyof typeof KEY_PARTS)[]): string[] | undefined {
  if (cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(key) && key.length === parts.length && parts.every((part, index) => KEY_PARTS[part](key[index])))
      return key;
  } catch {
    // Falls through to the one message that helps.
  }
  throw new ValidationError([{ path: 'cursor', code: 'cursor', message: 'cursor must be the nextCursor of an earlier answer' }]);
}

/** A page from `limit + 1` rows: the extra row only tells that there is more. `keyOf` gives the last row's sort key. */
export function pageOf<R, T>(rows: R[], limit: number, view: (row: R) => T, keyOf: (row: R) => string[]): Page<T> {
  const kept = rows.slice(0, limit);
  const hasMore = rows.length > limit;
  const last = kept.at(-1);
  const nextCursor = hasMore && last ? Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') : undefined;
  return { data: kept.map(view), pagination: { limit, hasMore, ...(nextCursor ? { nextCursor } : {}) } };
}
