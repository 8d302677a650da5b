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
  const carts = (await tenancy.run(one.merchant.id, async (tx) => {
    await tx.query(`INSERT INTO channels (merchant_id, name, kind, shard) VALUES ($1, 'c', 'simulator', 0)`, [tx.merchantId]);
    await tx.query(`INSERT INTO contacts (merchant_id, phone) SELECT $1, '+26377100000' || n FROM generate_series(1, 2) n`, [
      tx.merchantId,
    ]);
    await tx.query(
      `INSERT INTO chats (merchant_id, channel_id, contact_id) SELECT c.merchant_id, h.id, c.id FROM contacts c, channels h`,
    );
    return tx.query(
      `INSERT INTO carts (merchant_id, chat_id, lines, expires_at)
       SELECT merchant_id, id, '[]', now() + (row_number() OVER () - 1.5) * interval '1 hour' FROM chats RETURNING chat_id`,
    );
  })) as { chat_id: string }[];
  await module.get(Housekeeping).clean();
  const left = (table: string) =>
    system.query(`SELECT count(*)::int AS n, bool_and(expires_at > now()) AS live FROM ${table} GROUP BY merchant_id`);
  expect(await left('sessions')).toEqual([
    { n: 1, live: true },
    { n: 1, live: true },
  ]);
  expect(carts).toHaveLength(2);
  expect(await left('carts')).toEqual([{ n: 1, live: true }]);
  expect(await left('idempotency_keys')).toEqual([
    { n: 1, live: true },
    { n: 1, live: true },
  ]);
});

test('where drivers were is forgotten after a week', async () => {
  const { module, shop, tenancy, system } = await integration({ imports: [MediaModule], providers: [Housekeeping] });
  const [merchantId, id] = [await shop(), newId()];
  await tenancy.run(merchantId, async (tx) => {
    await tx.query(
      `INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency) VALUES ($1, $2, 1, 'confirmed', '+263771234567', 1, 'USD')`,
      [merchantId, id],
    );
    await tx.query('INSERT INTO delivery_tasks (merchant_id, id, order_id) VALUES ($1, $2, $2)', [merchantId, id]);
    await tx.query(
      `INSERT INTO delivery_positions (merchant_id, delivery_id, attempt, at, latitude, longitude) VALUES ($1, $2, 1, now(), 1, 2), ($1, $2, 2, now(), 1, 2)`,
      [merchantId, id],
    );
    await tx.query(
      `UPDATE delivery_positions SET expires_at = expires_at - interval '7 days 1 second' WHERE merchant_id = $1 AND attempt = 1`,
      [merchantId],
    );
  });
  await module.get(Housekeeping).clean();
  expect(await system.query('SELECT attempt FROM delivery_positions')).toEqual([{ attempt: 2 }]);
});

