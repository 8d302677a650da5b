import { type AddressInfo, createServer } from 'node:net';
import { newId } from '@soko/common';
import { processOrder } from '@soko/contracts';
import { Log } from '@soko/observability';
import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { Sweeper } from './sweeper.js';

/** A port of the loopback interface on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('while the queue store is away requests commit as fast as ever, their rows stay due, and the process can stop', async () => {
  const { tenancy, shop, module, system, close } = await integration({
    env: { REDIS_URL: `redis://127.0.0.1:${await closedPort()}` },
  });
  const merchantId = await shop();
  const started = performance.now();
  for (let n = 1; n <= 20; n += 1) {
    await tenancy.run(merchantId, async (tx) => {
      const orderId = newId();
      await tx.query(
        `INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency, ring_at)
         VALUES ($1, $2, $3, 'pending', '+263771000001', 0, 'USD', now())`,
        [merchantId, orderId, n],
      );
      tx.wake(processOrder, { merchantId, orderId });
    });
  }
  expect(performance.now() - started).toBeLessThan(2_000);
  const due = () =>
    tenancy.run(merchantId, (tx) => tx.query<{ n: number }>('SELECT count(*) AS n FROM orders WHERE ring_at <= now()'));
  expect(await due()).toEqual([{ n: 20 }]);
  expect(await new Sweeper(system, module.get(Log)).sweep()).toBe(20);
  const closing = performance.now();
  await close();
  expect(performance.now() - closing).toBeLessThan(7_000);
});
