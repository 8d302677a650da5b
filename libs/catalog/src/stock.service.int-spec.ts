import { newId, NotFoundError } from '@soko/common';
import { integration, parallel, seeded } from '@soko/testing';
import { expect, test } from 'vitest';
import { StockReservedError, StockTooLargeError } from './catalog.errors.js';
import { CatalogModule } from './catalog.module.js';
import { ProductService } from './product.service.js';
import { type StockLine, StockService } from './stock.service.js';

async function setup() {
  const house = await integration({ imports: [CatalogModule] });
  const merchantId = await house.shop();
  const [products, stock] = [house.module.get(ProductService), house.module.get(StockService)];
  let sku = 0;
  return {
    ...house,
    merchantId,
    products,
    stock,
    product: async (units: number, more: object = {}) => {
      const body = { sku: `S${(sku += 1)}`, name: 'Rice', price: { amount: 720, currency: 'USD' }, stock: units, ...more };
      return (await products.create(merchantId, body)).id;
    },
    reserve: (orderId: string, ...lines: StockLine[]) => house.tenancy.run(merchantId, (tx) => stock.reserve(tx, orderId, lines)),
    release: (orderId: string, ...lines: StockLine[]) => house.tenancy.run(merchantId, (tx) => stock.release(tx, orderId, lines)),
    ship: (orderId: string, ...lines: StockLine[]) => house.tenancy.run(merchantId, (tx) => stock.ship(tx, orderId, lines)),
    ledger: async (id: string) => (await stock.ledger(merchantId, id, { limit: 100 })).data,
    events: (type: string) =>
      house.system.query<{ data: object }>('SELECT data FROM events WHERE merchant_id = $1 AND type = $2 ORDER BY id', [
        merchantId,
        type,
      ]),
  };
}

test('every movement stands in the ledger, with its order, its reason and what was there after it', async () => {
  const { product, reserve, release, ship, stock, products, ledger, merchantId } = await setup();
  const productId = await product(10);
  const [one, two] = [newId(), newId()];
  await reserve(one, { productId, quantity: 4 });
  await reserve(two, { productId, quantity: 1 }, { productId, quantity: 2 });
  await release(two, { productId, quantity: 3 });
  await ship(one, { productId, quantity: 4 });
  const made = await stock.adjust(merchantId, productId, { delta: 12, reason: 'New delivery' });
  await products.update(merchantId, productId, { stock: 17 });
  await products.update(merchantId, productId, { name: 'Rice 5 kg' });
  const rows = (await ledger(productId)).toReversed();
  expect(
    rows.map(({ kind, stockDelta, reservedDelta, stock: units, reserved }) => [kind, stockDelta, reservedDelta, units, reserved]),
  ).toEqual([
    ['adjustment', 10, 0, 10, 0],
    ['reservation', 0, 4, 10, 4],
    ['reservation', 0, 3, 10, 7],
    ['release', 0, -3, 10, 4],
    ['sale', -4, -4, 6, 0],
    ['adjustment', 12, 0, 18, 0],
    ['adjustment', -1, 0, 17, 0],
  ]);
  expect(rows.map(({ orderId }) => orderId)).toEqual([undefined, one, two, two, one, undefined, undefined]);
  expect(rows.slice(5).map(({ reason }) => reason)).toEqual(['New delivery', 'Counted']);
  expect(made).toEqual(rows[5]);
});

test('the ledger adds up to the product, whoever moved its stock at once', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { product, reserve, release, ship, stock, merchantId, tenancy } = await setup();
  const ids = [await product(20), await product(5), await product(50)];
  await parallel(60, async () => {
    const productId = ids[Math.floor(random() * ids.length)]!;
    const lines = [{ productId, quantity: 1 + Math.floor(random() * 3) }];
    const orderId = newId();
    const dice = random();
    if (dice < 0.2)
      await stock
        .adjust(merchantId, productId, { delta: Math.floor(random() * 9) - 4 || 1, reason: 'Counted' })
        .catch(() => undefined);
    else if ((await reserve(orderId, ...lines)).length === 0 && dice < 0.9)
      await (dice < 0.5 ? release : ship)(orderId, ...lines);
  });
  const sums = await tenancy.run(merchantId, (tx) =>
    tx.query<Record<'on_hand' | 'reserved' | 'hand' | 'held', number>>(
      `SELECT p.on_hand, p.reserved, sum(m.on_hand_delta)::bigint AS hand, sum(m.reserved_delta)::bigint AS held
       FROM products p JOIN stock_movements m ON m.merchant_id = p.merchant_id AND m.product_id = p.id WHERE p.merchant_id = $1
       GROUP BY p.merchant_id, p.id`,
      [merchantId],
    ),
  );
  expect(sums).toHaveLength(3);
  for (const { on_hand, reserved, hand, held } of sums) expect([hand, held]).toEqual([on_hand, reserved]);
});

