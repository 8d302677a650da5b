import { newId } from '@soko/common';
import { merchantRegistered, processOrder } from '@soko/contracts';
import { AlarmBell, NestedTransactionError, type TenantTx } from '@soko/database';
import { gate, integration, withClient } from '@soko/testing';
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';

const nothing = async (): Promise<void> => undefined;

/** A merchant, a unit of its work, and what everybody else sees of it. */
async function setup(env: Record<string, string> = {}) {
  const { tenancy, shop, module, databaseUrl } = await integration({ env });
  const merchantId = await shop();
  const ring = vi.spyOn(module.get(AlarmBell), 'ring');
  const names = async (table: string, expression: string): Promise<string[]> => {
    const { rows } = await withClient(databaseUrl, (client) =>
      client.query<{ name: string }>(`SELECT ${expression} AS name FROM ${table} WHERE merchant_id = $1 ORDER BY id`, [
        merchantId,
      ]),
    );
    return rows.map((row) => row.name);
  };
  return {
    tenancy,
    databaseUrl,
    merchantId,
    unit: tenancy.unit(merchantId),
    /** A row, an event and an alarm, all three of this name. */
    write: (name: string, owner = merchantId) =>
      tenancy.run(owner, async (tx) => {
        await leave(tx, name);
      }),
    seen: async () => ({
      rows: await names('contacts', 'name'),
      events: await names('events', "data ->> 'name'"),
      alarms: ring.mock.calls.flat(2).map(({ payload }) => (payload as { orderId: string }).orderId),
    }),
  };
}

/** What the three places hold when exactly these steps stand. */
const all = (...names: string[]) => ({ rows: names, events: names, alarms: names });

async function leave(tx: TenantTx, name: string): Promise<void> {
  await tx.query('INSERT INTO contacts (merchant_id, phone, name) VALUES ($1, $2, $3)', [tx.merchantId, newId(), name]);
  tx.outbox.emit(merchantRegistered, { name, locale: 'en', registeredAt: new Date().toISOString() });
  tx.wake(processOrder, { merchantId: tx.merchantId, orderId: name });
}

test('everything that is done in a unit is one commit, and nobody sees any of it before', async () => {
  const { unit, write, seen } = await setup();
  await unit.perform(async () => {
    await write('first');
    await write('second');
  });
  expect(await seen()).toEqual(all());
  await unit.commit((tx) => leave(tx, 'last'));
  expect(await seen()).toEqual(all('first', 'second', 'last'));
});

test('the parts of a unit see each other’s rows, and what `perform` gives is what its work gave', async () => {
  const { unit, write, tenancy, merchantId } = await setup();
  const found = await unit.perform(async () => {
    await write('first');
    return tenancy.run(merchantId, (tx) => tx.query('SELECT name FROM contacts'));
  });
  expect(found).toEqual([{ name: 'first' }]);
  await unit.rollback();
});

test('work outside a unit is no part of it, even of the same merchant at the same time', async () => {
  const { unit, write, seen } = await setup();
  await unit.perform(() => write('inside'));
  await write('outside');
  await unit.rollback();
  expect(await seen()).toEqual(all('outside'));
});

test('a unit in which nothing was done commits its last part alone', async () => {
  const { unit, seen } = await setup();
  await unit.perform(nothing);
  await unit.commit((tx) => leave(tx, 'last'));
  expect(await seen()).toEqual(all('last'));
});

