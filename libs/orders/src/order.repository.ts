import { Injectable } from '@nestjs/common';
import { newId, NotFoundError } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';
import { isForeignKeyViolation, type TenantTx } from '@soko/database';
import type { HistoryRow, ItemRow, OrderRow } from './order.row.js';

export type NewOrder = Omit<OrderRow, 'id' | 'number' | 'status' | 'reason' | 'created_at'>;

/** A line to be priced: what was asked for, with the product as it is now. */
export interface PricedProduct {
  id: string;
  sku: string;
  name: string;
  price_amount: number;
  currency: string;
}

@Injectable()
export class OrderRepository {
  /** The active products among `ids`. */
  products(tx: TenantTx, ids: string[]): Promise<PricedProduct[]> {
    return tx.query(
      'SELECT id, sku, name, price_amount, currency FROM products WHERE merchant_id = $1 AND id = ANY ($2::uuid[]) AND active',
      [tx.merchantId, ids],
    );
  }

  /** Writes a pending order with its lines. Numbers of a merchant's orders rise without gaps. */
  async insert(tx: TenantTx, order: NewOrder, items: ItemRow[]): Promise<OrderRow> {
    const [row] = await tx
      .query<OrderRow>(
        `WITH counter AS (
         INSERT INTO order_counters (merchant_id, last_number) VALUES ($1, 1)
         ON CONFLICT (merchant_id) DO UPDATE SET last_number = order_counters.last_number + 1 RETURNING last_number
       )
       INSERT INTO orders (merchant_id, id, number, status, customer_phone, customer_name, channel_id, delivery, payment_method,
                           note, total_amount, currency, chat_id)
       SELECT $1, $2, last_number, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM counter RETURNING *`,
        [
          tx.merchantId,
          newId(),
          order.customer_phone,
          order.customer_name,
          order.channel_id,
          order.delivery ? JSON.stringify(order.delivery) : null,
          order.payment_method,
          order.note,
          order.total_amount,
          order.currency,
          order.chat_id,
        ],
      )
      .catch((error: unknown) => {
        if (isForeignKeyViolation(error)) throw new NotFoundError('channel', order.channel_id ?? '');
        throw error;
      });
    await tx.query(
      `INSERT INTO order_items (merchant_id, order_id, line, product_id, sku, name, quantity, unit_amount, total_amount)
       SELECT $1, $2, i.line, i.product_id, i.sku, i.name, i.quantity, i.unit_amount, i.total_amount
       FROM unnest($3::uuid[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::bigint[]) WITH ORDINALITY
         AS i (product_id, sku, name, quantity, unit_amount, total_amount, line)`,
      [
        tx.merchantId,
        row!.id,
        items.map((item) => item.product_id),
        items.map((item) => item.sku),
        items.map((item) => item.name),
        items.map((item) => item.quantity),
        items.map((item) => item.unit_amount),
        items.map((item) => item.total_amount),
      ],
    );
    return row!;
  }

  /** The order, locked until the transaction ends. */
  async lock(tx: TenantTx, id: string): Promise<OrderRow | undefined> {
    const [row] = await tx.query<OrderRow>('SELECT * FROM orders WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [
      tx.merchantId,
      id,
    ]);
    return row;
  }

  async find(tx: TenantTx, id: string): Promise<OrderRow | undefined> {
    const [row] = await tx.query<OrderRow>('SELECT * FROM orders WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    return row;
  }

  items(tx: TenantTx, id: string): Promise<ItemRow[]> {
    return tx.query('SELECT * FROM order_items WHERE merchant_id = $1 AND order_id = $2 ORDER BY line', [tx.merchantId, id]);
  }

  history(tx: TenantTx, id: string): Promise<HistoryRow[]> {
    return tx.query('SELECT * FROM order_history WHERE merchant_id = $1 AND order_id = $2 ORDER BY id', [tx.merchantId, id]);
  }

  /** Newest first. */
  list(tx: TenantTx, filter: { status?: OrderStatus; customer?: string; below?: number; limit: number }): Promise<OrderRow[]> {
    return tx.query(
      `SELECT * FROM orders WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR customer_phone = $3)
         AND ($4::bigint IS NULL OR number < $4) ORDER BY number DESC LIMIT $5`,
      [tx.merchantId, filter.status ?? null, filter.customer ?? null, filter.below ?? null, filter.limit],
    );
  }

  /** Moves the order and notes who did it. Nothing is left to do about it afterwards. */
  async move(tx: TenantTx, order: OrderRow, to: OrderStatus, actor: string, reason: string | null): Promise<void> {
    await tx.query(
      `WITH moved AS (
         UPDATE orders SET status = $3, reason = coalesce($5, reason), ring_at = NULL, updated_at = clock_timestamp()
         WHERE merchant_id = $1 AND id = $2
       )
       INSERT INTO order_history (merchant_id, order_id, from_status, to_status, actor, reason) VALUES ($1, $2, $6, $3, $4, $5)`,
      [tx.merchantId, order.id, to, actor, reason, order.status],
    );
  }

  async noteCreation(tx: TenantTx, id: string, actor: string): Promise<void> {
    await tx.query(`INSERT INTO order_history (merchant_id, order_id, to_status, actor) VALUES ($1, $2, 'pending', $3)`, [
      tx.merchantId,
      id,
      actor,
    ]);
  }
}
