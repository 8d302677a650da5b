import { newId } from '@soko/common';
import { merchantRegistered, processOrder } from '@soko/contracts';
import { AlarmBell, MissingTenantError, NestedTransactionError, type Tenancy } from '@soko/database';
import { integration, withClient } from '@soko/testing';
import { expect, test, vi } from 'vitest';

const EVENT = { name: 'Shop', locale: 'en', registeredAt: new Date().toISOString() };
const addContact = (tenancy: Tenancy, merchantId: string, phone: string) =>
  tenancy.run(merchantId, (tx) =>
    tx.query<{ id: string }>('INSERT INTO contacts (merchant_id, phone) VALUES ($1, $2) RETURNING id', [merchantId, phone]),
  );

test('a tenant query without a tenant throws', async () => {
  const { tenancy } = await integration({});
  for (const nobody of [undefined, '', 'me', '1 OR 1=1']) {
    await expect(tenancy.run(nobody as string, (tx) => tx.query('SELECT 1'))).rejects.toThrow(MissingTenantError);
  }
});

test('a merchant sees and takes its own rows only, whatever the statement asks for', async () => {
  const { tenancy, merchant } = await integration({});
  const [mine, other] = [(await merchant()).merchant.id, (await merchant()).merchant.id];
  const [contact] = await addContact(tenancy, other, '+263771000001');
  const seen = await tenancy.run(mine, (tx) => tx.query('SELECT * FROM contacts'));
  const byId = await tenancy.run(mine, (tx) =>
    tx.query('SELECT * FROM contacts WHERE merchant_id = $1 AND id = $2', [other, contact!.id]),
  );
  const changed = await tenancy.run(mine, (tx) =>
    tx.query("UPDATE contacts SET name = 'x' WHERE id = $1 RETURNING id", [contact!.id]),
  );
  const gone = await tenancy.run(mine, (tx) => tx.query('DELETE FROM contacts WHERE id = $1 RETURNING id', [contact!.id]));
  expect([seen, byId, changed, gone]).toEqual([[], [], [], []]);
  await expect(
    tenancy.run(mine, (tx) => tx.query(`INSERT INTO contacts (merchant_id, phone) VALUES ($1, '+263771000002')`, [other])),
  ).rejects.toThrow(/row-level security/);
});

test('a row cannot point at another merchant’s row', async () => {
  const { tenancy, merchant } = await integration({});
  const [mine, other] = [(await merchant()).merchant.id, (await merchant()).merchant.id];
  const [theirs] = await addContact(tenancy, other, '+263771000001');
  const insert = tenancy.run(mine, async (tx) => {
    const channel = newId();
    await tx.query(`INSERT INTO channels (merchant_id, id, name, kind, shard) VALUES ($1, $2, 'c', 'simulator', 0)`, [
      mine,
      channel,
    ]);
    await tx.query('INSERT INTO chats (merchant_id, channel_id, contact_id) VALUES ($1, $2, $3)', [mine, channel, theirs!.id]);
  });
  await expect(insert).rejects.toThrow(/foreign key/);
});

test('the serving role sees nothing without a tenant, and may not change the schema, empty a table or become somebody else’s tenant', async () => {
  const { databaseUrl, tenancy, merchant } = await integration({});
  const { id } = (await merchant()).merchant;
  await addContact(tenancy, id, '+263771000001');
  await withClient(
    databaseUrl,
    async (client) => {
      expect((await client.query('SELECT * FROM contacts')).rows).toEqual([]);
      for (const sql of [
        'CREATE TABLE loot (id int)',
        'TRUNCATE contacts',
        'ALTER TABLE contacts DISABLE ROW LEVEL SECURITY',
        'DROP POLICY tenant ON contacts',
        'SELECT * FROM bullmq.job',
      ]) {
        await expect(client.query(sql), sql).rejects.toThrow(/permission denied|must be owner/);
      }
    },
    'soko_app',
  );
});

test('the setting of one transaction does not reach the next one on the same connection', async () => {
  const { tenancy, merchant } = await integration({ env: { DATABASE_POOL: '1' } });
  const mine = (await merchant()).merchant.id;
  await addContact(tenancy, mine, '+263771000001');
  const other = (await merchant()).merchant.id;
  expect(await tenancy.run(other, (tx) => tx.query('SELECT * FROM contacts'))).toEqual([]);
});

test('events commit with the work or not at all, and in the order in which they were emitted', async () => {
  const { tenancy, merchant } = await integration({});
  const { id } = (await merchant()).merchant;
  const failed = tenancy.run(id, async (tx) => {
    tx.outbox.emit(merchantRegistered, { ...EVENT, name: 'lost' });
    await tx.query('SELECT 1 / 0');
  });
  await expect(failed).rejects.toThrow(/division by zero/);
  await tenancy.run(id, async (tx) => {
    for (const name of ['first', 'second', 'third']) tx.outbox.emit(merchantRegistered, { ...EVENT, name });
  });
  const events = await tenancy.run(id, (tx) => tx.query<{ data: { name: string } }>('SELECT data FROM events ORDER BY id'));
  expect(events.map((event) => event.data.name)).toEqual(['Shop', 'first', 'second', 'third']);
});

