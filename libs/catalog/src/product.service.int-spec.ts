import { newId, NotFoundError } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import type { CreateProductBody } from './catalog.dto.js';
import { CurrencyMismatchError, SkuTakenError, StockReservedError } from './catalog.errors.js';
import { CatalogModule } from './catalog.module.js';
import { ProductService } from './product.service.js';
import { StockService } from './stock.service.js';

const MAIZE: CreateProductBody = {
  sku: 'MAIZE-10',
  name: 'Maize meal 10 kg',
  price: { amount: 1_250, currency: 'USD' },
  stock: 25,
};

async function setup() {
  const house = await integration({ imports: [CatalogModule] });
  const merchantId = await house.shop();
  const products = house.module.get(ProductService);
  const stock = house.module.get(StockService);
  return {
    ...house,
    merchantId,
    products,
    create: (body: Partial<CreateProductBody> = {}) => products.create(merchantId, { ...MAIZE, ...body }),
    reserve: (productId: string, quantity: number) =>
      house.tenancy.run(merchantId, (tx) => stock.reserve(tx, newId(), [{ productId, quantity }])),
    events: () =>
      house.tenancy.run(merchantId, (tx) =>
        tx.query<{ type: string; data: object }>('SELECT type, data FROM events ORDER BY id'),
      ),
  };
}

test('a new product, as its maker and everyone else sees it', async () => {
  const { create, products, merchantId, events } = await setup();
  const made = await create({ description: 'White', category: 'Groceries', lowStockAt: 5 });
  expect(made).toEqual({
    id: expect.any(String),
    sku: 'MAIZE-10',
    name: 'Maize meal 10 kg',
    description: 'White',
    price: { amount: 1_250, currency: 'USD' },
    category: 'Groceries',
    stock: 25,
    available: 25,
    lowStockAt: 5,
    active: true,
  });
  expect(await products.get(merchantId, made.id)).toEqual(made);
  expect((await products.list(merchantId, { limit: 10 })).data).toEqual([made]);
  expect(await events()).toEqual([
    {
      type: 'product_updated',
      data: {
        productId: made.id,
        sku: made.sku,
        name: made.name,
        price: made.price,
        available: 25,
        changes: { ...MAIZE, description: 'White', category: 'Groceries', lowStockAt: 5 },
      },
    },
  ]);
});

test('a change changes what it names, and tells of it', async () => {
  const { create, products, merchantId, events, reserve } = await setup();
  const { id } = await create({ description: 'White' });
  await reserve(id, 5);
  const changes = { price: { amount: 1_300, currency: 'USD' }, stock: 30, active: false };
  const changed = await products.update(merchantId, id, changes);
  expect(changed).toEqual({
    ...(await products.get(merchantId, id)),
    name: MAIZE.name,
    description: 'White',
    price: { amount: 1_300, currency: 'USD' },
    stock: 30,
    available: 25,
    active: false,
  });
  expect((await events()).at(-1)!.data).toMatchObject({ available: 25, changes });
  expect(await products.update(merchantId, id, {})).toEqual(changed);
});

test('a SKU is one product’s, also when ten are made at once', async () => {
  const { create, products, merchantId, shop, events } = await setup();
  const results = await parallel(10, () =>
    create().then(
      () => 'made',
      (error: unknown) => error,
    ),
  );
  expect(results.filter((each) => each === 'made')).toHaveLength(1);
  for (const error of results.filter((each) => each !== 'made')) expect(error).toBeInstanceOf(SkuTakenError);
  expect(await events()).toHaveLength(1);
  const rice = await create({ sku: 'RICE' });
  await expect(products.update(merchantId, rice.id, { sku: MAIZE.sku })).rejects.toThrow(SkuTakenError);
  expect((await products.get(merchantId, rice.id)).sku).toBe('RICE');
  await products.create(await shop(), MAIZE);
});

test('prices are in the merchant’s currency', async () => {
  const { create, products, merchantId } = await setup();
  const price = { amount: 1, currency: 'ZAR' };
  await expect(create({ price })).rejects.toThrow(CurrencyMismatchError);
  const { id } = await create();
  await expect(products.update(merchantId, id, { price, name: 'x' })).rejects.toThrow(CurrencyMismatchError);
  expect(await products.get(merchantId, id)).toMatchObject({ name: MAIZE.name, price: MAIZE.price });
});

