import { newId, NotFoundError, ValidationError } from '@soko/common';
import { integration, parallel, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { ApiKeyService } from './api-key.service.js';
import type { CreateApiKeyBody } from './api-key.dto.js';
import type { Person } from './caller.js';
import { CredentialService, hashOfKey } from './credential.service.js';
import { UnauthenticatedError } from './identity.errors.js';

const BODY: CreateApiKeyBody = { name: 'Accounting', scopes: ['orders:read', 'events:read'] };

async function setup() {
  const house = await integration({});
  const [keys, credentials] = [house.module.get(ApiKeyService), house.module.get(CredentialService)];
  /** A merchant, and somebody of it who makes keys. */
  const open = async () => {
    const merchantId = await house.shop();
    const me = { merchantId, id: newId() } as Person;
    return {
      me,
      merchantId,
      create: (body: Partial<CreateApiKeyBody> = {}) => keys.create(me, { ...BODY, ...body }),
      list: async () => (await keys.list(merchantId, { limit: 100 })).data,
    };
  };
  return { ...house, keys, credentials, open, ...(await open()) };
}

/** `schema.table` of every row that holds `text` in any column. */
const placesOf = (databaseUrl: string, text: string): Promise<string[]> =>
  withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const places: string[] = [];
    for (const { name } of rows) {
      const found = await client.query(`SELECT 1 FROM ${name} AS t WHERE strpos(t::text, $1) > 0`, [text]);
      places.push(...found.rows.map(() => name));
    }
    return places;
  });

test('a new key is shown to its maker, and to nobody after that', async () => {
  const { create, list, keys, merchantId, me } = await setup();
  const { key, ...made } = await create({ expiresAt: '2036-01-01T00:00:00+02:00' });
  expect(key).toMatch(/^sk_[A-Za-z0-9_-]{43}$/);
  expect(made).toEqual({
    id: expect.any(String),
    name: 'Accounting',
    hint: `sk_…${key.slice(-4)}`,
    scopes: ['orders:read', 'events:read'],
    expiresAt: '2035-12-31T22:00:00.000Z',
    createdBy: me.id,
    createdAt: expect.any(String),
  });
  const [listed] = await list();
  expect(Math.abs(Date.parse(listed!.createdAt) - Date.parse(made.createdAt))).toBeLessThan(5_000);
  expect({ ...listed, createdAt: made.createdAt }).toEqual(made);
  expect((await keys.listAll({ limit: 10 })).data).toEqual([{ ...listed, merchantId }]);
});

test('the key is in no table, whole or without its prefix: its hash is', async () => {
  const { create, databaseUrl, credentials, keys, merchantId } = await setup();
  const { key, id } = await create();
  await credentials.identify(key);
  // Found where it is, so that the search is worth something.
  expect(await placesOf(databaseUrl, hashOfKey(key).toString('hex'))).toEqual(['api_keys']);
  await keys.revoke(merchantId, id);
  const { key: second } = await create();
  for (const secret of [key, second])
    for (const text of [secret, secret.slice('sk_'.length), Buffer.from(secret).toString('hex'), secret.slice(-12)])
      expect(await placesOf(databaseUrl, text), text).toEqual([]);
});

test('every key is another one', async () => {
  const { create } = await setup();
  const made = await parallel(20, () => create());
  expect(new Set(made.map(({ key }) => key)).size).toBe(20);
  expect(new Set(made.map(({ id }) => id)).size).toBe(20);
});

test('a key lives for ever when nobody says until when, and a scope given twice counts once', async () => {
  const { create, credentials, list } = await setup();
  const { key, ...made } = await create({ scopes: ['orders:read', 'orders:read'] });
  expect(made).not.toHaveProperty('expiresAt');
  expect(made.scopes).toEqual(['orders:read']);
  expect((await list())[0]).not.toHaveProperty('expiresAt');
  expect((await credentials.identify(key)).scopes).toEqual(new Set(['orders:read']));
});

