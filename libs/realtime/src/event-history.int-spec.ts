import type { Page } from '@soko/common';
import { withClient } from '@soko/testing';
import { v7 } from 'uuid';
import { expect, test } from 'vitest';
import { BEGINNING, floorOf } from './event-history.js';
import type { EventView } from './realtime.dto.js';
import { UnknownPlaceError } from './realtime.errors.js';
import { realtime } from './realtime.fixture.js';

const ids = ({ data }: Page<EventView>) => data.map(({ id }) => id);

test('page by page to the end, and on from there when more has happened', async () => {
  const { shop, append, history, ownerOf } = await realtime();
  const me = await ownerOf(await shop());
  const empty = await history.page(me, { limit: 5 });
  expect(empty).toEqual({ data: [], pagination: { limit: 5, hasMore: false, nextCursor: BEGINNING.id } });
  const written = await append(me.merchantId, 12);
  const seen: string[] = [];
  let after = empty.pagination.nextCursor;
  for (const more of [true, true, false, false]) {
    const page = await history.page(me, { after, limit: 5 });
    expect(page.pagination.hasMore).toBe(more);
    seen.push(...ids(page));
    after = page.pagination.nextCursor;
  }
  expect(seen).toEqual(written);
  const late = await append(me.merchantId, 1);
  expect(ids(await history.page(me, { after, limit: 5 }))).toEqual(late);
  expect(ids(await history.page(me, { after: written[9], limit: 5 }))).toEqual([...written.slice(10), ...late]);
  expect(ids(await history.page(me, { after: written[0], limit: 100 }))).toHaveLength(12);
});

test('an event as a webhook has it: the same envelope, keys in the order in which they were written', async () => {
  const { shop, append, history, ownerOf } = await realtime();
  const me = await ownerOf(await shop());
  await append(me.merchantId, 1, { data: { z: 1, a: { y: 2, b: 3 } } });
  const [event] = (await history.page(me, { limit: 1 })).data;
  expect(JSON.stringify(event)).toMatch(
    new RegExp(
      `^{"id":"[0-9a-f-]{36}","type":"order_created","timestamp":"[0-9T:.-]+Z","merchantId":"${me.merchantId}","data":{"z":1,"a":{"y":2,"b":3}}}$`,
    ),
  );
});

test('of some types: what is rare is found by going on, and what was looked through is not looked through again', async () => {
  const { shop, append, history, ownerOf } = await realtime();
  const me = await ownerOf(await shop());
  const types = ['payment_received'];
  const before = await append(me.merchantId, 2, { type: 'payment_received' });
  await append(me.merchantId, 10_050);
  const rare = await append(me.merchantId, 3, { type: 'payment_received' });
  const first = await history.page(me, { types, limit: 50 });
  expect([ids(first), first.pagination.hasMore]).toEqual([before, true]);
  const second = await history.page(me, { types, limit: 2, after: first.pagination.nextCursor });
  expect([ids(second), second.pagination]).toEqual([rare.slice(0, 2), { limit: 2, hasMore: true, nextCursor: rare[1] }]);
  const last = await history.page(me, { types, limit: 2, after: rare[1] });
  expect([ids(last), last.pagination.hasMore]).toEqual([rare.slice(2), false]);
  const others = await append(me.merchantId, 4);
  const nothing = await history.page(me, { types, limit: 2, after: last.pagination.nextCursor });
  expect([ids(nothing), nothing.pagination]).toEqual([[], { limit: 2, hasMore: false, nextCursor: others.at(-1) }]);
});

test('who may not read orders is not shown them, and is told which scope is missing when they ask', async () => {
  const { shop, append, history, ownerOf } = await realtime();
  const me = await ownerOf(await shop());
  await append(me.merchantId, 2);
  const paid = await append(me.merchantId, 2, { type: 'payment_received' });
  const key = { ...me, scopes: new Set(['events:read', 'payments:read'] as const) };
  expect(ids(await history.page(key, { limit: 10 }))).toEqual(paid);
  await expect(history.page(key, { limit: 10, types: ['order_created'] })).rejects.toThrow(/orders:read/);
});

test('what commits late, with an id that is older, comes behind what was there before it', async () => {
  const { shop, append, history, ownerOf, databaseUrl } = await realtime();
  const me = await ownerOf(await shop());
  const written = await append(me.merchantId, 3);
  const late = v7({ msecs: Date.now() - 6 * 24 * 3_600_000 });
  await withClient(databaseUrl, (client) =>
    client.query(
      `INSERT INTO events (merchant_id, id, type, subject, data, position) VALUES ($1, $2, 'order_created', 's', '{}', nextval('event_position'))`,
      [me.merchantId, late],
    ),
  );
  expect(ids(await history.page(me, { after: written[2], limit: 10 }))).toEqual([late]);
  const more = await append(me.merchantId, 1);
  expect(ids(await history.page(me, { after: late, limit: 10 }))).toEqual(more);
  expect(await history.end(me.merchantId)).toMatchObject({ id: more[0] });
});

test('what was not handed on yet is not there yet, and no place', async () => {
  const { shop, history, ownerOf, databaseUrl } = await realtime();
  const me = await ownerOf(await shop());
  const waiting = v7();
  await withClient(databaseUrl, (client) =>
    client.query(`INSERT INTO events (merchant_id, id, type, subject, data) VALUES ($1, $2, 'order_created', 's', '{}')`, [
      me.merchantId,
      waiting,
    ]),
  );
  expect(ids(await history.page(me, { limit: 10 }))).toEqual([]);
  await expect(history.page(me, { limit: 10, after: waiting })).rejects.toThrow(UnknownPlaceError);
});

test('the floor of an id is a week before it', () => {
  const at = Date.UTC(2026, 10, 29, 12);
  const floor = floorOf(v7({ msecs: at }));
  expect(floor).toBe(`${v7({ msecs: at - 7 * 24 * 3_600_000 }).slice(0, 13)}-0000-0000-000000000000`);
  expect(floorOf(BEGINNING.id)).toBe(BEGINNING.id);
});