test('stock cannot fall below what is reserved', async () => {
  const { create, products, merchantId, reserve } = await setup();
  const { id } = await create();
  await reserve(id, 10);
  await expect(products.update(merchantId, id, { stock: 9 })).rejects.toThrow(StockReservedError);
  expect(await products.update(merchantId, id, { stock: 10 })).toMatchObject({ stock: 10, available: 0 });
});

test('amounts up to the largest come back exactly', async () => {
  const { create, products, merchantId } = await setup();
  const { id } = await create({ price: { amount: 1e12, currency: 'USD' }, stock: 1_000_000_000 });
  expect(await products.get(merchantId, id)).toMatchObject({ price: { amount: 1e12 }, stock: 1_000_000_000 });
});

test('another merchant’s product is not found', async () => {
  const { create, products, shop, merchantId } = await setup();
  const { id } = await create();
  const other = await shop();
  await expect(products.get(other, id)).rejects.toThrow(NotFoundError);
  await expect(products.update(other, id, { stock: 0 })).rejects.toThrow(NotFoundError);
  await expect(products.update(merchantId, newId(), { stock: 0 })).rejects.toThrow(NotFoundError);
  expect((await products.list(other, { limit: 10 })).data).toEqual([]);
  expect((await products.get(merchantId, id)).stock).toBe(25);
});

test('products are paged in the order in which they were made', async () => {
  const { create, products, merchantId } = await setup();
  const made: string[] = [];
  for (let n = 0; n < 7; n += 1) made.push((await create({ sku: `S${n}` })).id);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await products.list(merchantId, { limit: 3, cursor });
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.pagination.nextCursor;
  } while (cursor);
  expect(seen).toEqual(made);
});

test('customers are offered what is active and left, by name', async () => {
  const { create, products, tenancy, merchantId, reserve } = await setup();
  await create({ sku: '1', name: 'Sugar' });
  await create({ sku: '2', name: 'Beans' });
  await create({ sku: '3', name: 'Asparagus', active: false });
  await create({ sku: '4', name: 'Bread', stock: 0 });
  const soap = await create({ sku: '5', name: 'Soap', stock: 2 });
  await reserve(soap.id, 2);
  const offered = await tenancy.run(merchantId, (tx) => products.offered(tx));
  expect(offered.map(({ name }) => name)).toEqual(['Beans', 'Sugar']);
});

test('a product that is deleted is gone, and its SKU is free again', async () => {
  const { products, merchantId, create } = await setup();
  const { id, sku } = await create();
  await products.remove(merchantId, id);
  await expect(products.get(merchantId, id)).rejects.toThrow(NotFoundError);
  await expect(products.update(merchantId, id, { name: 'Back' })).rejects.toThrow(NotFoundError);
  await expect(products.remove(merchantId, id)).rejects.toThrow(NotFoundError);
  expect((await products.list(merchantId, { limit: 50 })).data).toEqual([]);
  expect((await create({ sku })).sku).toBe(sku);
});

test('lists are of a category, of what is on sale, or of what is looked for', async () => {
  const { products, merchantId, create } = await setup();
  await create({ sku: 'A-1', name: 'Maize meal', category: 'Groceries' });
  await create({ sku: 'A-2', name: 'Soap', category: 'Home' });
  await create({ sku: 'A-3', name: 'MAIZE 100%_', category: 'Groceries', active: false });
  const found = async (query: object) => (await products.list(merchantId, { limit: 50, ...query })).data.map(({ sku }) => sku);
  expect(await found({ category: 'Groceries' })).toEqual(['A-1', 'A-3']);
  expect(await found({ active: 'true' })).toEqual(['A-1', 'A-2']);
  expect(await found({ active: 'false' })).toEqual(['A-3']);
  expect(await found({ q: 'maize' })).toEqual(['A-1', 'A-3']);
  expect(await found({ q: 'a-2' })).toEqual(['A-2']);
  expect(await found({ q: '%_' })).toEqual(['A-3']);
  const first = await products.list(merchantId, { limit: 1, category: 'Groceries' });
  expect(await found({ category: 'Groceries', cursor: first.pagination.nextCursor })).toEqual(['A-3']);
});
