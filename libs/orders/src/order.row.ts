import type { Money } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';
import type { Destination } from '@soko/deliveries';
import type { OrderHistoryView, OrderItemView, OrderSummaryView } from './orders.dto.js';

export interface OrderRow {
  id: string;
  number: number;
  status: OrderStatus;
  customer_phone: string;
  customer_name: string | null;
  channel_id: string | null;
  chat_id: string | null;
  delivery: Destination | null;
  payment_method: string;
  note: string | null;
  total_amount: number;
  currency: string;
  reason: string | null;
  created_at: Date;
}
export interface ItemRow {
  product_id: string;
  sku: string;
  name: string;
  quantity: number;
  unit_amount: number;
  total_amount: number;
}
export interface HistoryRow {
  from_status: OrderStatus | null;
  to_status: OrderStatus;
  actor: string;
  reason: string | null;
  created_at: Date;
}

export const totalOf = (row: OrderRow): Money => ({ amount: row.total_amount, currency: row.currency });

export function summaryView(row: OrderRow): OrderSummaryView {
  return {
    id: row.id,
    number: row.number,
    status: row.status,
    total: totalOf(row),
    customer: { phone: row.customer_phone, ...(row.customer_name ? { name: row.customer_name } : {}) },
    paymentMethod: row.payment_method,
    ...(row.note ? { note: row.note } : {}),
    ...(row.reason ? { reason: row.reason } : {}),
    createdAt: row.created_at.toISOString(),
  };
}

export const itemView = (row: ItemRow, currency: string): OrderItemView => ({
  productId: row.product_id,
  sku: row.sku,
  name: row.name,
  quantity: row.quantity,
  unitPrice: { amount: row.unit_amount, currency },
  total: { amount: row.total_amount, currency },
});

export const historyView = (row: HistoryRow): OrderHistoryView => ({
  ...(row.from_status ? { from: row.from_status } : {}),
  to: row.to_status,
  actor: row.actor,
  ...(row.reason ? { reason: row.reason } : {}),
  at: row.created_at.toISOString(),
});
