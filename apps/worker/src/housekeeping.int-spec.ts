import { newId } from '@soko/common';
import { schemaFaults } from '@soko/database';
import { MediaModule } from '@soko/media';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { Housekeeping } from './housekeeping.service.js';

test('what has expired is removed, of every merchant and however much it is; what still counts stays', async () => {
  const { module, merchant, tenancy, system } = await integration({ imports: [MediaModule], providers: [Housekeeping] });
  const [one, two] = [await merchant(), await merchant()];
  for (const { merchant: shop, user } of [one, two]) {
    await tenancy.run(shop.id, async (tx) => {
      await tx.query(
        `INSERT INTO sessions (merchant_id, id, user_id, expires_at)
         SELECT $1, uuidv7(), $2, now() - interval '1 second' FROM generate_series(1, 6000)`,
        [shop.id, user.id],
      );
      for (const [hash, expiresIn] of [
        [newId(), '-1 second'],
        [newId(), '1 hour'],
      ]) {
        await tx.query(
          `INSERT INTO idempotency_keys (merchant_id, hash, fingerprint, claim, expires_at)
           VALUES ($1, $2, '', uuidv7(), now() + $3::interval)`,
          [shop.id, Buffer.from(hash!), expiresIn],
        );
      }
    });
  }
  await module.get(Housekeeping).clean();
  const left = (table: string) =>
    system.query(`SELECT count(*)::int AS n, bool_and(expires_at > now()) AS live FROM ${table} GROUP BY merchant_id`);
  expect(await left('sessions')).toEqual([
    { n: 1, live: true },
    { n: 1, live: true },
  ]);
  expect(await left('idempotency_keys')).toEqual([
    { n: 1, live: true },
    { n: 1, live: true },
  ]);
});

test('a week that has no partition yet gets one, once a day, as the role that serves ops, and messages go there', async () => {
  const { module, databaseUrl, system } = await integration({ imports: [MediaModule], providers: [Housekeeping] });
  const keeper = module.get(Housekeeping);
  const partitions = () =>
    withClient(databaseUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT relid::regclass::text AS name FROM pg_partition_tree('messages') WHERE isleaf ORDER BY 1`,
      );
      return rows.map(({ name }) => name);
    });
  const before = await partitions();
  // Last week, this one, 26 to come, and that for all others.
  expect(before.length).toBeGreaterThanOrEqual(28);
  const last = before.filter((name) => name !== 'messages_rest').at(-1)!;
  await withClient(databaseUrl, (client) => client.query(`ALTER TABLE messages DETACH PARTITION ${last}; DROP TABLE ${last}`));
  const day = 24 * 3_600_000;
  // It has looked at the start already.
  const started = Date.now();
  expect(await keeper.makePartitions(started + day / 2)).toBe(0);
  expect(await partitions()).not.toContain(last);
  expect(await keeper.makePartitions(started + day + 60_000)).toBe(1);
  expect(await partitions()).toEqual(before);
  expect(await keeper.makePartitions(started + 2 * day + 120_000)).toBe(0);
  expect(await system.run(schemaFaults)).toEqual([]);
});

test('a device that was not connected for 30 days is forgotten; one that is connected, or was lately, stays', async () => {
  const { module, shop, tenancy, system } = await integration({ imports: [MediaModule], providers: [Housekeeping] });
  const merchantId = await shop();
  const link = async (status: string, days: number): Promise<string> => {
    const id = newId();
    await tenancy.run(merchantId, async (tx) => {
      await tx.query(
        `INSERT INTO channels (merchant_id, id, name, kind, shard, status, last_connected_at)
         VALUES ($1, $2, 'c', 'baileys', 0, $3, now() - $4 * interval '1 day')`,
        [merchantId, id, status, days],
      );
      await tx.query(`INSERT INTO baileys_creds (merchant_id, channel_id, creds) VALUES ($1, $2, 'plain.c')`, [merchantId, id]);
      await tx.query(
        `INSERT INTO baileys_keys (merchant_id, channel_id, type, id, value) VALUES ($1, $2, 'session', 's', 'plain.k')`,
        [merchantId, id],
      );
    });
    return id;
  };
  const idle = await link('failed', 31);
  const kept = [await link('connected', 31), await link('disconnected', 29)];
  const keeper = module.get(Housekeeping);
  await keeper.forgetIdleDevices(Date.now() + 2 * 3_600_000);
  const left = (table: string) => system.query<{ id: string }>(`SELECT channel_id AS id FROM ${table} ORDER BY 1`);
  expect((await left('baileys_creds')).map(({ id }) => id)).toEqual(kept.toSorted());
  expect((await left('baileys_keys')).map(({ id }) => id)).toEqual(kept.toSorted());
  const [row] = await system.query<{ status: string }>('SELECT status FROM channels WHERE id = $1', [idle]);
  expect(row).toEqual({ status: 'logged_out' });
});
