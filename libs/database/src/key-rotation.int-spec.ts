import { randomBytes } from 'node:crypto';
import { newId } from '@soko/common';
import { loadSettings } from '@soko/config';
import { rotateKeys, type RotatedColumn, Sealer, type SystemDb } from '@soko/database';
import { integration, seeded, until, withClient } from '@soko/testing';
import { expect, test } from 'vitest';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const OLD = key('old');
const NEW = key('new');
/** Seals under the first key; `integration` has set the rest of the environment. */
const sealerOf = (...keys: string[]): Sealer => new Sealer(loadSettings({ ...process.env, ENCRYPTION_KEYS: keys.join(',') }));

interface Row {
  merchant_id: string;
  id: string;
  secret: string;
  headers: string | null;
}

async function setup() {
  const { system, tenancy, shop, databaseUrl } = await integration({});
  const sql = <R extends object>(text: string, values: unknown[] = []): Promise<R[]> =>
    withClient(databaseUrl, async (client) => (await client.query<R>(text, values)).rows);
  const rotate = async (sealer = sealerOf(NEW, OLD), db: Pick<SystemDb, 'query'> = system): Promise<RotatedColumn[]> => {
    const columns: RotatedColumn[] = [];
    await rotateKeys(db as SystemDb, sealer, (column) => columns.push(column));
    return columns;
  };
  return {
    system,
    tenancy,
    shop,
    sql,
    rotate,
    databaseUrl,
    /** Webhooks straight into the table: what each secret and its headers are is told by its id. */
    hooks: async (merchantId: string, count: number, sealer: Pick<Sealer, 'seal'> = sealerOf(OLD)) => {
      const ids = Array.from({ length: count }, () => newId());
      await sql(
        `INSERT INTO webhooks (merchant_id, id, url, events, secret, headers)
         SELECT $1, r.id, 'https://example.com', '{}', r.secret, r.headers FROM unnest($2::uuid[], $3::text[], $4::text[]) AS r (id, secret, headers)`,
        [
          merchantId,
          ids,
          ids.map((id) => sealer.seal(`secret of ${id}`, merchantId, 'webhooks.secret')),
          ids.map((id) => sealer.seal(`headers of ${id}`, merchantId, 'webhooks.headers')),
        ],
      );
      return ids;
    },
    rows: () => sql<Row>('SELECT merchant_id, id, secret, headers FROM webhooks ORDER BY id'),
    auditEntries: async () => (await sql<{ n: number }>('SELECT count(*)::int AS n FROM audit_logs'))[0]!.n,
  };
}

/** What was stored before there was encryption. */
const plain: Pick<Sealer, 'seal'> = { seal: (text) => `plain.${text}` };
/** Secrets under the old key, headers under the new one. */
const oldSecrets: Pick<Sealer, 'seal'> = {
  seal: (text, merchantId, place) => sealerOf(place === 'webhooks.secret' ? OLD : NEW).seal(text, merchantId, place),
};
const dataOf = (all: Row[]) => all.map(({ secret, headers }) => [secret.split('.')[3], headers!.split('.')[3]]);
const valuesOf = (columns: RotatedColumn[], place: string) => columns.find((column) => column.place === place)?.values;

/** Every value opens, with the new key alone, to what it was. */
function expectAllUnderNewKey(rows: Row[]): void {
  const sealer = sealerOf(NEW);
  for (const { merchant_id, id, secret, headers } of rows) {
    expect(sealer.open(secret, merchant_id, 'webhooks.secret')).toBe(`secret of ${id}`);
    expect(sealer.open(headers!, merchant_id, 'webhooks.headers')).toBe(`headers of ${id}`);
    expect(`${secret} ${headers}`).not.toMatch(/plain\.|v1\.old\./);
  }
}

test('the secrets of all merchants are under the new key alone after a rotation, in as many batches as it takes', async () => {
  const { shop, hooks, rotate, rows } = await setup();
  const [mine, theirs] = [await shop(), await shop()];
  await hooks(mine, 620);
  await hooks(theirs, 420);
  const columns = await rotate();
  expect(columns).toEqual([
    { place: 'baileys_creds.creds', values: 0 },
    { place: 'baileys_keys.value', values: 0 },
    { place: 'channels.secrets', values: 0 },
    { place: 'delivery_tasks.code', values: 0 },
    { place: 'delivery_tasks.tracking_token', values: 0 },
    { place: 'idempotency_keys.body', values: 0 },
    { place: 'inbound_secrets.old_secret', values: 0 },
    { place: 'inbound_secrets.secret', values: 0 },
    { place: 'payment_methods.secrets', values: 0 },
    { place: 'payments.link', values: 0 },
    { place: 'payments.reference', values: 0 },
    { place: 'webhooks.headers', values: 1040 },
    { place: 'webhooks.old_secret', values: 0 },
    { place: 'webhooks.secret', values: 1040 },
  ]);
  expect(await rows()).toHaveLength(1040);
  expectAllUnderNewKey(await rows());
});

