import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValidationError } from './errors.js';
import { decodeCursor, PageQuery, pageOf } from './pagination.js';
import { validateInput } from './validation.js';

const rows = (count: number) => Array.from({ length: count }, (_, index) => ({ id: String(index) }));
const page = (count: number, limit: number) =>
  pageOf(
    rows(count),
    limit,
    (row) => row.id,
    (row) => [row.id],
  );
const attempt = (cursor: string): unknown => {
  try {
    return decodeCursor(cursor, 'number');
  } catch (error) {
    return error;
  }
};
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('pageOf', () => {
  it('has no cursor when the rows fit exactly', () => {
    expect(page(3, 3)).toEqual({ data: ['0', '1', '2'], pagination: { limit: 3, hasMore: false } });
  });

  it('drops the extra row and points after the last one that it shows', () => {
    const { data, pagination } = page(4, 3);
    expect(data).toEqual(['0', '1', '2']);
    expect(pagination.hasMore).toBe(true);
    expect(decodeCursor(pagination.nextCursor, 'number')).toEqual(['2']);
  });

  it('is empty without rows', () => {
    expect(page(0, 3)).toEqual({ data: [], pagination: { limit: 3, hasMore: false } });
  });

  it('leads through a list of any length, once past each row, and ends', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 12 }), (count, limit) => {
        const all = rows(count);
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const after = decodeCursor(cursor, 'number')?.[0];
          const from = after === undefined ? 0 : all.findIndex((row) => row.id === after) + 1;
          const { data, pagination } = pageOf(
            all.slice(from, from + limit + 1),
            limit,
            (row) => row.id,
            (row) => [row.id],
          );
          expect(data.length).toBeLessThanOrEqual(limit);
          expect(pagination.hasMore).toBe(pagination.nextCursor !== undefined);
          seen.push(...data);
          cursor = pagination.nextCursor;
        } while (cursor);
        expect(seen).toEqual(all.map((row) => row.id));
      }),
    );
  });
});

describe('decodeCursor', () => {
  it('is nothing on the first page', () => {
    expect(decodeCursor(undefined, 'time', 'id')).toBeUndefined();
  });

  it('gives back every sort key that a page was cut at, and travels in a URL as it is', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.nat(),
        fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') }),
        (id, number, date) => {
          const key = [id, String(number), date.toISOString()];
          const { nextCursor } = pageOf(
            rows(2),
            1,
            (row) => row,
            () => key,
          ).pagination;
          expect(nextCursor).toMatch(/^[\w-]+$/);
          expect(decodeCursor(nextCursor, 'id', 'number', 'time')).toEqual(key);
        },
      ),
    );
  });

  it('takes a time as PostgreSQL writes it', () => {
    const key = ['2026-11-21 14:32:08.501234+00'];
    expect(decodeCursor(encode(key), 'time')).toEqual(key);
  });

  it('refuses the cursor of another kind of list', () => {
    const id = '0190a000-0000-7000-8000-000000000000';
    for (const [key, kind] of [
      [id, 'number'],
      ['7', 'id'],
      [id, 'time'],
      ['-1', 'number'],
      ['1; DROP TABLE orders', 'number'],
    ] as const) {
      expect(() => decodeCursor(encode([key]), kind), key).toThrow(ValidationError);
    }
  });

  it.each([
    ['an empty one', ''],
    ['not base64', '%%%'],
    ['not JSON', Buffer.from('hello').toString('base64url')],
    ['a bare string', encode('a')],
    ['null', encode(null)],
    ['an object', encode({ 0: 'a', length: 1 })],
    ['too few parts', encode([])],
    ['too many parts', encode(['a', 'b'])],
    ['a part that is no string', encode([1])],
    ['a nested part', encode([['a']])],
    ['an id', '0190a000-0000-7000-8000-000000000000'],
  ])('refuses %s with a 422 that says where a cursor comes from', (_, cursor) => {
    const decode = () => decodeCursor(cursor, 'number');
    expect(decode).toThrow(ValidationError);
    expect(decode).toThrow(/cursor must be the nextCursor of an earlier answer/);
  });

  it('never throws anything but the 422, whatever a client sends', () => {
    fc.assert(
      fc.property(fc.string(), (cursor) => {
        expect(attempt(cursor)).toSatisfy((answer) => Array.isArray(answer) || answer instanceof ValidationError);
      }),
    );
  });
});

describe('PageQuery', () => {
  it('asks for 50 unless told', () => {
    expect(validateInput(PageQuery, {})).toEqual({ limit: 50 });
  });

  it.each(['1', '100', 1, 100])('takes limit=%s', (limit) => {
    expect(validateInput(PageQuery, { limit }).limit).toBe(Number(limit));
  });

  it.each(['0', '101', '-1', '1.5', 'ten', '', ['5', '6']])('refuses limit=%j', (limit) => {
    expect(() => validateInput(PageQuery, { limit })).toThrow(expect.objectContaining({ status: 422 }));
  });

  it('refuses a cursor longer than any of ours', () => {
    expect(() => validateInput(PageQuery, { cursor: 'a'.repeat(501) })).toThrow(ValidationError);
  });
});
