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

test('what was sent without waiting stands with the rest; if it fails nothing does, and its own error is told', async () => {
  const { tenancy, shop, module } = await integration({});
  const merchantId = await shop();
  const ring = vi.spyOn(module.get(AlarmBell), 'ring');
  const contact = (phone: string): [string, string[]] => [
    'INSERT INTO contacts (merchant_id, phone) VALUES ($1, $2)',
    [merchantId, phone],
  ];
  const phones = () => tenancy.run(merchantId, (tx) => tx.query('SELECT phone FROM contacts ORDER BY phone'));
  await tenancy.run(merchantId, async (tx) => {
    tx.write(...contact('+263771000001'));
    tx.write(...contact('+263771000002'));
    // Behind them, on the same connection.
    expect(await tx.query('SELECT phone FROM contacts')).toHaveLength(2);
  });
  const both = [{ phone: '+263771000001' }, { phone: '+263771000002' }];
  expect(await phones()).toEqual(both);
  const failing = tenancy.run(merchantId, async (tx) => {
    tx.write(...contact('+263771000003'));
    tx.write(...contact('+263771000001'));
    tx.write(...contact('+263771000004'));
    tx.wake(processOrder, { merchantId, orderId: newId() });
  });
  await expect(failing).rejects.toThrow(/duplicate key/);
  expect(await phones()).toEqual(both);
  expect(ring.mock.calls.flat(2)).toEqual([]);
  // In a unit of work the part fails that sent it, and the others stand.
  const unit = tenancy.unit(merchantId);
  await unit.perform(async () => {
    await tenancy.run(merchantId, async (tx) => tx.write(...contact('+263771000005')));
    await expect(tenancy.run(merchantId, async (tx) => tx.write(...contact('+263771000001')))).rejects.toThrow(/duplicate key/);
  });
  await unit.commit(async () => undefined);
  expect(await phones()).toEqual([...both, { phone: '+263771000005' }]);
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
