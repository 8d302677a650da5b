import { CatalogModule, type CreateProductBody, ProductService } from '@soko/catalog';
import { newId, NotFoundError } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import type { OrderQuery, PlaceOrderBody } from './orders.dto.js';
import { InvalidTransitionError, UnknownProductError } from './orders.errors.js';
import { OrderService } from './order.service.js';
import { OrdersModule } from './orders.module.js';

const PHONE = '+263771000001';

async function setup() {
  const house = await integration({ imports: [OrdersModule, CatalogModule] });
  const [orders, products] = [house.module.get(OrderService), house.module.get(ProductService)];
  const open = async () => {
    const merchantId = await house.shop();
    const product = (body: Partial<CreateProductBody> = {}) =>
      products.create(merchantId, {
        sku: newId(),
        name: 'Maize meal',
        price: { amount: 1_250, currency: 'USD' },
        stock: 100,
        ...body,
      });
    const { id: productId } = await product();
    const place = (body: Partial<PlaceOrderBody> = {}, actor = 'bot') =>
      orders.placeFor(merchantId, { customer: { phone: PHONE }, items: [{ productId, quantity: 1 }], ...body }, actor);
    const rows = <R extends object>(sql: string) => house.tenancy.run(merchantId, (tx) => tx.query<R>(sql));
    return { merchantId, productId, product, place, rows };
  };
  return { ...house, orders, products, open };
}

test('a placed order: what the caller, the books, the history and the partners get', async () => {
  const { orders, open, alarms } = await setup();
  const { merchantId, productId, product, place, rows } = await open();
  const soap = await product({ name: 'Soap', sku: 'SOAP', price: { amount: 99, currency: 'USD' } });
  const placed = await place({
    customer: { phone: PHONE, name: 'Rudo' },
    items: [
      { productId, quantity: 3 },
      { productId: soap.id, quantity: 7 },
    ],
    delivery: { address: '12 Samora Machel Ave' },
    note: 'ring twice',
  });
  const total = { amount: 3 * 1_250 + 7 * 99, currency: 'USD' };
  expect(placed).toEqual({ id: expect.any(String), number: 1, status: 'pending', total });
  const order = await orders.get(merchantId, placed.id);
  expect(order).toMatchObject({
    ...placed,
    customer: { phone: PHONE, name: 'Rudo' },
    paymentMethod: 'cash_on_delivery',
    note: 'ring twice',
    history: [{ to: 'pending', actor: 'bot' }],
  });
  expect(order.items[1]).toEqual({
    productId: soap.id,
    sku: 'SOAP',
    name: 'Soap',
    quantity: 7,
    unitPrice: { amount: 99, currency: 'USD' },
    total: { amount: 693, currency: 'USD' },
  });
  expect(order.delivery).toBeUndefined();
  const [event] = await rows<{ data: { items: object[] } }>(`SELECT data FROM events WHERE type = 'order_created'`);
  expect(event!.data).toMatchObject({ orderId: placed.id, number: 1, status: 'pending', customerPhone: PHONE, total });
  expect(event!.data.items).toHaveLength(2);
  expect(await alarms('order_processing', 1)).toEqual([{ merchantId, orderId: placed.id }]);
});

test('prices are those of the moment in which the order was placed', async () => {
  const { orders, products, open } = await setup();
  const { merchantId, productId, place } = await open();
  const { id } = await place();
  await products.update(merchantId, productId, { price: { amount: 9_999, currency: 'USD' }, name: 'Dear maize meal' });
  const order = await orders.get(merchantId, id);
  expect(order.total.amount).toBe(1_250);
  expect(order.items[0]).toMatchObject({ name: 'Maize meal', unitPrice: { amount: 1_250 } });
});