test('a key that would be dead from the start is refused', async () => {
  const { create, list } = await setup();
  for (const expiresAt of ['2020-01-01T00:00:00Z', new Date(Date.now() - 1).toISOString()]) {
    await expect(create({ expiresAt })).rejects.toThrow(ValidationError);
    await expect(create({ expiresAt })).rejects.toMatchObject({ status: 422, errors: [{ path: 'expiresAt', code: 'future' }] });
  }
  expect(await list()).toEqual([]);
});

test('a merchant’s keys are paged in the order in which they were made, and are nobody else’s to see', async () => {
  const { create, keys, merchantId, open } = await setup();
  const other = await open();
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    made.push((await create()).id);
    await other.create();
  }
  const first = await keys.list(merchantId, { limit: 3 });
  const second = await keys.list(merchantId, { limit: 3, cursor: first.pagination.nextCursor });
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made);
  expect(second.pagination).toEqual({ limit: 3, hasMore: false });
});

test('a revoked key is gone; a second try, and of twenty at once all but one, do not find it', async () => {
  const { create, keys, merchantId, list } = await setup();
  const { id } = await create();
  const results = await parallel(20, () => keys.revoke(merchantId, id).catch((error: unknown) => error));
  expect(results.filter((each) => each instanceof NotFoundError)).toHaveLength(19);
  await expect(keys.revoke(merchantId, id)).rejects.toMatchObject({ status: 404, code: 'api_key_not_found' });
  expect(await list()).toEqual([]);
});

test('another merchant’s key is not found, and lives', async () => {
  const { create, keys, open, credentials, merchantId } = await setup();
  const { id, key } = await create();
  const other = await open();
  await expect(keys.revoke(other.merchantId, id)).rejects.toThrow(NotFoundError);
  await expect(keys.revoke(merchantId, newId())).rejects.toThrow(NotFoundError);
  expect((await credentials.identify(key)).id).toBe(id);
});

test('ops see the keys of every merchant, or of one, page by page and never the key', async () => {
  const { create, keys, open, merchantId } = await setup();
  const other = await open();
  const made: { id: string; merchantId: string }[] = [];
  for (let n = 0; n < 3; n += 1) {
    made.push({ id: (await create()).id, merchantId });
    made.push({ id: (await other.create()).id, merchantId: other.merchantId });
  }
  const all = async (query: { merchantId?: string }, limit: number) => {
    const seen: { id: string; merchantId: string }[] = [];
    let cursor: string | undefined;
    do {
      const page = await keys.listAll({ ...query, limit, cursor });
      expect(page.data.length).toBeLessThanOrEqual(limit);
      for (const each of page.data) expect(Object.keys(each)).not.toContain('key');
      seen.push(...page.data.map((each) => ({ id: each.id, merchantId: each.merchantId })));
      cursor = page.pagination.nextCursor;
    } while (cursor);
    return seen;
  };
  expect(await all({}, 100)).toEqual(made);
  expect(await all({}, 2)).toEqual(made);
  expect(await all({}, 3)).toEqual(made);
  expect(await all({ merchantId: other.merchantId }, 2)).toEqual(made.filter((each) => each.merchantId === other.merchantId));
  expect(await all({ merchantId: newId() }, 2)).toEqual([]);
});

test('ops revoke any key by its id, at once, and no other', async () => {
  const { create, keys, open, credentials } = await setup();
  const other = await open();
  const [lost, kept, theirs] = [await create(), await create(), await other.create()];
  await keys.revokeAny(lost.id);
  await expect(credentials.identify(lost.key)).rejects.toThrow(UnauthenticatedError);
  for (const each of [kept, theirs]) expect((await credentials.identify(each.key)).id).toBe(each.id);
  for (const id of [lost.id, newId()]) await expect(keys.revokeAny(id)).rejects.toThrow(NotFoundError);
});
