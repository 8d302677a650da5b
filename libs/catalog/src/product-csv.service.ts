import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { type FieldError, newId } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import type { ImportedLineView, ImportReportView } from './catalog.dto.js';
import { type CsvLine, readProducts, writeProducts } from './product-csv.js';
import type { Product } from './product.entity.js';
import { LIST, productView, SELECT, tellUpdated } from './product.service.js';
import { MOVED, type Moved, tellIfLow } from './stock.service.js';

export const MOST_LINES = 5_000;
const PAGE = 1_000;
const MOVEMENT = `'{"reason": "Imported"}'`;
const ROWS = `jsonb_to_recordset($2) AS r ("id" uuid, "sku" text, "name" text, "description" text, "category" text, "priceAmount" bigint,
  "currency" text, "onHand" bigint, "lowStockAt" bigint, "active" boolean)`;
const INSERT = `INSERT INTO products (merchant_id, id, sku, name, description, category, price_amount, currency, on_hand, low_stock_at, active, movement)
  SELECT $1, r.id, r.sku, r.name, r.description, r.category, r."priceAmount", r.currency, r."onHand", r."lowStockAt", r.active, ${MOVEMENT}::jsonb
  FROM ${ROWS}`;
const UPDATE = `UPDATE products p SET name = r.name, description = r.description, category = r.category, price_amount = r."priceAmount",
    currency = r.currency, on_hand = r."onHand", low_stock_at = r."lowStockAt", active = r.active, movement = ${MOVEMENT}, updated_at = now()
  FROM ${ROWS} WHERE p.merchant_id = $1 AND p.id = r.id RETURNING ${MOVED}`;

/** What a line comes to: the product as it will be, and what of it is new. */
interface Planned {
  outcome: ImportedLineView['outcome'];
  errors: FieldError[];
  product?: Product;
  changes?: Record<string, unknown>;
}

/** Catalogues as CSV, for spreadsheets. */
@Injectable()
export class ProductCsvService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly merchants: MerchantService,
  ) {}

  /** Everything that is not deleted, in the order in which it was made; never more of it in memory than a page. */
  export(merchantId: string): Readable {
    return Readable.from(this.pages(merchantId));
  }

  /**
   * Makes products, and changes those whose SKU is there: what is right in one commit, and what is wrong is told by line and left as it is.
   * @param dryRun nothing is written: what would become of it
   * @throws CsvUnreadableError
   */
  async import(merchantId: string, text: string, dryRun: boolean): Promise<ImportReportView> {
    const { currency } = await this.tenancy.run(merchantId, (tx) => this.merchants.get(tx));
    const lines = readProducts(text, currency, MOST_LINES);
    const planned = await this.tenancy.run(merchantId, async (tx) => {
      const plan = await this.plan(tx, lines);
      if (!dryRun) await this.write(tx, plan);
      return plan;
    });
    const count = (outcome: Planned['outcome']) => planned.filter((each) => each.outcome === outcome).length;
    return {
      created: count('created'),
      updated: count('updated'),
      unchanged: count('unchanged'),
      failed: count('failed'),
      lines: planned.map(({ outcome, errors }, n) => ({
        line: lines[n]!.line,
        sku: lines[n]!.sku,
        outcome,
        ...(errors.length > 0 ? { errors } : {}),
      })),
    };
  }

  /** The products stay locked until the end, in the order of their ids: orders go on before or after it. */
  private async plan(tx: TenantTx, lines: CsvLine[]): Promise<Planned[]> {
    const rows = await tx.query<Product>(`${SELECT} AND sku = ANY ($2) ORDER BY id FOR UPDATE`, [
      tx.merchantId,
      lines.map(({ sku }) => sku),
    ]);
    const known = new Map(rows.map((row) => [row.sku, row]));
    return lines.map((line) => planOf(line, known.get(line.sku), tx.merchantId));
  }

  private async write(tx: TenantTx, plan: Planned[]): Promise<void> {
    const of = (outcome: Planned['outcome']) => plan.flatMap((each) => (each.outcome === outcome ? [each.product!] : []));
    const [created, updated] = [of('created'), of('updated')];
    if (created.length > 0) await tx.query(INSERT, [tx.merchantId, JSON.stringify(created)]);
    if (updated.length > 0) {
      const moved = await tx.query<Moved>(UPDATE, [tx.merchantId, JSON.stringify(updated)]);
      for (const each of moved) tellIfLow(tx, each);
    }
    for (const { product, changes } of plan) if (product && changes) tellUpdated(tx, product, changes);
  }

  private async *pages(merchantId: string): AsyncGenerator<string> {
    let after: string | null = null;
    let rows: Product[];
    do {
      rows = await this.tenancy.run(merchantId, (tx) => tx.query<Product>(LIST, [merchantId, after, null, null, null, PAGE]));
      if (rows.length > 0 || after === null) yield writeProducts(rows.map(productView), after === null);
      after = rows.at(-1)?.id ?? null;
    } while (rows.length === PAGE);
  }
}

function planOf({ sku, changes, errors }: CsvLine, known: Product | undefined, merchantId: string): Planned {
  const failed = (...more: FieldError[]): Planned => ({ outcome: 'failed', errors: [...errors, ...more] });
  if (errors.length > 0) return failed();
  const { price, stock, ...rest } = changes;
  const said = {
    ...rest,
    ...(price ? { priceAmount: price.amount, currency: price.currency } : {}),
    ...(stock === undefined ? {} : { onHand: stock }),
  };
  if (!known) {
    const missing = (['name', 'price', 'stock'] as const).filter((field) => changes[field] === undefined);
    if (missing.length > 0)
      return failed(...missing.map((path) => ({ path, code: 'missing', message: `a new product needs a ${path}` })));
    const empty = { description: null, category: null, lowStockAt: null, active: true, reserved: 0 };
    return {
      outcome: 'created',
      errors,
      changes: { ...changes },
      product: { ...empty, ...said, merchantId, id: newId(), sku } as Product,
    };
  }
  const changed = Object.entries(said).filter(([field, value]) => known[field as keyof Product] !== value);
  if (changed.length === 0) return { outcome: 'unchanged', errors };
  if (stock !== undefined && stock < known.reserved)
    return failed({ path: 'stock', code: 'stock_reserved', message: `${known.reserved} units are reserved by open orders` });
  return { outcome: 'updated', errors, changes: { ...changes }, product: { ...known, ...said } };
}