test('a part that fails leaves no row, no event and no alarm, and the others stand', async () => {
  const { unit, write, seen, tenancy, merchantId } = await setup();
  await unit.perform(async () => {
    await write('before');
    const failing = tenancy.run(merchantId, async (tx) => {
      await leave(tx, 'failed');
      await tx.flush();
      await leave(tx, 'failed later');
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await write('after');
  });
  await unit.commit(nothing);
  expect(await seen()).toEqual(all('before', 'after'));
});

test('a part that swallows an error of the database fails all the same, because its rows are gone', async () => {
  const { unit, write, seen, tenancy, merchantId } = await setup();
  await unit.perform(async () => {
    const careless = tenancy.run(merchantId, async (tx) => {
      await leave(tx, 'careless');
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(careless).rejects.toThrow(/aborted/);
    await write('after');
  });
  await unit.commit(nothing);
  expect(await seen()).toEqual(all('after'));
});

test('whatever order parts succeed and fail in, exactly those that succeeded are committed, or none of them', async () => {
  const { tenancy, write, seen, merchantId } = await setup();
  const committed: string[] = [];
  const steps = fc.array(fc.constantFrom('stands', 'throws', 'breaks'), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (fates, commits) => {
      const unit = tenancy.unit(merchantId);
      const stood: string[] = [];
      for (const fate of fates) {
        const name = newId();
        if (fate === 'stands') {
          await unit.perform(() => write(name));
          stood.push(name);
          continue;
        }
        const failing = unit.perform(() =>
          tenancy.run(merchantId, async (tx) => {
            await leave(tx, name);
            if (fate === 'breaks') await tx.query('SELECT 1 / 0');
            throw new Error('changed my mind');
          }),
        );
        await expect(failing).rejects.toThrow(/changed my mind|division by zero/);
      }
      await (commits ? unit.commit(nothing) : unit.rollback());
      if (commits) committed.push(...stood);
      expect(await seen()).toEqual(all(...committed));
    }),
    { numRuns: 25 },
  );
});

test('a last part that fails makes the commit reject, and the rollback then leaves nothing of the unit', async () => {
  const { unit, write, seen } = await setup();
  await unit.perform(() => write('first'));
  await expect(unit.commit(() => Promise.reject(new Error('not mine any more')))).rejects.toThrow('not mine any more');
  await unit.rollback();
  expect(await seen()).toEqual(all());
});

test('what the database refuses at the commit itself leaves nothing and rings nothing', async () => {
  const { unit, write, seen, databaseUrl } = await setup();
  await withClient(databaseUrl, (client) =>
    client.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;
      CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON contacts DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION refuse()`),
  );
  await unit.perform(() => write('first'));
  await expect(unit.commit(nothing)).rejects.toThrow('too late');
  await unit.rollback();
  expect(await seen()).toEqual(all());
});

test('a rollback leaves nothing', async () => {
  const { unit, write, seen } = await setup();
  await unit.perform(async () => {
    await write('first');
    await write('second');
  });
  await unit.rollback();
  expect(await seen()).toEqual(all());
});

test('alarms ring after the commit, all at once and in the order in which they were set', async () => {
  const { unit, write, seen, tenancy, merchantId } = await setup();
  await unit.perform(() => write('first'));
  await unit.perform(() => write('second'));
  await unit.commit(async (tx) => {
    await leave(tx, 'last');
    expect((await seen()).alarms).toEqual([]);
  });
  expect((await seen()).alarms).toEqual(['first', 'second', 'last']);
  await tenancy.run(merchantId, nothing);
  expect((await seen()).alarms).toEqual(['first', 'second', 'last']);
});

test('no connection is held before the first part: the only one serves others meanwhile', async () => {
  const { unit, write, seen } = await setup({ DATABASE_POOL: '1' });
  const [hashing, hashed] = [gate(), gate()];
  const slow = unit.perform(async () => {
    hashing.open();
    await hashed.opened;
    await write('slow');
  });
  await hashing.opened;
  await write('quick');
  hashed.open();
  await slow;
  await unit.commit(nothing);
  expect((await seen()).rows).toEqual(['quick', 'slow']);
});

test('a unit is started by its first part, not by what is done around it', async () => {
  const { unit, write } = await setup();
  expect(unit.started).toBe(false);
  await unit.perform(nothing);
  expect(unit.started).toBe(false);
  await unit.perform(() => write('first'));
  expect(unit.started).toBe(true);
  await unit.rollback();
});

test('parts that run at once are done one after the other, in the order in which they were called', async () => {
  const { unit, tenancy, merchantId } = await setup();
  const log: string[] = [];
  const part = (name: string, queries: number) =>
    tenancy.run(merchantId, async (tx) => {
      log.push(`${name} begins`);
      for (let n = 0; n < queries; n += 1) await tx.query('SELECT 1');
      log.push(`${name} ends`);
    });
  await unit.perform(() => Promise.all([part('a', 5), part('b', 1), part('c', 0)]));
  await unit.commit(nothing);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('of parts that run at once the failing ones take none of the others with them', async () => {
  const { unit, write, seen, tenancy, merchantId } = await setup();
  const failing = () => tenancy.run(merchantId, (tx) => tx.query('SELECT 1 / 0'));
  const outcomes = await unit.perform(() => Promise.allSettled([write('a'), failing(), write('b'), failing(), write('c')]));
  await unit.commit(nothing);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
  expect(await seen()).toEqual(all('a', 'b', 'c'));
});

test('another merchant’s work is refused, and the unit goes on', async () => {
  const { unit, write, seen } = await setup();
  await unit.perform(async () => {
    await write('mine');
    await expect(write('theirs', newId())).rejects.toThrow(/another’s/);
  });
  await unit.commit(nothing);
  expect(await seen()).toEqual(all('mine'));
});

test('two units of two merchants at once do not mix', async () => {
  const { tenancy, merchantId, write, seen } = await setup();
  const other = newId();
  await tenancy.run(other, (tx) =>
    tx.query(`INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, 'Other', 'USD', 'UTC', 'en')`, [other]),
  );
  const [mine, theirs] = [tenancy.unit(merchantId), tenancy.unit(other)];
  await Promise.all([mine.perform(() => write('mine')), theirs.perform(() => write('theirs', other))]);
  await theirs.rollback();
  await mine.commit(nothing);
  expect(await seen()).toEqual(all('mine'));
});

test('a part inside a part is refused at once instead of waiting for itself', async () => {
  const { unit, write, seen, tenancy, merchantId } = await setup();
  await unit.perform(async () => {
    const nested = tenancy.run(merchantId, async (tx) => {
      await leave(tx, 'outer');
      await write('inner');
    });
    await expect(nested).rejects.toThrow(NestedTransactionError);
    await write('after');
  });
  await unit.commit(nothing);
  expect(await seen()).toEqual(all('after'));
});

test('a connection that is lost makes the commit reject, leaves nothing, and the pool serves the next one', async () => {
  const { unit, write, seen, tenancy, merchantId, databaseUrl } = await setup({ DATABASE_POOL: '1' });
  const [{ pid }] = await unit.perform(async () => {
    await write('lost');
    return tenancy.run(merchantId, (tx) => tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')) as Promise<
      [{ pid: number }]
    >;
  });
  await withClient(databaseUrl, (client) => client.query('SELECT pg_terminate_backend($1, 5000)', [pid]));
  await expect(unit.commit((tx) => leave(tx, 'last'))).rejects.toThrow(/terminat|connection|not queryable/i);
  await unit.rollback();
  await write('next');
  expect(await seen()).toEqual(all('next'));
});

test.each(['commit', 'rollback'] as const)(
  'after its %s a unit takes no more work, and holds no connection for it',
  async (end) => {
    const { unit, write, seen } = await setup({ DATABASE_POOL: '1' });
    await unit.perform(() => write('first'));
    await (end === 'commit' ? unit.commit(nothing) : unit.rollback());
    await expect(unit.perform(() => write('straggler'))).rejects.toThrow(/unit of work has ended/);
    await write('others');
    expect((await seen()).rows).toEqual(end === 'commit' ? ['first', 'others'] : ['others']);
  },
);

test('a part that comes while the last one is being done is refused, not done by halves', async () => {
  const { unit, write, seen } = await setup({ DATABASE_POOL: '1' });
  const [finishing, late] = [gate(), gate()];
  await unit.perform(() => write('first'));
  const committing = unit.commit(async () => {
    finishing.open();
    await late.opened;
  });
  await finishing.opened;
  const straggler = unit.perform(() => write('straggler')).catch((error: Error) => error.message);
  late.open();
  await committing;
  expect(await straggler).toMatch(/unit of work has ended/);
  expect(await seen()).toEqual(all('first'));
});

test.each(['commit', 'rollback'] as const)(
  'a rollback after the %s does not touch the transaction that has the connection now',
  async (end) => {
    const { unit, seen, write, tenancy, merchantId } = await setup({ DATABASE_POOL: '1' });
    await unit.perform(() => write('first'));
    await (end === 'commit' ? unit.commit(nothing) : unit.rollback());
    await tenancy.run(merchantId, async (tx) => {
      await leave(tx, 'others');
      await unit.rollback();
    });
    expect((await seen()).rows).toContain('others');
  },
);
