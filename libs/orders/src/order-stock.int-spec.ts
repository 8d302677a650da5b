import { CatalogModule, ProductService } from '@soko/catalog';
import type { DeliveryStatus } from '@soko/deliveries';
import { integration, parallel, seeded } from '@soko/testing';
import { expect, test } from 'vitest';
import type { OrderAction } from './order-state.js';
import { OrderService } from './order.service.js';
import { OrdersModule } from './orders.module.js';

async function setup() {
  const house = await integration({ imports: [OrdersModule, CatalogModule] });
  const merchantId = await house.shop();
  const [orders, products] = [house.module.get(OrderService), house.module.get(ProductService)];
  let sku = 0;
  const place = (...items: [productId: string, quantity: number][]) =>
    orders.placeFor(
      merchantId,
      {
        customer: { phone: '+263771000001' },
        items: items.map(([productId, quantity]) => ({ productId, quantity })),
        delivery: { address: '12 Samora Machel Ave' },
      },
      'system',
    );
  return {
    ...house,
    merchantId,
    orders,
    place,
    product: async (stock: number, name = 'Maize meal') =>
      (await products.create(merchantId, { sku: `S${(sku += 1)}`, name, price: { amount: 1_250, currency: 'USD' }, stock })).id,
    process: (id: string) => orders.process(merchantId, id),
    get: (id: string) => orders.get(merchantId, id),
    act: (id: string, action: OrderAction, reason?: string) => orders.act(merchantId, id, action, 'owner', reason),
    rows: <R extends object>(sql: string) => house.tenancy.run(merchantId, (tx) => tx.query<R>(sql)),
    stock: (productId: string) =>
      house.tenancy.run(merchantId, async (tx) => {
        const [row] = await tx.query<{ on_hand: number; reserved: number }>(
          'SELECT on_hand, reserved FROM products WHERE merchant_id = $1 AND id = $2',
          [merchantId, productId],
        );
        return [row!.on_hand, row!.reserved];
      }),
  };
}

test('of 30 orders at once for the last 10 units, 10 are confirmed and 20 are told what is left', async () => {
  const { product, place, process, get, stock, rows } = await setup();
  const id = await product(10);
  const placed = await parallel(30, () => place([id, 1]));
  // None fails: the constraint that stands behind the stock is never reached.
  await parallel(30, (n) => process(placed[n]!.id));
  const after = await Promise.all(placed.map((order) => get(order.id)));
  expect(after.filter(({ status }) => status === 'confirmed')).toHaveLength(10);
  const rejected = after.filter(({ status }) => status === 'rejected');
  expect(rejected).toHaveLength(20);
  for (const { reason, delivery } of rejected) expect({ reason, delivery }).toEqual({ reason: 'Maize meal is sold out' });
  expect(await stock(id)).toEqual([10, 10]);
  expect(await rows('SELECT count(*) AS n FROM delivery_tasks')).toEqual([{ n: 10 }]);
});

test('orders of several units: whatever was confirmed fits, and nobody was refused who would have fitted', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { product, place, process, get, stock } = await setup();
  const id = await product(20);
  const wanted = Array.from({ length: 15 }, () => 2 + Math.floor(random() * 3));
  const placed = await parallel(15, (n) => place([id, wanted[n]!]));
  await parallel(15, (n) => process(placed[n]!.id));
  const after = await Promise.all(placed.map((order) => get(order.id)));
  const reserved = after.reduce((sum, { status }, n) => sum + (status === 'confirmed' ? wanted[n]! : 0), 0);
  expect(await stock(id)).toEqual([20, reserved]);
  const refused = wanted.filter((_, n) => after[n]!.status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  expect(Math.min(...refused)).toBeGreaterThan(20 - reserved);
});

test('a rejection names everything that is short and how much is left, and keeps nothing', async () => {
  const { product, place, process, get, stock } = await setup();
  const [maize, oil, soap] = [await product(3, 'Maize meal'), await product(0, 'Oil'), await product(9, 'Soap')];
  const { id } = await place([maize, 4], [soap, 9], [oil, 1]);
  await process(id);
  const order = await get(id);
  expect(order.status).toBe('rejected');
  expect(order.reason!.split(', ').toSorted()).toEqual(['Oil is sold out', 'only 3 of Maize meal left']);
  expect(await Promise.all([maize, oil, soap].map(stock))).toEqual([
    [3, 0],
    [0, 0],
    [9, 0],
  ]);
});

