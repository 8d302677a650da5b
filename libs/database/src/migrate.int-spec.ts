import { newId } from '@soko/common';
import { processOrder } from '@soko/contracts';
import { integration, until, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { migrate } from './migrate.js';

test('migrating a database that is in use changes nothing and succeeds', async () => {
  const { databaseUrl, tenancy, merchant } = await integration({ env: { REDIS_URL: '' } });
  const { id: merchantId } = (await merchant()).merchant;
  await tenancy.run(merchantId, async (tx) => tx.wake(processOrder, { merchantId, orderId: newId() }));
  // From its first job on, BullMQ owns objects that the migrating role may not touch.
  await until('a sequence of BullMQ’s', () =>
    withClient(
      databaseUrl,
      async (client) => (await client.query(`SELECT 1 FROM pg_sequences WHERE schemaname = 'bullmq'`)).rowCount,
    ),
  );
  expect(await migrate(databaseUrl)).toEqual([]);
});

test('two that migrate at once do not trip over each other', async () => {
  const { databaseUrl } = await integration({});
  const name = `twice_${newId().replaceAll('-', '')}`;
  await withClient(databaseUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = databaseUrl.replace(/\/[^/]+$/, `/${name}`);
  const ran = await Promise.all([migrate(url), migrate(url)]);
  expect(ran.map((migrations) => migrations.length).toSorted((a, b) => a - b)).toEqual([0, expect.any(Number)]);
  expect(Math.max(...ran.map((migrations) => migrations.length))).toBeGreaterThanOrEqual(4);
});
