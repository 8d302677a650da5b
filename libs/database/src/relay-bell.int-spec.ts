import { newId } from '@soko/common';
import { merchantRegistered } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { integration, parallel, until, withClient } from '@soko/testing';
import { expect, test } from 'vitest';

const emit = (tx: TenantTx): void =>
  tx.outbox.emit(merchantRegistered, { name: 'Shop', locale: 'en', registeredAt: new Date().toISOString() });

test('many commits ring a few times, the last time after all of them; without an event, or without a commit, nobody rings', async () => {
  const { tenancy, shop, databaseUrl } = await integration({});
  const merchantId = await shop();
  await withClient(databaseUrl, async (client) => {
    /** How many events there were at each ring, as whoever hears it sees them. */
    const seen: number[] = [];
    client.on('notification', () => {
      client
        .query<{ n: number }>('SELECT count(*)::int AS n FROM events')
        .then(({ rows }) => seen.push(rows[0]!.n))
        // One more ring may come while the connection is being closed.
        .catch(() => undefined);
    });
    await client.query('LISTEN soko_events');
    await tenancy.run(merchantId, (tx) =>
      tx.query('INSERT INTO contacts (merchant_id, phone) VALUES ($1, $2)', [merchantId, newId()]),
    );
    const failing = tenancy.run(merchantId, async (tx) => {
      emit(tx);
      await tx.query('SELECT 1 / 0');
    });
    await expect(failing).rejects.toThrow('division by zero');

    await parallel(100, () => tenancy.run(merchantId, async (tx) => emit(tx)));
    await until('the last ring', () => seen.at(-1) === 100);
    // The first was heard with at least one event there: what wrote none had rung nobody.
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(100);

    const unit = tenancy.unit(merchantId);
    await unit.perform(() => tenancy.run(merchantId, async (tx) => emit(tx)));
    await unit.commit(async () => undefined);
    await until('the ring of the unit', () => seen.at(-1) === 101);
  });
});
