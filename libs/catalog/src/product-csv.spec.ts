import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProductView } from './catalog.dto.js';
import { CsvUnreadableError } from './catalog.errors.js';
import { readProducts, writeProducts } from './product-csv.js';

const read = (text: string) => readProducts(text, 'USD', 100);
const changes = (text: string) => read(text)[0]!.changes;

describe('a file of products', () => {
  it('is read by the names of its columns, in any order', () => {
    expect(read('Price,SKU,name,stock\r\n12.50,A-1,"Maize, white",7\r\n')).toEqual([
      {
        line: 2,
        sku: 'A-1',
        errors: [],
        changes: { sku: 'A-1', name: 'Maize, white', price: { amount: 1250, currency: 'USD' }, stock: 7 },
      },
    ]);
  });

  it('may have semicolons or tabs, a mark of its encoding, empty lines', () => {
    expect(changes('\uFEFFsku;price\n\nA-1;3\n').price).toEqual({ amount: 300, currency: 'USD' });
    expect(changes('sku\tname\nA-1\tRice; brown\n').name).toBe('Rice; brown');
  });

  it('empties what may be empty, and leaves alone what may not', () => {
    expect(changes('sku,name,description,category,price,stock,low_stock_at,active\nA-1,,,,,,,\n')).toEqual({
      sku: 'A-1',
      description: null,
      category: null,
      lowStockAt: null,
    });
  });

  it.each([
    ['yes', true],
    ['0', false],
    ['TRUE', true],
  ])('takes %s for a yes or a no', (word, value) => expect(changes(`sku,active\nA-1,${word}\n`).active).toBe(value));

  it.each([
    ['price', '1.234'],
    ['price', '-1'],
    ['price', '1,5'],
    ['stock', '1.5'],
    ['stock', '-3'],
    ['active', 'perhaps'],
    ['name', 'x'.repeat(201)],
  ])('says in which line and column it is wrong: %s %s', (column, value) => {
    const [good, bad] = read(`sku,${column}\nA-1,\nA-2,"${value}"\n`);
    expect(good!.errors).toEqual([]);
    expect([bad!.line, bad!.errors.map(({ path }) => path)]).toEqual([3, [column]]);
  });

  it('has each SKU once', () => {
    expect(read('sku\nA\nB\nA\n')[2]!.errors).toMatchObject([{ code: 'sku_twice', message: 'the SKU stands in line 2 already' }]);
    expect(read('sku,name\n,Rice\n')[0]!.errors).toMatchObject([{ path: 'sku' }]);
  });

  it.each([
    ['name\nRice\n', '"sku" must be among them'],
    ['sku,colour\nA,red\n', 'no column "colour"'],
    ['sku,sku\nA,B\n', 'named twice'],
    ['sku,name\nA,"Rice\n', 'Quote'],
    ['', '"sku" must be among them'],
    [`sku\n${Array.from({ length: 101 }, (_, n) => n).join('\n')}`, 'more than 100 products'],
  ])('cannot be read, with the reason: %j', (text, reason) => {
    expect(() => read(text)).toThrow(CsvUnreadableError);
    expect(() => read(text)).toThrow(reason);
  });
});

const cell = fc
  .string({ minLength: 1, maxLength: 60, unit: fc.constantFrom(...'aZ9 ,;"\'=+-@\n\tأé') })
  .filter((text) => text.trim() === text && !text.startsWith("'"));
const product = fc.record({
  sku: cell,
  name: cell,
  description: fc.option(cell, { nil: undefined }),
  price: fc.record({ amount: fc.integer({ min: 0, max: 1e12 }), currency: fc.constant('USD') }),
  stock: fc.nat({ max: 1e9 }),
  active: fc.boolean(),
});

describe('what is exported', () => {
  it('is read back as it was', () => {
    fc.assert(
      fc.property(fc.uniqueArray(product, { selector: ({ sku }) => sku, maxLength: 20 }), (products) => {
        const lines = read(writeProducts(products as ProductView[], true));
        expect(lines.map(({ changes: said }) => said)).toEqual(
          products.map((each) => ({ ...each, description: each.description ?? null, category: null, lowStockAt: null })),
        );
      }),
    );
  });

  it('is no formula to a spreadsheet', () => {
    const text = writeProducts(
      [{ sku: '=1+1', name: '@SUM(A1)', price: { amount: 5, currency: 'USD' }, stock: 0, active: true } as ProductView],
      false,
    );
    expect(text).toBe("'=1+1,'@SUM(A1),,,0.05,0,,true\r\n");
  });
});
