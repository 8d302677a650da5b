import { newId, ValidationError, validateInput } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { AUDITED, AuditQuery } from './audit.dto.js';

const pathsOf = (query: object): string[] => {
  try {
    validateInput(AuditQuery, query);
  } catch (error) {
    if (error instanceof ValidationError) return [...new Set(error.errors!.map(({ path }) => path))];
    throw error;
  }
  return [];
};
const ID = newId();

describe('what can be asked of the trail', () => {
  it('is 50 entries when nothing is said', () => {
    expect(validateInput(AuditQuery, {})).toEqual({ limit: 50 });
  });

  it.each([ID, ...AUDITED.flatMap((entity) => [entity, `${entity}s`, `${entity}:${ID}`])])('is entity=%s', (entity) => {
    expect(pathsOf({ entity })).toEqual([]);
  });

  it.each([
    '',
    'productss',
    'session',
    'Product',
    'product:',
    'product:7',
    `product:${ID}x`,
    `product:${ID}:${ID}`,
    `:${ID}`,
    `session:${ID}`,
    ' product',
    'product\n',
    `product:${ID}\n`,
    ['product'],
  ])('is not entity=%j', (entity) => {
    expect(pathsOf({ entity })).toEqual(['entity']);
  });

  it.each(['bot', 'system', ID, ID.toUpperCase()])('is actor=%s', (actor) => {
    expect(pathsOf({ actor })).toEqual([]);
  });

  it.each(['', 'user', 'key', 'Bot', 'nobody', `${ID}x`, `user:${ID}`, 'bot\n'])('is not actor=%j', (actor) => {
    expect(pathsOf({ actor })).toEqual(['actor']);
  });

  it.each(['from', 'to'])('is a point in time for %s', (field) => {
    for (const time of ['2026-11-01T00:00:00Z', '2026-11-01T02:00:00+02:00', '2026-11-01', '2026-11', '2026'])
      expect(pathsOf({ [field]: time }), time).toEqual([]);
    for (const time of ['', 'yesterday', '2026-02-30', '1793491200', 'now()'])
      expect(pathsOf({ [field]: time }), time).toEqual([field]);
  });

  it('is nothing else', () => {
    expect(pathsOf({ merchantId: ID, limit: 101, action: 'update' }).toSorted()).toEqual(['action', 'limit', 'merchantId']);
  });
});
