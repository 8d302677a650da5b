import { newId } from '@soko/common';
import { integration, parallel, until, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { type ChainVerdict, verifyChains } from './verify.js';

async function setup() {
  const house = await integration({});
  const { tenancy, system, databaseUrl } = house;
  const sql = <R extends object>(merchantId: string, text: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(text, values));
  return {
    ...house,
    sql,
    addProduct: async (merchantId: string) => {
      const id = newId();
      await sql(
        merchantId,
        `INSERT INTO products (merchant_id, id, sku, name, price_amount, currency, on_hand) VALUES ($1, $2, $3, 'Rice', 720, 'USD', 1000)`,
        [merchantId, id, id],
      );
      return id;
    },
    seqs: async (merchantId: string) =>
      (await sql<{ seq: number }>(merchantId, 'SELECT seq FROM audit_logs ORDER BY seq')).map(({ seq }) => seq),
    verdicts: async () => {
      const all: ChainVerdict[] = [];
      for await (const verdict of verifyChains(system)) all.push(verdict);
      return all;
    },
    asSuperuser: (text: string, values?: unknown[]) => withClient(databaseUrl, (client) => client.query(text, values)),
  };
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
const rename = (n: number) => `UPDATE products SET name = 'Rice ${n}' WHERE id = $1`;
/** Locks its row like any update, and is not in the trail. */
const RESERVE = `UPDATE products SET reserved = reserved + 1, movement = '{"orderId": "01990000-0000-7000-8000-000000000001"}' WHERE id = $1`;

test('40 transactions of one merchant at once, which touch rows in opposite orders: none fails, and the chain has no gap', async () => {
  const { shop, addProduct, tenancy, seqs, verdicts } = await setup();
  const shopId = await shop();
  const shared = await addProduct(shopId);
  const own = await parallel(40, () => addProduct(shopId));
  // Whoever held the chain's end while waiting for the shared row would deadlock with whoever does it the other way round.
  await parallel(40, (n) =>
    tenancy.run(shopId, async (tx) => {
      if (n % 2 === 0) await tx.query(RESERVE, [shared]);
      await tx.query(rename(n), [own[n]]);
      if (n % 3 === 0) await tx.query('UPDATE products SET price_amount = price_amount + 1 WHERE id = $1', [own[n]]);
      if (n % 2 === 1) await tx.query(RESERVE, [shared]);
    }),
  );
  const entries = 1 + 1 + 40 + 40 + 14;
  expect(await seqs(shopId)).toEqual(upTo(entries));
  expect(await verdicts()).toEqual([{ merchantId: shopId, length: entries, head: expect.any(String) }]);
});

test('the first 20 changes of a new merchant, all at once, make one chain', async () => {
  const { shop, addProduct, seqs, verdicts, asSuperuser } = await setup();
  const shopId = await shop();
  // As for a merchant that was there before there was a trail.
  await asSuperuser(`SET session_replication_role = replica; DELETE FROM audit_logs; DELETE FROM audit_heads`);
  await parallel(20, () => addProduct(shopId));
  expect(await seqs(shopId)).toEqual(upTo(20));
  expect(await verdicts()).toEqual([{ merchantId: shopId, length: 20, head: expect.any(String) }]);
});

test('each entry carries the hash of the one before it, and the first none', async () => {
  const { shop, addProduct, sql } = await setup();
  const shopId = await shop();
  for (let n = 0; n < 3; n += 1) await addProduct(shopId);
  const links = await sql<{ prev_hash: Buffer; hash: Buffer }>(shopId, 'SELECT prev_hash, hash FROM audit_logs ORDER BY seq');
  expect(links.map(({ prev_hash }) => prev_hash)).toEqual([Buffer.alloc(0), ...links.slice(0, -1).map(({ hash }) => hash)]);
  for (const { hash } of links) expect(hash).toHaveLength(32);
});

test('two merchants’ chains know nothing of each other', async () => {
  const { shop, addProduct, seqs, verdicts } = await setup();
  const shops = [await shop(), await shop()];
  await parallel(20, (n) => addProduct(shops[n % 2]!));
  for (const shopId of shops) expect(await seqs(shopId)).toEqual(upTo(11));
  const [one, two] = await verdicts();
  expect([one!.merchantId, two!.merchantId]).toEqual(shops.toSorted());
  expect(one!.head).not.toBe(two!.head);
});

test('a merchant whose chain is held holds up nobody else', async () => {
  const { shop, addProduct, seqs, databaseUrl } = await setup();
  const [busy, other] = [await shop(), await shop()];
  await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM audit_heads WHERE merchant_id = $1 FOR UPDATE', [busy]);
    const waits = addProduct(busy);
    await until('one waiting for the chain', async () => {
      await client.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await client.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query = 'COMMIT'`,
      );
      return rows.length === 1;
    });
    await addProduct(other);
    expect(await seqs(other)).toEqual([1, 2]);
    expect(await seqs(busy)).toEqual([1]);
    await client.query('COMMIT');
    await waits;
  });
  expect(await seqs(busy)).toEqual([1, 2]);
});

const WRITES = ['audit_logs', 'audit_heads'].flatMap((table) => [
  `INSERT INTO ${table} SELECT * FROM ${table}`,
  `UPDATE ${table} SET seq = seq + 1`,
  `DELETE FROM ${table}`,
  `TRUNCATE ${table}`,
]);
const TRICKS = [
  'SET session_replication_role = replica',
  'ALTER TABLE audit_logs DISABLE TRIGGER ALL',
  'DROP TRIGGER audit ON products',
  'ALTER TABLE products DISABLE TRIGGER audit',
  'CREATE OR REPLACE FUNCTION audit_hash(entry audit_logs) RETURNS bytea LANGUAGE sql AS $$ SELECT NULL::bytea $$',
  `CREATE TRIGGER mine AFTER INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION write_audit('product', 'merchant_id')`,
  `CREATE TEMP TABLE mine (merchant_id uuid, id uuid);
   CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION write_audit('product', 'merchant_id')`,
];

test.each(['soko_app', 'soko_system'] as const)('%s may neither write the trail nor go round it', async (role) => {
  const { shop, databaseUrl, verdicts } = await setup();
  const shopId = await shop();
  await withClient(
    databaseUrl,
    async (client) => {
      await client.query(`SELECT set_config('app.merchant_id', $1, false)`, [shopId]);
      expect((await client.query('SELECT seq FROM audit_logs')).rows).toHaveLength(1);
      for (const text of [...WRITES, ...TRICKS])
        await expect(client.query(text), text).rejects.toThrow(/permission denied|must be owner/);
    },
    role,
  );
  expect(await verdicts()).toEqual([{ merchantId: shopId, length: 1, head: expect.any(String) }]);
});

test('not even the owner of the tables, or the superuser, changes or removes an entry', async () => {
  const { shop, asSuperuser, verdicts } = await setup();
  const shopId = await shop();
  for (const text of ['UPDATE audit_logs SET ip = NULL', 'DELETE FROM audit_logs', 'TRUNCATE audit_logs']) {
    await expect(asSuperuser(text), text).rejects.toThrow('audit_logs is append-only');
    await expect(asSuperuser(`SET ROLE soko_owner; ${text}`), text).rejects.toThrow('audit_logs is append-only');
  }
  expect(await verdicts()).toEqual([{ merchantId: shopId, length: 1, head: expect.any(String) }]);
});

test('what the superuser does to a merchant’s rows by hand is in its trail', async () => {
  const { shop, asSuperuser, sql } = await setup();
  const shopId = await shop();
  await asSuperuser(`UPDATE merchants SET name = 'By hand'`);
  const entries = await sql(shopId, 'SELECT actor_type, action, after ->> $1 AS name FROM audit_logs ORDER BY seq', ['name']);
  expect(entries.at(-1)).toEqual({ actor_type: 'system', action: 'update', name: 'By hand' });
});