test('only the key of a value is wrapped anew: what it holds stays as it lies', async () => {
  const { shop, hooks, rotate, rows } = await setup();
  await hooks(await shop(), 3);
  const before = await rows();
  await rotate();
  const after = await rows();
  expect(dataOf(after)).toEqual(dataOf(before));
  expect(after.map(({ secret }) => secret)).not.toEqual(before.map(({ secret }) => secret));
});

test('values from before there was encryption are sealed too, also those that look as if they had a key', async () => {
  const { shop, hooks, rotate, rows, sql } = await setup();
  const merchantId = await shop();
  await hooks(merchantId, 501, plain);
  const [odd] = await hooks(merchantId, 1, plain);
  await sql("UPDATE webhooks SET secret = 'plain.new.token', headers = NULL WHERE id = $1", [odd]);
  expect(valuesOf(await rotate(), 'webhooks.secret')).toBe(502);
  const found = await rows();
  expectAllUnderNewKey(found.filter(({ id }) => id !== odd));
  const { secret, headers } = found.find(({ id }) => id === odd)!;
  expect(secret).toMatch(/^v1\.new\./);
  expect(sealerOf(NEW).open(secret, merchantId, 'webhooks.secret')).toBe('new.token');
  expect(headers).toBeNull();
});

test('a second rotation changes nothing: no value, and no row', async () => {
  const { shop, hooks, rotate, sql } = await setup();
  const merchantId = await shop();
  await hooks(merchantId, 30);
  await hooks(merchantId, 30, plain);
  await rotate();
  const versions = () => sql('SELECT id, xmin::text, secret, headers FROM webhooks ORDER BY id');
  const before = await versions();
  expect((await rotate()).filter(({ values }) => values > 0)).toEqual([]);
  expect(await versions()).toEqual(before);
});

test('values that are under the current key already are left alone', async () => {
  const { shop, hooks, rotate } = await setup();
  const merchantId = await shop();
  await hooks(merchantId, 7, sealerOf(NEW));
  await hooks(merchantId, 5);
  expect(valuesOf(await rotate(), 'webhooks.secret')).toBe(5);
});

test('a rotation can be undone by another one, for which the older key only has to come first again', async () => {
  const { shop, hooks, rotate, rows } = await setup();
  const [id] = await hooks(await shop(), 1);
  await rotate();
  await rotate(sealerOf(OLD, NEW));
  const [row] = await rows();
  expect(sealerOf(OLD).open(row!.secret, row!.merchant_id, 'webhooks.secret')).toBe(`secret of ${id}`);
});

test('a new column of a new table is found by its type', async () => {
  const { shop, rotate, sql } = await setup();
  const merchantId = await shop();
  await sql(`
    SET ROLE soko_owner;
    CREATE TABLE vault (merchant_id uuid NOT NULL, id uuid NOT NULL, note text, pin sealed, PRIMARY KEY (merchant_id, id));
    SELECT protect_tenant_table('vault');
    SELECT allow_system('vault', 'SELECT, UPDATE')`);
  const pin = sealerOf(OLD).seal('1234', merchantId, 'vault.pin');
  await sql('INSERT INTO vault VALUES ($1, $2, $3, $4), ($1, $5, NULL, NULL)', [merchantId, newId(), pin, pin, newId()]);
  expect(valuesOf(await rotate(), 'vault.pin')).toBe(1);
  const [row] = await sql<{ note: string; pin: string }>('SELECT note, pin FROM vault WHERE pin IS NOT NULL');
  expect(sealerOf(NEW).open(row!.pin, merchantId, 'vault.pin')).toBe('1234');
  expect(row!.note).toBe(pin);
});

test('a rotation of sealed values is no change that the audit trail tells of', async () => {
  const { shop, hooks, rotate, auditEntries } = await setup();
  await hooks(await shop(), 20);
  const before = await auditEntries();
  expect(before).toBeGreaterThanOrEqual(20);
  expect(valuesOf(await rotate(), 'webhooks.secret')).toBe(20);
  expect(await auditEntries()).toBe(before);
});

