import { AlarmBell } from '@soko/database';
import { processOrder } from '@soko/contracts';
import { newId } from '@soko/common';
import { integration, parallel, withClient } from '@soko/testing';
import { expect, test, vi } from 'vitest';

test('work that swallows an error of the database is told that nothing was committed, and rings nothing', async () => {
  const { tenancy, shop, module } = await integration({});
  const merchantId = await shop();
  const ring = vi.spyOn(module.get(AlarmBell), 'ring');
  const careless = tenancy.run(merchantId, async (tx) => {
    await tx.query(`INSERT INTO contacts (merchant_id, phone) VALUES ($1, '+263771000001')`, [merchantId]);
    tx.wake(processOrder, { merchantId, orderId: newId() });
    await tx.query('SELECT 1 / 0').catch(() => undefined);
  });
  await expect(careless).rejects.toThrow(/nothing was committed/);
  expect(await tenancy.run(merchantId, (tx) => tx.query('SELECT * FROM contacts'))).toEqual([]);
  expect(ring.mock.calls.flat(2)).toEqual([]);
});

test('a statement of the system commits by itself, and gives its rows', async () => {
  const { system, shop, databaseUrl } = await integration({});
  const merchantId = await shop();
  const changed = await system.query("UPDATE merchants SET plan = 'trial' WHERE id = $1 RETURNING plan", [merchantId]);
  const { rows } = await withClient(databaseUrl, (client) => client.query('SELECT plan FROM merchants'));
  expect([changed, rows]).toEqual([[{ plan: 'trial' }], [{ plan: 'trial' }]]);
});

test('statements of the system that fail give their connections back, and leave no transaction open', async () => {
  const { system } = await integration({});
  const failed = await Promise.allSettled(Array.from({ length: 20 }, () => system.query('SELECT 1 / 0 AS n')));
  expect(new Set(failed.map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(await parallel(20, () => system.query('SELECT 1 AS one'))).toEqual(Array.from({ length: 20 }, () => [{ one: 1 }]));
});

test('a statement of the system may do no more than the system role, also for amounts beyond exact integers', async () => {
  const { system } = await integration({});
  await expect(system.query('CREATE TABLE loot (id int)')).rejects.toThrow(/permission denied/);
  await expect(system.query('DELETE FROM merchants')).rejects.toThrow(/permission denied/);
  await expect(system.query('SELECT 9007199254740993::bigint AS n')).rejects.toThrow(RangeError);
});
