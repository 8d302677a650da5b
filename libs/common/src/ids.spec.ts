import { describe, expect, it } from 'vitest';
import { isUuid, newId } from './ids.js';

describe('newId', () => {
  it('is a UUIDv7 that sorts by the time it was made', () => {
    const ids = Array.from({ length: 500 }, newId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(500);
    expect(ids.toSorted()).toEqual(ids);
  });
});

describe('isUuid', () => {
  it('takes a UUID and nothing else', () => {
    expect(isUuid(newId())).toBe(true);
    for (const other of ['', 'abc', `${newId()} `, `{${newId()}}`, 5, null, undefined, {}]) expect(isUuid(other)).toBe(false);
  });
});
