import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf, type PageQuery } from '@soko/common';
import { stockLow } from '@soko/contracts';
import { isCheckViolation, Tenancy, type TenantTx } from '@soko/database';
import type { AdjustStockBody, StockMovementView } from './catalog.dto.js';
import { MAX_STOCK } from './catalog.dto.js';
import { StockReservedError, StockTooLargeError } from './catalog.errors.js';

export interface StockLine {
  productId: string;
  quantity: number;
}
export interface Shortage extends StockLine {
  name: string;
  available: number;
}

interface MovementRow {
  id: string;
  kind: StockMovementView['kind'];
  on_hand_delta: number;
  reserved_delta: number;
  on_hand: number;
  reserved: number;
  order_id: string | null;
  reason: string | null;
  actor_type: string;
  actor_id: string | null;
  created_at: Date;
}
/** A product whose stock has just moved. */
export interface Moved {
  id: string;
  sku: string;
  name: string;
  low_stock_at: number | null;
  on_hand: number;
  before: number;
  available: number;
}

export const MOVED = `p.id, p.sku, p.name, p.low_stock_at, new.on_hand, old.on_hand - old.reserved AS before, new.on_hand - new.reserved AS available`;

/** Stock moves by conditional updates alone: nothing is read, compared and written back. The database writes the ledger. */
@Injectable()
export class StockService {
  constructor(private readonly tenancy: Tenancy) {}

  /**
   * Adds or takes units on hand. `at` is a merchant's id, or the transaction that is open already.
   * @throws NotFoundError, StockTooLargeError; StockReservedError when fewer would be left than are reserved
   */
  async adjust(at: string | TenantTx, productId: string, { delta, reason }: AdjustStockBody): Promise<StockMovementView> {
    return this.tenancy.within(at, async (tx) => {
      await this.move(tx, productId, 'on_hand + $3::bigint', delta, reason);
      const [row] = await this.movements(tx, productId, 1);
      return movementView(row!);
    });
  }

  /** So many units are on hand now, whatever was thought. @throws NotFoundError, StockReservedError */
  async count(tx: TenantTx, productId: string, onHand: number): Promise<void> {
    await this.move(tx, productId, '$3::bigint', onHand, 'Counted');
  }

  /** Newest first. Of deleted products too. @throws NotFoundError */
  async ledger(merchantId: string, productId: string, { limit, cursor }: PageQuery): Promise<Page<StockMovementView>> {
    const before = decodeCursor(cursor, 'id')?.[0];
    const rows = await this.tenancy.run(merchantId, async (tx) => {
      const found = await tx.query('SELECT 1 AS one FROM products WHERE merchant_id = $1 AND id = $2', [
        tx.merchantId,
        productId,
      ]);
      if (found.length === 0) throw new NotFoundError('product', productId);
      return this.movements(tx, productId, limit + 1, before);
    });
    return pageOf(rows, limit, movementView, (row) => [row.id]);
  }

  /**
   * Reserves every line for the order, or none and says which fall short.
   * Lines of one product are summed, and products are taken in the order of their ids, so that two orders cannot deadlock.
   */
  async reserve(tx: TenantTx, orderId: string, lines: StockLine[]): Promise<Shortage[]> {
    const shortages: Shortage[] = [];
    const reserved: StockLine[] = [];
    for (const { productId, quantity } of merged(lines)) {
      const [taken] = await tx.query<Moved>(
        `UPDATE products p SET reserved = reserved + $3, movement = $4, updated_at = now()
         WHERE merchant_id = $1 AND id = $2 AND active AND on_hand - reserved >= $3 RETURNING ${MOVED}`,
        [tx.merchantId, productId, quantity, JSON.stringify({ orderId })],
      );
      if (taken) {
        reserved.push({ productId, quantity });
        tellIfLow(tx, taken);
        continue;
      }
      const [left] = await tx.query<{ name: string; available: number }>(
        'SELECT name, CASE WHEN active THEN on_hand - reserved ELSE 0 END AS available FROM products WHERE merchant_id = $1 AND id = $2',
        [tx.merchantId, productId],
      );
      shortages.push({ productId, quantity, name: left?.name ?? 'a product', available: left?.available ?? 0 });
    }
    if (shortages.length > 0) await this.release(tx, orderId, reserved, 'Not all of the order is there');
    return shortages;
  }

  /** Gives units back that were reserved for the order. */
  async release(tx: TenantTx, orderId: string, lines: StockLine[], reason?: string): Promise<void> {
    await this.settle(tx, { orderId, reason }, lines, 'reserved = reserved - $3');
  }

  /** Units that were reserved for the order leave the house. */
  async ship(tx: TenantTx, orderId: string, lines: StockLine[]): Promise<void> {
    await this.settle(tx, { orderId }, lines, 'reserved = reserved - $3, on_hand = on_hand - $3');
  }

  private async settle(tx: TenantTx, movement: object, lines: StockLine[], change: string): Promise<void> {
    for (const { productId, quantity } of merged(lines)) {
      await tx.query(`UPDATE products SET ${change}, movement = $4, updated_at = now() WHERE merchant_id = $1 AND id = $2`, [
        tx.merchantId,
        productId,
        quantity,
        JSON.stringify(movement),
      ]);
    }
  }

  private async move(tx: TenantTx, productId: string, onHand: string, value: number, reason: string): Promise<void> {
    const [moved] = await tx
      .query<Moved>(
        `UPDATE products p SET on_hand = ${onHand}, movement = $4, updated_at = now()
         WHERE merchant_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING ${MOVED}`,
        [tx.merchantId, productId, value, JSON.stringify({ reason })],
      )
      .catch((error: unknown) => {
        if (isCheckViolation(error, 'products_never_oversold') || isCheckViolation(error, 'products_on_hand_check'))
          throw new StockReservedError();
        throw error;
      });
    if (!moved) throw new NotFoundError('product', productId);
    if (moved.on_hand > MAX_STOCK) throw new StockTooLargeError(MAX_STOCK);
    tellIfLow(tx, moved);
  }

  private movements(tx: TenantTx, productId: string, limit: number, before?: string): Promise<MovementRow[]> {
    return tx.query(
      `SELECT * FROM stock_movements WHERE merchant_id = $1 AND product_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`,
      [tx.merchantId, productId, before ?? null, limit],
    );
  }
}

/** Once, when the line is crossed: not with every unit that goes below it. */
export function tellIfLow(tx: TenantTx, { id, sku, name, low_stock_at: line, before, available }: Moved): void {
  if (line === null || available > line || before <= line) return;
  tx.outbox.emit(stockLow, { productId: id, sku, name, available, lowStockAt: line });
}

const movementView = (row: MovementRow): StockMovementView => ({
  id: row.id,
  kind: row.kind,
  stockDelta: row.on_hand_delta,
  reservedDelta: row.reserved_delta,
  stock: row.on_hand,
  reserved: row.reserved,
  ...(row.order_id ? { orderId: row.order_id } : {}),
  ...(row.reason ? { reason: row.reason } : {}),
  actor: { type: row.actor_type, ...(row.actor_id ? { id: row.actor_id } : {}) },
  createdAt: row.created_at.toISOString(),
});

function merged(lines: StockLine[]): StockLine[] {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .toSorted((a, b) => (a.productId < b.productId ? -1 : 1));
}
