import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';

export interface StockLine {
  productId: string;
  quantity: number;
}
export interface Shortage extends StockLine {
  name: string;
  available: number;
}

/** Stock moves by conditional updates alone: nothing is read, compared and written back. */
@Injectable()
export class StockService {
  /**
   * Reserves every line, or none and says which fall short.
   * Lines of one product are summed, and products are taken in the order of their ids, so that two orders cannot deadlock.
   */
  async reserve(tx: TenantTx, lines: StockLine[]): Promise<Shortage[]> {
    const shortages: Shortage[] = [];
    const reserved: StockLine[] = [];
    for (const { productId, quantity } of merged(lines)) {
      const taken = await tx.query(
        `UPDATE products SET reserved = reserved + $3, updated_at = now()
         WHERE merchant_id = $1 AND id = $2 AND active AND on_hand - reserved >= $3 RETURNING id`,
        [tx.merchantId, productId, quantity],
      );
      if (taken.length > 0) {
        reserved.push({ productId, quantity });
        continue;
      }
      const [left] = await tx.query<{ name: string; available: number }>(
        'SELECT name, CASE WHEN active THEN on_hand - reserved ELSE 0 END AS available FROM products WHERE merchant_id = $1 AND id = $2',
        [tx.merchantId, productId],
      );
      shortages.push({ productId, quantity, name: left?.name ?? 'a product', available: left?.available ?? 0 });
    }
    if (shortages.length > 0) await this.release(tx, reserved);
    return shortages;
  }

  /** Gives reserved units back. */
  async release(tx: TenantTx, lines: StockLine[]): Promise<void> {
    await this.move(tx, lines, 'reserved = reserved - $3');
  }

  /** Reserved units leave the house. */
  async ship(tx: TenantTx, lines: StockLine[]): Promise<void> {
    await this.move(tx, lines, 'reserved = reserved - $3, on_hand = on_hand - $3');
  }

  private async move(tx: TenantTx, lines: StockLine[], change: string): Promise<void> {
    for (const { productId, quantity } of merged(lines)) {
      await tx.query(`UPDATE products SET ${change}, updated_at = now() WHERE merchant_id = $1 AND id = $2`, [
        tx.merchantId,
        productId,
        quantity,
      ]);
    }
  }
}

function merged(lines: StockLine[]): StockLine[] {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .toSorted((a, b) => (a.productId < b.productId ? -1 : 1));
}
