import { newId } from '@soko/common';
import { integration, withClient, withOldDatabase } from '@soko/testing';
import type { Client } from 'pg';
import { v7 } from 'uuid';
import { expect, test } from 'vitest';
import { byIndex } from './by-index.js';
import type { Transaction } from './transaction.js';

const LAST_OLD = '20261129T1800';
const DAY_MS = 24 * 3_600_000;
const daysAgo = (days: number) => v7({ msecs: Date.now() - days * DAY_MS });

async function addShop(client: Client, id: string): Promise<void> {
  await client.query(`INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, 'Shop', 'USD', 'UTC', 'en')`, [
    id,
  ]);
}

const addEvent = (client: Client, merchantId: string, id: string, position: number | null = null) =>
  client.query(
    `INSERT INTO events (merchant_id, id, type, subject, data, request_id, position, created_at)
     VALUES ($1, $2::uuid, 'bot_connected', 's', '{"b": 1, "a": 2}', 'r', $3, uuid_extract_timestamp($2::uuid))`,
    [merchantId, id, position],
  );

const places = async (client: Client) =>
  (
    await client.query<{ id: string; place: string; month: string }>(
      `SELECT id, tableoid::regclass::text AS place, to_char(created_at AT TIME ZONE 'UTC', '"events_"YYYY"m"MM') AS month FROM events ORDER BY id`,
    )
  ).rows;

test('a database with events keeps them all, each in its month, with what is still to be done about them', async () => {
  await withOldDatabase(LAST_OLD, async (client, update) => {
    const shop = newId();
    await addShop(client, shop);
    const ids = [400, 100, 40, 0, 0].map(daysAgo);
    for (const [index, id] of ids.entries()) await addEvent(client, shop, id, index < 4 ? index + 1 : null);
    await client.query(
      `INSERT INTO event_reactions (merchant_id, reaction, subject, position, event_id) VALUES ($1, 'test', 's', 1, $2)`,
      [shop, ids[0]],
    );
    const all = async () =>
      (
        await client.query(
          `SELECT merchant_id, id, type, subject, data::text, request_id, position, created_at FROM events ORDER BY id`,
        )
      ).rows;
    const before = await all();
    expect(before).toHaveLength(5);
    await update();
    expect(await all()).toEqual(before);
    const found = await places(client);
    for (const { place, month } of found) expect(place).toBe(month);
    expect(new Set(found.map(({ place }) => place)).size).toBe(4);
    const { rows: reactions } = await client.query('SELECT event_id FROM event_reactions');
    expect(reactions).toEqual([{ event_id: ids[0] }]);
    await addEvent(client, shop, daysAgo(-60));
    expect((await places(client)).at(-1)!.place).toMatch(/^events_\d{4}m\d\d$/);
    const { rows: unforced } = await client.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity AND NOT relforcerowsecurity`,
    );
    expect(unforced).toEqual([]);
  });
});

test('an event of a time that has no month of its own is kept in the rest; the key is one over all months', async () => {
  const { databaseUrl, shop, tenancy } = await integration({});
  const merchantId = await shop();
  const far = daysAgo(-1_000);
  await withClient(databaseUrl, async (client) => {
    await addEvent(client, merchantId, far);
    expect(await places(client)).toMatchObject([{ id: far, place: 'events_rest' }]);
    await expect(addEvent(client, merchantId, far)).rejects.toThrow(/duplicate key/);
  });
  expect(await tenancy.run(merchantId, (tx) => tx.query('SELECT id FROM events'))).toEqual([{ id: far }]);
});

const YEARS = 2;

const explain = async (tx: Transaction, text: string, values: unknown[] = []): Promise<string[]> => {
  byIndex(tx);
  const rows = await tx.query<Record<string, string>>(`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ${text}`, values);
  return rows.map((row) => row['QUERY PLAN']!).filter((line) => !line.includes('never executed'));
};
/** Scans of months that took place. */
const scans = (plan: string[]) => plan.filter((line) => /Scan .* on events_(\d|rest)/.test(line));
const rows = (line: string) => Number(/rows=(\d+)/.exec(line)![1]) * Number(/loops=(\d+)/.exec(line)![1]);

test('what is asked all the time looks into few months, by their indexes, and neither sorts nor reads more than it wants', async () => {
  const { databaseUrl, shop, system, tenancy } = await integration({});
  const merchantId = await shop();
  await withClient(databaseUrl, async (client) => {
    await client.query(`SELECT make_event_partitions(now() - $1 * interval '1 year', now())`, [YEARS]);
    for (let month = 0; month < 12 * YEARS; month += 1)
      await client.query(
        `INSERT INTO events (merchant_id, id, type, subject, data, position)
         SELECT $1, uuidv7(n * interval '1 ms' - $2::int * interval '30 days'), 'bot_connected', 's', '{}', (24 - $2::int) * 1000 + n
         FROM generate_series(1, 500) n`,
        [merchantId, month],
      );
    await client.query(
      `INSERT INTO events (merchant_id, type, subject, data) SELECT $1, 'bot_connected', 's', '{}' FROM generate_series(1, 300)`,
      [merchantId],
    );
    await client.query(
      `INSERT INTO event_reactions (merchant_id, reaction, subject, position, event_id)
       SELECT merchant_id, 'r', 's', position, id FROM events WHERE position = 20001`,
    );
  });
  const [last] = await tenancy.run(merchantId, (tx) =>
    tx.query<{ id: string; position: number }>('SELECT id, position FROM events WHERE position = 24400'),
  );
  const week = v7({ msecs: Date.now() - 7 * DAY_MS }).slice(0, 13);
  const read = await tenancy.run(merchantId, (tx) =>
    explain(tx, 'SELECT id, data FROM events WHERE merchant_id = $1 AND position > $2 AND id >= $3 ORDER BY position LIMIT 50', [
      merchantId,
      last!.position,
      `${week}-0000-0000-000000000000`,
    ]),
  );
  const relay = await system.run((tx) =>
    explain(
      tx,
      `UPDATE events e SET position = b.n FROM (
         SELECT merchant_id, id, nextval('event_position') AS n FROM (
           SELECT merchant_id, id FROM events WHERE position IS NULL ORDER BY id LIMIT 200) o) b
       WHERE e.merchant_id = b.merchant_id AND e.id = b.id`,
    ),
  );
  const reaction = await tenancy.run(merchantId, (tx) =>
    explain(
      tx,
      `SELECT e.data FROM event_reactions r JOIN events e ON e.merchant_id = r.merchant_id AND e.id = r.event_id
       WHERE r.merchant_id = $1 AND r.reaction = 'r' AND r.subject = 's' ORDER BY r.position LIMIT 2`,
      [merchantId],
    ),
  );
  for (const plan of [read, relay, reaction]) {
    expect(
      plan.filter((line) => /Seq Scan on events|Sort Key: (?!events)|-> +Sort/.test(line)),
      plan.join('\n'),
    ).toEqual([]);
  }
  // This month and those ahead, which are empty; perhaps the last one; the rest.
  expect(scans(read).length, read.join('\n')).toBeLessThanOrEqual(10);
  expect(scans(reaction), reaction.join('\n')).toHaveLength(1);
  const sum = (plan: string[]) => scans(plan).reduce((total, line) => total + rows(line), 0);
  expect(sum(read)).toBeLessThanOrEqual(51);
  // 200 are found, and each is found again to be changed.
  expect(sum(relay), relay.join('\n')).toBeLessThanOrEqual(401);
});
