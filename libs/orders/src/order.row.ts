import type { Money } from '@soko/common';
import type { StockLine } from '@soko/catalog';
import type { OrderStatus } from '@soko/contracts';
import type { Destination } from '@soko/deliveries';
import type { PaymentMethod, Settlement } from '@soko/payments';
import type { OrderPhase } from './order-state.js';
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
  payment_method: PaymentMethod;
  note: string | null;
  total_amount: number;
  currency: string;
  reason: string | null;
  hold: 'none' | 'held' | 'lapsed';
  /** Until when the goods are kept, or the order without them. */
  held_until: Date | null;
  created_at: Date;
}
/** An order whose lock we hold, with what is in it. */
export interface LockedOrder extends OrderRow {
  lines: StockLine[];
}
/** An order as its customer sees it in a chat. */
export interface CustomerOrder extends OrderSummaryView {
  items: OrderItemView[];
  destination?: Destination;
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

export const phaseOf = ({ status, hold }: OrderRow): OrderPhase => (hold === 'none' ? status : hold);

/** What the customer reads where they pay. */
export const titleOf = ({ number }: OrderRow): string => `Order ${number}`;
export const totalOf = (row: OrderRow): Money => ({ amount: row.total_amount, currency: row.currency });

export function summaryView(row: OrderRow, paymentStatus: Settlement): OrderSummaryView {
  return {
    id: row.id,
    number: row.number,
    status: row.status,
    total: totalOf(row),
    customer: { phone: row.customer_phone, ...(row.customer_name ? { name: row.customer_name } : {}) },
    paymentMethod: row.payment_method,
    paymentStatus,
    ...(row.hold === 'held' ? { reservedUntil: row.held_until!.toISOString() } : {}),
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
