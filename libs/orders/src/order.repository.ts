import { Injectable } from '@nestjs/common';
import { newId, NotFoundError } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';
import { isForeignKeyViolation, type TenantTx } from '@soko/database';
import { type OrderPhase, statusOf } from './order-state.js';
import type { HistoryRow, ItemRow, LockedOrder, OrderRow } from './order.row.js';

export interface OrderFilter {
  status?: OrderStatus;
  customer?: string;
  below?: number;
  from?: string;
  to?: string;
  limit: number;
}
export type NewOrder = Omit<OrderRow, 'id' | 'number' | 'status' | 'reason' | 'hold' | 'held_until' | 'created_at'>;

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
    tx.write(
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
  async lock(tx: TenantTx, id: string): Promise<LockedOrder | undefined> {
    const [[row], items] = await Promise.all([
      tx.query<OrderRow>('SELECT * FROM orders WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [tx.merchantId, id]),
      this.items(tx, id),
    ]);
    return row && { ...row, lines: items.map((item) => ({ productId: item.product_id, quantity: item.quantity })) };
  }

  async find(tx: TenantTx, id: string): Promise<OrderRow | undefined> {
    const [row] = await tx.query<OrderRow>('SELECT * FROM orders WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    return row;
  }

  async numbered(tx: TenantTx, number: number): Promise<OrderRow | undefined> {
    const [row] = await tx.query<OrderRow>('SELECT * FROM orders WHERE merchant_id = $1 AND number = $2', [
      tx.merchantId,
      number,
    ]);
    return row;
  }

  items(tx: TenantTx, id: string): Promise<ItemRow[]> {
    return this.itemsOf(tx, [id]);
  }

  itemsOf(tx: TenantTx, ids: string[]): Promise<(ItemRow & { order_id: string })[]> {
    return tx.query('SELECT * FROM order_items WHERE merchant_id = $1 AND order_id = ANY ($2::uuid[]) ORDER BY order_id, line', [
      tx.merchantId,
      ids,
    ]);
  }

  history(tx: TenantTx, id: string): Promise<HistoryRow[]> {
    return tx.query('SELECT * FROM order_history WHERE merchant_id = $1 AND order_id = $2 ORDER BY id', [tx.merchantId, id]);
  }

  /** Newest first. */
  list(tx: TenantTx, filter: OrderFilter): Promise<OrderRow[]> {
    return tx.query(
      `SELECT * FROM orders WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR customer_phone = $3)
         AND ($4::bigint IS NULL OR number < $4) AND ($5::timestamptz IS NULL OR created_at >= $5)
         AND ($6::timestamptz IS NULL OR created_at < $6) ORDER BY number DESC LIMIT $7`,
      [
        tx.merchantId,
        filter.status ?? null,
        filter.customer ?? null,
        filter.below ?? null,
        filter.from ?? null,
        filter.to ?? null,
        filter.limit,
      ],
    );
  }

  /** Those that came out of a chat, and those to a phone number; newest first. */
  newestOf(tx: TenantTx, { chatId, phone }: { chatId: string; phone: string | null }, limit: number): Promise<OrderRow[]> {
    return tx.query(
      'SELECT * FROM orders WHERE merchant_id = $1 AND (chat_id = $2 OR customer_phone = $3) ORDER BY number DESC LIMIT $4',
      [tx.merchantId, chatId, phone, limit],
    );
  }

  /** Moves the order and notes who did it. Only an order that is held, or waits for its money, is looked at again by itself: at `until`. */
  move(tx: TenantTx, order: LockedOrder, to: OrderPhase, until: Date | null, actor: string, reason: string | null): LockedOrder {
    const status = statusOf(to);
    // Why goods are kept or let go is no reason of the order's.
    const hold = to === 'held' || to === 'lapsed' ? to : 'none';
    const kept = hold === 'none' ? (reason ?? order.reason) : order.reason;
    tx.write(
      `WITH noted AS (
         INSERT INTO order_history (merchant_id, order_id, from_status, to_status, actor, reason) VALUES ($1, $2, $7, $3::text, $6, $8)
       )
       UPDATE orders SET status = $3::text, hold = $4, held_until = $5::timestamptz, ring_at = $5::timestamptz, updated_at = clock_timestamp(),
              reason = $9
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, order.id, status, hold, until, actor, order.status, reason, kept],
    );
    return { ...order, status, hold, held_until: until, reason: kept };
  }

  noteCreation(tx: TenantTx, id: string, actor: string): void {
    tx.write(`INSERT INTO order_history (merchant_id, order_id, to_status, actor) VALUES ($1, $2, 'pending', $3)`, [
      tx.merchantId,
      id,
      actor,
    ]);
  }
}
