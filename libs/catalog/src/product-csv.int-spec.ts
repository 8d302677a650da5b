import { text } from 'node:stream/consumers';
import { newId } from '@soko/common';
import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { CatalogModule } from './catalog.module.js';
import { CsvUnreadableError } from './catalog.errors.js';
import { ProductCsvService } from './product-csv.service.js';
import { ProductService } from './product.service.js';
import { StockService } from './stock.service.js';

async function setup() {
  const house = await integration({ imports: [CatalogModule] });
  const merchantId = await house.shop();
  const csv = house.module.get(ProductCsvService);
  const products = house.module.get(ProductService);
  return {
    ...house,
    merchantId,
    csv,
    products,
    stock: house.module.get(StockService),
    take: (file: string, dryRun = false) => csv.import(merchantId, file, dryRun),
    exported: () => text(csv.export(merchantId)),
    all: async () => (await products.list(merchantId, { limit: 100 })).data,
    events: () =>
      house.tenancy.run(merchantId, (tx) =>
        tx.query<{ data: { sku: string; changes: object } }>('SELECT data FROM events ORDER BY id'),
      ),
  };
}

const FILE = 'sku,name,price,stock,low_stock_at,category\r\nA-1,Maize meal,12.50,25,5,Groceries\r\nA-2,Soap,0.99,3,,\r\n';

test('a file makes products, and the same file again changes nothing', async () => {
  const { take, all, events } = await setup();
  const report = await take(FILE);
  expect(report).toEqual({
    created: 2,
    updated: 0,
    unchanged: 0,
    failed: 0,
    lines: [
      { line: 2, sku: 'A-1', outcome: 'created' },
      { line: 3, sku: 'A-2', outcome: 'created' },
    ],
  });
  const made = await all();
  expect(made).toMatchObject([
    { sku: 'A-1', name: 'Maize meal', price: { amount: 1250 }, stock: 25, lowStockAt: 5, category: 'Groceries', active: true },
    { sku: 'A-2', price: { amount: 99 }, stock: 3 },
  ]);
  expect(await take(FILE)).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
  expect(await all()).toEqual(made);
  expect((await events()).map(({ data }) => data.sku)).toEqual(['A-1', 'A-2']);
});

test('lines that are wrong are told, and the others are taken', async () => {
  const { take, all, products, merchantId, stock, tenancy } = await setup();
  await take(FILE);
  const [maize] = await all();
  await tenancy.run(merchantId, (tx) => stock.reserve(tx, newId(), [{ productId: maize!.id, quantity: 4 }]));
  const report = await take('sku,name,stock,price\nA-1,,3,\nA-2,Soap bar,9,\nA-3,Oil,,\nA-4,Oil,1,many\nA-2,Twice,1,\n');
  expect(report).toMatchObject({ created: 0, updated: 1, failed: 4 });
  expect(report.lines.map(({ outcome, errors }) => [outcome, errors?.map(({ path, code }) => `${path} ${code}`)])).toEqual([
    ['failed', ['stock stock_reserved']],
    ['updated', undefined],
    ['failed', ['price missing', 'stock missing']],
    ['failed', ['price csv']],
    ['failed', ['sku sku_twice']],
  ]);
  expect(await products.get(merchantId, maize!.id)).toMatchObject({ stock: 25 });
  expect((await all())[1]).toMatchObject({ name: 'Soap bar', stock: 9, price: { amount: 99 } });
});

test('a dry run tells the same, and writes nothing', async () => {
  const { take, all, events } = await setup();
  expect(await take(FILE, true)).toMatchObject({ created: 2 });
  expect(await all()).toEqual([]);
  expect(await events()).toEqual([]);
});

test('stock that a file changes stands in the ledger, and few left is told', async () => {
  const { take, all, stock, merchantId, events } = await setup();
  await take(FILE);
  await take('sku,stock\nA-1,4\n');
  const [maize] = await all();
  const { data } = await stock.ledger(merchantId, maize!.id, { limit: 10 });
  expect(data.map(({ kind, stockDelta, reason }) => [kind, stockDelta, reason])).toEqual([
    ['adjustment', -21, 'Imported'],
    ['adjustment', 25, 'Imported'],
  ]);
  expect((await events()).map((event) => event.data)).toContainEqual(expect.objectContaining({ available: 4, lowStockAt: 5 }));
});

test('what is exported is taken again as it is, by this shop and by another', async () => {
  const { take, exported, csv, shop, products } = await setup();
  expect(await exported()).toBe('sku,name,description,category,price,stock,low_stock_at,active\r\n');
  await take(FILE);
  await take('sku,name,price,stock,active\n"=1+1","Rice; ""white""",3,0,no\n');
  const file = await exported();
  expect(await take(file)).toMatchObject({ unchanged: 3, failed: 0 });
  const other = await shop();
  expect(await csv.import(other, file, false)).toMatchObject({ created: 3 });
  expect(await text(csv.export(other))).toBe(file);
  expect((await products.list(other, { limit: 10, active: 'false' })).data).toMatchObject([
    { sku: '=1+1', name: 'Rice; "white"' },
  ]);
});

test('five thousand lines are one commit, and more are refused', async () => {
  const { take, exported } = await setup();
  const lines = Array.from({ length: 5_000 }, (_, n) => `S-${n},Product ${n},1.25,${n}`);
  expect(await take(`sku,name,price,stock\n${lines.join('\n')}\n`)).toMatchObject({ created: 5_000, failed: 0 });
  expect((await exported()).split('\r\n')).toHaveLength(5_002);
  await expect(take(`sku,name,price,stock\n${lines.join('\n')}\nX,X,1,1\n`)).rejects.toThrow(CsvUnreadableError);
});