test('20 orders at once are numbered 1 to 20, for each merchant, and one that fails leaves no gap', async () => {
  const { open, tenancy, orders } = await setup();
  const shops = [await open(), await open()];
  const fail = (shop: (typeof shops)[number]) =>
    tenancy
      .run(shop.merchantId, async (tx) => {
        const items = [{ productId: shop.productId, quantity: 1 }];
        await orders.place(tx, { customer: { phone: PHONE }, items }, 'bot');
        throw new Error('the reply was too long');
      })
      .catch(() => undefined);
  await parallel(50, (n) => (n < 40 ? shops[n % 2]!.place() : fail(shops[n % 2]!)));
  for (const { rows } of shops) {
    const numbers = await rows<{ number: number }>('SELECT number FROM orders ORDER BY number');
    expect(numbers.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  }
});

test('a product that is unknown, inactive or another merchant’s is named, and nothing is written', async () => {
  const { open, products } = await setup();
  const { productId, product, place, rows, merchantId } = await open();
  const theirs = await open();
  const hidden = await product();
  await products.update(merchantId, hidden.id, { active: false });
  for (const bad of [newId(), hidden.id, theirs.productId]) {
    const placing = place({
      items: [
        { productId, quantity: 1 },
        { productId: bad, quantity: 1 },
      ],
    });
    await expect(placing).rejects.toThrow(UnknownProductError);
    await expect(placing).rejects.toMatchObject({ status: 422, errors: [{ path: 'items.1.productId' }] });
  }
  expect(await rows('SELECT id FROM orders')).toEqual([]);
  expect((await place()).number).toBe(1);
});

test('another merchant’s channel is not found', async () => {
  const { open, tenancy } = await setup();
  const [mine, theirs] = [await open(), await open()];
  const addChannel = async (merchantId: string) => {
    const id = newId();
    await tenancy.run(merchantId, (tx) =>
      tx.query(`INSERT INTO channels (merchant_id, id, name, kind, shard) VALUES ($1, $2, 'c', 'simulator', 0)`, [
        merchantId,
        id,
      ]),
    );
    return id;
  };
  for (const channelId of [await addChannel(theirs.merchantId), newId()]) {
    await expect(mine.place({ channelId })).rejects.toThrow(NotFoundError);
  }
  const channelId = await addChannel(mine.merchantId);
  expect((await mine.place({ channelId })).number).toBe(1);
  const events = await mine.rows<{ channel: string }>(
    `SELECT data->>'channelId' AS channel FROM events WHERE type = 'order_created'`,
  );
  expect(events).toEqual([{ channel: channelId }]);
});

test('orders are listed newest first, by status and by customer, without gap or double while new ones arrive', async () => {
  const { orders, open } = await setup();
  const { merchantId, place } = await open();
  const placed = [];
  for (let n = 0; n < 9; n += 1) placed.push(await place({ customer: { phone: n % 3 === 0 ? '+263772000000' : PHONE } }));
  await orders.process(merchantId, placed[0]!.id);
  await orders.process(merchantId, placed[4]!.id);
  const numbers = async (query: Partial<OrderQuery>) =>
    (await orders.list(merchantId, { limit: 50, ...query })).data.map(({ number }) => number);
  expect(await numbers({ customer: '+263772000000' })).toEqual([7, 4, 1]);
  expect(await numbers({ status: 'confirmed' })).toEqual([5, 1]);
  expect(await numbers({ status: 'confirmed', customer: PHONE })).toEqual([5]);
  expect(await numbers({ status: 'delivered' })).toEqual([]);
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await orders.list(merchantId, { limit: 4, cursor });
    seen.push(...page.data.map(({ number }) => number));
    cursor = page.pagination.nextCursor;
    await place();
  } while (cursor);
  expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
});

test('a step that the order does not allow changes nothing', async () => {
  const { orders, open } = await setup();
  const { merchantId, place, rows } = await open();
  const { id } = await place();
  for (const action of ['prepare', 'dispatch', 'deliver'] as const) {
    await expect(orders.act(merchantId, id, action, 'owner')).rejects.toThrow(InvalidTransitionError);
  }
  await orders.act(merchantId, id, 'cancel', 'owner', 'the customer called');
  for (const action of ['confirm', 'reject', 'prepare', 'dispatch', 'deliver', 'cancel'] as const) {
    await expect(orders.act(merchantId, id, action, 'owner')).rejects.toThrow(InvalidTransitionError);
  }
  await orders.process(merchantId, id);
  const order = await orders.get(merchantId, id);
  expect(order).toMatchObject({ status: 'cancelled', reason: 'the customer called' });
  expect(order.history).toHaveLength(2);
  expect(await rows(`SELECT count(*) AS n FROM events WHERE type = 'order_status_changed'`)).toEqual([{ n: 1 }]);
});

test('each step tells partners where the order came from and why', async () => {
  const { orders, open } = await setup();
  const { merchantId, place, rows } = await open();
  const { id } = await place({ customer: { phone: PHONE, name: 'Rudo' } });
  await orders.process(merchantId, id);
  await orders.act(merchantId, id, 'cancel', 'owner', 'no driver today');
  const events = await rows<{ data: object }>(`SELECT data FROM events WHERE type = 'order_status_changed' ORDER BY id`);
  const data = { orderId: id, number: 1, customerPhone: PHONE, customerName: 'Rudo', total: { amount: 1_250, currency: 'USD' } };
  expect(events.map((event) => event.data)).toEqual([
    { ...data, status: 'confirmed', previousStatus: 'pending' },
    { ...data, status: 'cancelled', previousStatus: 'confirmed', reason: 'no driver today' },
  ]);
});

test('another merchant’s order is not found, and its alarm is nobody’s', async () => {
  const { orders, open } = await setup();
  const [mine, theirs] = [await open(), await open()];
  const { id } = await theirs.place();
  await expect(orders.get(mine.merchantId, id)).rejects.toThrow(NotFoundError);
  await expect(orders.act(mine.merchantId, id, 'cancel', 'owner')).rejects.toThrow(NotFoundError);
  await orders.process(mine.merchantId, id);
  expect((await orders.get(theirs.merchantId, id)).status).toBe('pending');
});