test('a value whose key is gone stops the rotation and is left as it was, with what to do; the next attempt goes on', async () => {
  const { shop, hooks, rotate, rows } = await setup();
  const [mine, theirs] = [await shop(), await shop()];
  await hooks(mine, 2, sealerOf(OLD));
  await hooks(theirs, 2, sealerOf('lost:' + Buffer.alloc(32, 7).toString('base64')));
  const before = await rows();
  await expect(rotate()).rejects.toThrow(/under the key "lost": add it to ENCRYPTION_KEYS again/);
  expect((await rows()).filter((row) => row.merchant_id === theirs)).toEqual(before.filter((row) => row.merchant_id === theirs));
  await rotate(sealerOf(NEW, OLD, 'lost:' + Buffer.alloc(32, 7).toString('base64')));
  expectAllUnderNewKey(await rows());
});

test('a rotation that was ended in the middle is finished by the next one', async () => {
  const { shop, hooks, rotate, rows, system } = await setup();
  await hooks(await shop(), 1200);
  let statements = 0;
  const dying: Pick<SystemDb, 'query'> = {
    query: (text, values) => ((statements += 1) > 5 ? Promise.reject(new Error('killed')) : system.query(text, values)),
  };
  await expect(rotate(sealerOf(NEW, OLD), dying)).rejects.toThrow('killed');
  await rotate();
  expectAllUnderNewKey(await rows());
});

/** Lets `meddle` at the table after the rotation has read a batch of stale secrets, and before it writes them. */
const meddling = (system: SystemDb, meddle: () => Promise<unknown>): Pick<SystemDb, 'query'> => ({
  query: async <R extends object>(text: string, values?: unknown[]) => {
    const found = await system.query<R>(text, values);
    if (text.includes('secret AS value') && found.length > 0) await meddle();
    return found;
  },
});

/** Does its work the first `count` times that it is called. */
const upTo = (count: number, work: () => Promise<unknown>) => {
  const calls = { made: 0 };
  return Object.assign(async () => (calls.made += 1) <= count && work(), { calls });
};

test('a row that moves ahead while its values are being sealed anew is not forgotten', async () => {
  const { shop, hooks, rotate, rows, sql, system } = await setup();
  await hooks(await shop(), 3);
  const move = upTo(2, () => sql("UPDATE webhooks SET description = 'moved'"));
  await rotate(sealerOf(NEW, OLD), meddling(system, move));
  expect(move.calls.made).toBe(3);
  expectAllUnderNewKey(await rows());
});

/** The space of removed rows, free for new ones: a snapshot that somebody else (autovacuum, say) holds would keep it from being so. */
const reclaim = async (sql: (text: string) => Promise<object[]>): Promise<void> => {
  await until('nobody who looks back', async () => {
    const held = await sql(
      'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)',
    );
    return held.length === 0;
  });
  await sql('VACUUM webhooks');
};

test('nor is one that moves to where the rotation has been, into the space of removed rows', async () => {
  const { shop, hooks, rotate, rows, sql, system } = await setup();
  const ids = await hooks(await shop(), 10, oldSecrets);
  await sql('DELETE FROM webhooks WHERE id <> $1', [ids.at(-1)]);
  await reclaim(sql);
  const place = async () => (await sql<{ at: string }>('SELECT ctid::text AS at FROM webhooks'))[0]!.at;
  const places: string[] = [];
  const moveOnce = upTo(1, async () => {
    places.push(await place());
    await sql("UPDATE webhooks SET description = 'moved'");
    places.push(await place());
  });
  await rotate(sealerOf(NEW, OLD), meddling(system, moveOnce));
  expect(places).toEqual(['(0,10)', '(0,1)']);
  expectAllUnderNewKey(await rows());
});

test('a new row in the place of one that was removed meanwhile keeps its own value', async () => {
  const { shop, hooks, rotate, rows, sql, system } = await setup();
  const merchantId = await shop();
  await hooks(merchantId, 1, oldSecrets);
  const place = async () => (await sql<{ at: string }>('SELECT ctid::text AS at FROM webhooks'))[0]!.at;
  const places: string[] = [];
  const swap = upTo(1, async () => {
    places.push(await place());
    await sql('DELETE FROM webhooks');
    await reclaim(sql);
    await hooks(merchantId, 1, sealerOf(NEW));
    places.push(await place());
  });
  await rotate(sealerOf(NEW, OLD), meddling(system, swap));
  expect(places).toEqual(['(0,1)', '(0,1)']);
  expectAllUnderNewKey(await rows());
});