test('lines of one product count together', async () => {
  const { product, place, process, get, stock } = await setup();
  const id = await product(10);
  const [fits, tooMuch] = [await place([id, 3], [id, 4]), await place([id, 2], [id, 2])];
  await process(fits.id);
  await process(tooMuch.id);
  expect((await get(fits.id)).items.map(({ quantity }) => quantity)).toEqual([3, 4]);
  expect((await get(tooMuch.id)).reason).toBe('only 3 of Maize meal left');
  expect(await stock(id)).toEqual([10, 7]);
});

test('orders that ask for the same products in opposite orders do not block each other for good', async () => {
  const { product, place, process, act, stock } = await setup();
  const [a, b] = [await product(1_000), await product(1_000)];
  for (let round = 0; round < 50; round += 1) {
    const [one, two] = await Promise.all([place([a, 1], [b, 2]), place([b, 1], [a, 2])]);
    await Promise.all([process(one.id), process(two.id)]);
    if (round % 5 === 0) await Promise.all([act(one.id, 'cancel'), act(two.id, 'cancel')]);
  }
  expect(await Promise.all([a, b].map(stock))).toEqual([
    [1_000, 120],
    [1_000, 120],
  ]);
});

test('an order that is processed again and again, and at once, is confirmed once', async () => {
  const { product, place, process, get, stock, rows } = await setup();
  const id = await product(10);
  const order = await place([id, 2]);
  await parallel(10, () => process(order.id));
  await process(order.id);
  expect(await stock(id)).toEqual([10, 2]);
  expect(await rows('SELECT count(*) AS n FROM delivery_tasks')).toEqual([{ n: 1 }]);
  expect(await rows(`SELECT count(*) AS n FROM events WHERE type = 'order_status_changed'`)).toEqual([{ n: 1 }]);
  expect((await get(order.id)).history.map(({ from, to, actor }) => ({ from, to, actor }))).toEqual([
    { from: undefined, to: 'pending', actor: 'system' },
    { from: 'pending', to: 'confirmed', actor: 'system' },
  ]);
  expect(await rows('SELECT ring_at FROM orders')).toEqual([{ ring_at: null }]);
});

test('what each step does to the stock and to the delivery', async () => {
  const { product, place, act, stock } = await setup();
  const steps: Record<string, [action: OrderAction, stock: [number, number], delivery?: DeliveryStatus][]> = {
    'to the end': [
      ['confirm', [10, 2], 'pending'],
      ['prepare', [10, 2], 'pending'],
      ['dispatch', [10, 2], 'in_transit'],
      ['deliver', [8, 0], 'delivered'],
    ],
    'cancelled at once': [['cancel', [10, 0]]],
    'cancelled when confirmed': [
      ['confirm', [10, 2], 'pending'],
      ['cancel', [10, 0], 'failed'],
    ],
    'cancelled when preparing': [
      ['confirm', [10, 2], 'pending'],
      ['prepare', [10, 2], 'pending'],
      ['cancel', [10, 0], 'failed'],
    ],
    'cancelled on the way': [
      ['confirm', [10, 2], 'pending'],
      ['prepare', [10, 2], 'pending'],
      ['dispatch', [10, 2], 'in_transit'],
      ['cancel', [10, 0], 'failed'],
    ],
    rejected: [['reject', [10, 0]]],
  };
  for (const [name, actions] of Object.entries(steps)) {
    const id = await product(10);
    const order = await place([id, 2]);
    expect(await stock(id), name).toEqual([10, 0]);
    for (const [action, left, delivery] of actions) {
      const after = await act(order.id, action);
      expect(await stock(id), `${name}: ${action}`).toEqual(left);
      expect(after.delivery?.status, `${name}: ${action}`).toBe(delivery);
    }
  }
});

test('of a confirmation and a cancellation at once, either order of events leaves the stock right', async () => {
  const { product, place, process, act, get, stock, rows } = await setup();
  const id = await product(100);
  for (let round = 0; round < 10; round += 1) {
    const order = await place([id, 3]);
    await parallel(
      6,
      async (n) => void (await (n % 2 === 0 ? process(order.id) : act(order.id, 'cancel').catch(() => undefined))),
    );
    expect((await get(order.id)).status).toBe('cancelled');
    expect((await get(order.id)).history.filter(({ to }) => to === 'cancelled')).toHaveLength(1);
  }
  expect(await stock(id)).toEqual([100, 0]);
  expect(await rows('SELECT * FROM delivery_tasks WHERE closed_at IS NULL')).toEqual([]);
});