test('never fewer than are reserved, never fewer than none, never more than there can be; and nothing of it is kept', async () => {
  const { product, reserve, stock, merchantId, ledger } = await setup();
  const productId = await product(10);
  await reserve(newId(), { productId, quantity: 4 });
  await expect(stock.adjust(merchantId, productId, { delta: -7, reason: 'Lost' })).rejects.toThrow(StockReservedError);
  await expect(stock.adjust(merchantId, productId, { delta: -11, reason: 'Lost' })).rejects.toThrow(StockReservedError);
  await expect(stock.adjust(merchantId, productId, { delta: 999_999_991, reason: 'Found' })).rejects.toThrow(StockTooLargeError);
  await stock.adjust(merchantId, productId, { delta: -6, reason: 'Lost' });
  expect((await ledger(productId)).map((row) => [row.stock, row.reserved])).toEqual([
    [4, 4],
    [10, 4],
    [10, 0],
  ]);
});

test('few left: that is told when the line is crossed, and not again before there were more', async () => {
  const { product, reserve, release, stock, merchantId, events } = await setup();
  const productId = await product(8, { lowStockAt: 5 });
  const orderId = newId();
  await reserve(orderId, { productId, quantity: 2 });
  expect(await events('stock_low')).toEqual([]);
  await reserve(orderId, { productId, quantity: 1 });
  await reserve(orderId, { productId, quantity: 1 });
  await release(orderId, { productId, quantity: 4 });
  await stock.adjust(merchantId, productId, { delta: -4, reason: 'Lost' });
  const told = { productId, sku: 'S1', name: 'Rice', lowStockAt: 5 };
  expect((await events('stock_low')).map(({ data }) => data)).toEqual([
    { ...told, available: 5 },
    { ...told, available: 4 },
  ]);
});

test('nobody writes the ledger by hand, and what is reserved is so for an order', async () => {
  const { product, merchantId, tenancy } = await setup();
  const productId = await product(8);
  const sql = (text: string) => tenancy.run(merchantId, (tx) => tx.query(text, [merchantId, productId]));
  await expect(
    sql(`INSERT INTO stock_movements (merchant_id, product_id, kind, on_hand_delta, reserved_delta, on_hand, reserved, actor_type)
         VALUES ($1, $2, 'adjustment', 1, 0, 9, 0, 'system')`),
  ).rejects.toThrow('permission denied');
  await expect(sql('UPDATE stock_movements SET on_hand = 9 WHERE merchant_id = $1 AND product_id = $2')).rejects.toThrow(
    'permission denied',
  );
  await expect(sql('UPDATE products SET reserved = 1 WHERE merchant_id = $1 AND id = $2')).rejects.toThrow(
    'violates check constraint',
  );
});

test('pages of the ledger lie beside each other; it outlives its product, and nobody else sees it', async () => {
  const { product, stock, products, merchantId, shop } = await setup();
  const productId = await product(8);
  for (let n = 1; n <= 5; n += 1) await stock.adjust(merchantId, productId, { delta: n, reason: String(n) });
  await products.remove(merchantId, productId);
  const seen: (string | undefined)[] = [];
  let cursor: string | undefined;
  do {
    const page = await stock.ledger(merchantId, productId, { limit: 2, cursor });
    seen.push(...page.data.map(({ reason }) => reason));
    cursor = page.pagination.nextCursor;
  } while (cursor);
  expect(seen).toEqual(['5', '4', '3', '2', '1', undefined]);
  await expect(stock.ledger(await shop(), productId, { limit: 2 })).rejects.toThrow(NotFoundError);
  await expect(stock.adjust(await shop(), productId, { delta: 1, reason: 'x' })).rejects.toThrow(NotFoundError);
  await expect(stock.adjust(merchantId, productId, { delta: 1, reason: 'x' })).rejects.toThrow(NotFoundError);
});