test('a value that is replaced while it is being sealed anew keeps its new text', async () => {
  const { shop, hooks, rotate, rows, sql, system } = await setup();
  const merchantId = await shop();
  const [id] = await hooks(merchantId, 1);
  const replaced = sealerOf(NEW).seal('replaced', merchantId, 'webhooks.secret');
  const replace = upTo(1, () => sql('UPDATE webhooks SET secret = $1', [replaced]));
  await rotate(sealerOf(NEW, OLD), meddling(system, replace));
  expect(replace.calls.made).toBe(1);
  const [row] = await rows();
  expect(row).toMatchObject({ id, secret: replaced });
});

test.each([
  ['keeps the text', 'of which it is not', "description = 'changed'", 'old'],
  ['is left to its writer', 'of which it is', 'secret = $1', 'replaced'],
])('a value whose row is locked %s, when the change %s a part', async (_, __, change, outcome) => {
  const { shop, hooks, rotate, rows, databaseUrl } = await setup();
  const merchantId = await shop();
  const [id] = await hooks(merchantId, 1);
  const replaced = sealerOf(NEW).seal('replaced', merchantId, 'webhooks.secret');
  await withClient(databaseUrl, async (writer) => {
    await writer.query('BEGIN');
    await writer.query(`UPDATE webhooks SET ${change}`, change.includes('$1') ? [replaced] : []);
    const rotating = rotate();
    await until('the rotation waits for the lock', async () => {
      const waiting = await writer.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return waiting.rows.length > 0;
    });
    await writer.query('COMMIT');
    await rotating;
  });
  const [row] = await rows();
  const text = sealerOf(NEW).open(row!.secret, merchantId, 'webhooks.secret');
  expect(text).toBe(outcome === 'replaced' ? 'replaced' : `secret of ${id}`);
  expect(sealerOf(NEW).open(row!.headers!, merchantId, 'webhooks.headers')).toBe(`headers of ${id}`);
});

test('a value that a process with the old key first writes behind the rotation is sealed by it too', async () => {
  const { shop, hooks, rotate, rows, system } = await setup();
  const merchantId = await shop();
  await hooks(merchantId, 3);
  const writeLate = upTo(3, () => hooks(merchantId, 1, oldSecrets));
  await rotate(sealerOf(NEW, OLD), meddling(system, writeLate));
  expect(await rows()).toHaveLength(6);
  expectAllUnderNewKey(await rows());
});

test('a rotation loses and spoils nothing while rows are written, changed and removed all the time', async () => {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}: CHAOS_SEED=${seed} picks the same rows again`);
  const random = seeded(seed);
  const { shop, hooks, rotate, rows, tenancy } = await setup();
  const merchantId = await shop();
  const model = new Map((await hooks(merchantId, 1300)).map((id) => [id, `secret of ${id}`]));
  const sealer = sealerOf(NEW, OLD);
  const change = async (): Promise<void> => {
    const ids = [...model.keys()];
    const id = ids[Math.floor(random() * ids.length)]!;
    const [text, what] = [newId(), Math.floor(random() * 4)];
    const secret = sealer.seal(text, merchantId, 'webhooks.secret');
    await tenancy.run(merchantId, async (tx) => {
      if (what === 0) await tx.query('UPDATE webhooks SET secret = $1 WHERE id = $2', [secret, id]);
      if (what === 1) await tx.query("UPDATE webhooks SET description = 'changed' WHERE id = $1", [id]);
      if (what === 2) await tx.query('DELETE FROM webhooks WHERE id = $1', [id]);
      if (what === 3)
        await tx.query(
          `INSERT INTO webhooks (merchant_id, id, url, events, secret) VALUES ($1, $2, 'https://x.example', '{}', $3)`,
          [merchantId, text, secret],
        );
    });
    if (what === 0) model.set(id, text);
    if (what === 2) model.delete(id);
    if (what === 3) model.set(text, text);
  };
  const rotation = { runs: true, changes: 0 };
  const changing = (async () => {
    while (rotation.runs) {
      await change();
      rotation.changes += 1;
    }
  })();
  const columns = await rotate(sealer).finally(() => (rotation.runs = false));
  await changing;
  expect(rotation.changes, `changes during the rotation, seed ${seed}`).toBeGreaterThan(0);
  expect(valuesOf(columns, 'webhooks.secret')).toBeGreaterThan(500);
  const alone = sealerOf(NEW);
  const found = (await rows()).map(({ id, secret }) => [id, alone.open(secret, merchantId, 'webhooks.secret')] as const);
  expect(new Map(found), `seed ${seed}`).toEqual(model);
});