test('codes that nobody has used are forgotten', async () => {
  const { module, merchant, tenancy, system } = await integration({ imports: [MediaModule], providers: [Housekeeping] });
  const { merchant: shop, user } = await merchant();
  await tenancy.run(shop.id, async (tx) => {
    await tx.query(
      `INSERT INTO link_codes (merchant_id, user_id, code_hash, expires_at) VALUES ($1, $2, '\\x01', now() - interval '1 second')`,
      [shop.id, user.id],
    );
    await tx.query(
      `WITH c AS (INSERT INTO contacts (merchant_id, lid) SELECT $1, n::text FROM generate_series(1, 2) n RETURNING id)
       INSERT INTO number_proofs (merchant_id, contact_id, phone, code_hash, expires_at)
       SELECT $1, id, '+263771000001', '\\x01', now() + (row_number() OVER () - 2) * interval '1 hour' + interval '1 second' FROM c`,
      [shop.id],
    );
  });
  await module.get(Housekeeping).clean();
  expect(await system.query('SELECT 1 AS one FROM link_codes')).toEqual([]);
  expect(await system.query('SELECT 1 AS one FROM number_proofs')).toEqual([{ one: 1 }]);
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

test('the same for events, by month', async () => {
  const { module, databaseUrl, system } = await integration({ imports: [MediaModule], providers: [Housekeeping] });
  const keeper = module.get(Housekeeping);
  const [last] = await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT relid::regclass::text AS name FROM pg_partition_tree('events') WHERE isleaf AND relid <> 'events_rest'::regclass ORDER BY 1 DESC LIMIT 1`,
    );
    await client.query(`ALTER TABLE events DETACH PARTITION ${rows[0]!.name}; DROP TABLE ${rows[0]!.name}`);
    return rows;
  });
  expect(await keeper.makePartitions(Date.now() + 24 * 3_600_000 + 60_000)).toBe(1);
  expect(await system.query('SELECT to_regclass($1) IS NOT NULL AS there', [last!.name])).toEqual([{ there: true }]);
  expect(await system.run(schemaFaults)).toEqual([]);
});

test('months of events go when EVENT_MONTHS says so, and only once all that they led to is done', async () => {
  const { module, databaseUrl, shop, system } = await integration({
    imports: [MediaModule],
    providers: [Housekeeping],
    env: { EVENT_MONTHS: '3' },
  });
  const merchantId = await shop();
  const keeper = module.get(Housekeeping);
  const keep = () => keeper.dropOldEvents(Date.now() + 25 * 3_600_000 * (tries += 1));
  let tries = 0;
  const ages = async () =>
    (
      await system.query<{ months: number }>(
        `SELECT (data->>'months')::int AS months FROM events WHERE merchant_id = $1 ORDER BY id`,
        [merchantId],
      )
    ).map(({ months }) => months);
  const add = (months: number, position: number | null) =>
    withClient(databaseUrl, async (client) => {
      await client.query(`SELECT make_event_partitions(now() - $1 * interval '1 month', now())`, [months]);
      await client.query(
        `INSERT INTO events (merchant_id, id, type, subject, data, position)
         SELECT $1, uuidv7(-1 * $2::int * interval '31 days'), 'bot_connected', 's', json_build_object('months', $2::int), $3`,
        [merchantId, months, position],
      );
    });
  for (const [position, months] of [14, 8, 5, 2, 0].entries()) await add(months, position + 1);
  await withClient(databaseUrl, (client) =>
    client.query(
      `INSERT INTO event_reactions (merchant_id, reaction, subject, position, event_id)
       SELECT merchant_id, 'test.waits', 's', position, id FROM events WHERE position = 2`,
    ),
  );
  await keep();
  expect(await ages()).toEqual([8, 5, 2, 0]);
  await withClient(databaseUrl, (client) => client.query('DELETE FROM event_reactions'));
  await add(6, null);
  await keep();
  expect(await ages()).toEqual([6, 5, 2, 0]);
  await withClient(databaseUrl, (client) => client.query('UPDATE events SET position = 9 WHERE position IS NULL'));
  await keep();
  expect(await ages()).toEqual([2, 0]);
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

test('calls of webhooks are forgotten after WEBHOOK_LOG_DAYS, of every subscription and however many', async () => {
  const { module, shop, tenancy, system } = await integration({
    imports: [MediaModule],
    providers: [Housekeeping],
    env: { WEBHOOK_LOG_DAYS: '7' },
  });
  const hooks = [newId(), newId(), newId()];
  for (const webhookId of hooks) {
    const merchantId = await shop();
    await tenancy.run(merchantId, async (tx) => {
      await tx.query(
        `INSERT INTO webhooks (merchant_id, id, url, events, secret) VALUES ($1, $2, 'http://x', '{*}', 'plain.s')`,
        [merchantId, webhookId],
      );
      await tx.query(
        `INSERT INTO webhook_logs (merchant_id, webhook_id, id, event_id, event_type, attempt, outcome, url, duration_ms)
         SELECT $1, $2, uuidv7(age * interval '1 hour'), uuidv7(), 'order_created', 1, 'delivered', 'http://x', 1
         FROM unnest(ARRAY[-169, -167]) AS age, generate_series(1, 2500)`,
        [merchantId, webhookId],
      );
    });
  }
  await module.get(Housekeeping).forgetCalls();
  const left = await system.query(
    `SELECT webhook_id AS id, count(*)::int AS n, min(uuid_extract_timestamp(id)) > now() - interval '7 days' AS young
     FROM webhook_logs GROUP BY 1 ORDER BY 1`,
  );
  expect(left).toEqual(hooks.toSorted().map((id) => ({ id, n: 2_500, young: true })));
});