test('an event that does not fit the catalogue is refused, and the work with it', async () => {
  const { tenancy, merchant } = await integration({});
  const { id } = (await merchant()).merchant;
  const wrong = tenancy.run(id, async (tx) => tx.outbox.emit(merchantRegistered, { ...EVENT, name: 7 } as never));
  await expect(wrong).rejects.toThrow('event merchant_registered does not fit its class: name: name must be a string');
});

test('alarms ring after the commit, never after a rollback', async () => {
  const { tenancy, merchant, module } = await integration({});
  const { id } = (await merchant()).merchant;
  const ring = vi.spyOn(module.get(AlarmBell), 'ring');
  const payload = { merchantId: id, orderId: newId() };
  await expect(
    tenancy.run(id, async (tx) => {
      tx.wake(processOrder, payload);
      expect(ring).not.toHaveBeenCalled();
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  expect(ring).not.toHaveBeenCalled();
  await tenancy.run(id, async (tx) => tx.wake(processOrder, payload));
  expect(ring.mock.calls.flat(2)).toEqual([expect.objectContaining({ payload })]);
});

test('a transaction is dead after its end, and there is none inside another', async () => {
  const { tenancy, merchant } = await integration({});
  const { id } = (await merchant()).merchant;
  const kept = await tenancy.run(id, async (tx) => tx);
  await expect(kept.query('SELECT 1')).rejects.toThrow(/has ended/);
  expect(() => kept.manager).toThrow(/has ended/);
  await expect(tenancy.run(id, () => tenancy.run(id, (tx) => tx.query('SELECT 1')))).rejects.toThrow(NestedTransactionError);
});

test('a part that fails leaves no row, no event and no alarm, also inside another part, and the rest stands', async () => {
  const { tenancy, merchant, module } = await integration({});
  const { id } = (await merchant()).merchant;
  const ring = vi.spyOn(module.get(AlarmBell), 'ring');
  const contact = (phone: string) => `INSERT INTO contacts (merchant_id, phone) VALUES ('${id}', '${phone}')`;
  await tenancy.run(id, async (tx) => {
    tx.outbox.emit(merchantRegistered, { ...EVENT, name: 'Before' });
    tx.wake(processOrder, { merchantId: id, orderId: id });
    const part = tx.attempt(async () => {
      await tx.query(contact('+263771000001'));
      tx.outbox.emit(merchantRegistered, { ...EVENT, name: 'Lost' });
      tx.wake(processOrder, { merchantId: id, orderId: newId() });
      // An error of the database, which would otherwise end the transaction.
      await tx.attempt(() => tx.query('SELECT 1 / 0')).catch(() => undefined);
      throw new Error('come to nothing');
    });
    await expect(part).rejects.toThrow('come to nothing');
    await tx.attempt(async () => {
      await tx.query(contact('+263771000002'));
      tx.outbox.emit(merchantRegistered, { ...EVENT, name: 'Kept' });
    });
  });
  const rows = await tenancy.run(id, (tx) => tx.query('SELECT phone FROM contacts'));
  expect(rows).toEqual([{ phone: '+263771000002' }]);
  const events = await tenancy.run(id, (tx) =>
    tx.query<{ name: string }>(`SELECT data ->> 'name' AS name FROM events ORDER BY id`),
  );
  expect(events.map(({ name }) => name)).toEqual(['Shop', 'Before', 'Kept']);
  expect(ring.mock.calls.flatMap(([alarms]) => alarms.map(({ payload }) => payload))).toEqual([{ merchantId: id, orderId: id }]);
});

test('an amount beyond exact integers is an error, not a wrong number', async () => {
  const { tenancy, merchant } = await integration({});
  const { id } = (await merchant()).merchant;
  expect(await tenancy.run(id, (tx) => tx.query('SELECT 9007199254740991::bigint AS n'))).toEqual([{ n: 9_007_199_254_740_991 }]);
  await expect(tenancy.run(id, (tx) => tx.query('SELECT 9007199254740993::bigint AS n'))).rejects.toThrow(RangeError);
});

test('a connection that is lost fails the transaction that had it, and no other', async () => {
  const { tenancy, merchant, databaseUrl } = await integration({ env: { DATABASE_POOL: '1' } });
  const { id } = (await merchant()).merchant;
  const lost = tenancy.run(id, async (tx) => {
    await tx.query(`INSERT INTO contacts (merchant_id, phone) VALUES ($1, '+263771000001')`, [id]);
    const [{ pid }] = (await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
    await withClient(databaseUrl, (client) => client.query('SELECT pg_terminate_backend($1)', [pid]));
    await tx.query('SELECT 1');
  });
  await expect(lost).rejects.toThrow(/terminat|connection/i);
  expect(await tenancy.run(id, (tx) => tx.query('SELECT * FROM contacts'))).toEqual([]);
});
