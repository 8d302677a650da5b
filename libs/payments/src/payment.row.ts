import type { Money } from '@soko/common';
import type { Sealer } from '@soko/database';
import type { PaymentFacts, PaymentMethod } from './payment-state.js';
import type { PaymentView, RefundView } from './payments.dto.js';
import type { ProviderName } from './provider.js';

export interface PaymentRow extends PaymentFacts {
  id: string;
  order_id: string;
  title: string;
  method: PaymentMethod;
  provider: ProviderName | null;
  reference: string | null;
  link: string | null;
  expires_at: Date | null;
  provider_ref: string | null;
  reason: string | null;
  attempts: number;
  due_at: Date;
  paid_at: Date | null;
  created_at: Date;
}
export interface RefundRow {
  id: string;
  payment_id: string;
  amount: number;
  status: RefundView['status'];
  reason: string;
  error: string | null;
  attempts: number;
  due_at: Date;
  created_at: Date;
  done_at: Date | null;
}

export const REFERENCE = 'payments.reference';
export const LINK = 'payments.link';

/** The last four characters, where that is not most of it. */
export const masked = (secret: string): string => `••••${secret.length > 8 ? secret.slice(-4) : ''}`;

export function paymentView(row: PaymentRow, refunds: RefundRow[], merchantId: string, sealer: Sealer): PaymentView {
  const money = (amount: number): Money => ({ amount, currency: row.currency });
  const open = row.status === 'pending' && row.link !== null;
  return {
    id: row.id,
    orderId: row.order_id,
    method: row.method,
    ...(row.provider ? { provider: row.provider } : {}),
    status: row.status,
    amount: money(row.amount),
    received: money(row.received),
    refunded: money(row.refunded),
    ...(row.reference ? { reference: masked(sealer.open(row.reference, merchantId, REFERENCE)) } : {}),
    ...(open ? { url: sealer.open(row.link!, merchantId, LINK) } : {}),
    ...(open && row.expires_at ? { expiresAt: row.expires_at.toISOString() } : {}),
    ...(row.reason ? { reason: row.reason } : {}),
    refunds: refunds.filter((refund) => refund.payment_id === row.id).map((refund) => refundView(refund, row.currency)),
    createdAt: row.created_at.toISOString(),
    ...(row.paid_at ? { paidAt: row.paid_at.toISOString() } : {}),
  };
}

const refundView = (row: RefundRow, currency: string): RefundView => ({
  id: row.id,
  amount: { amount: row.amount, currency },
  status: row.status,
  reason: row.reason,
  ...(row.error ? { error: row.error } : {}),
  createdAt: row.created_at.toISOString(),
  ...(row.done_at ? { doneAt: row.done_at.toISOString() } : {}),
});

/** What every event says about the payment. */
export const eventData = (row: PaymentRow, amount = row.received || row.amount) => ({
  paymentId: row.id,
  orderId: row.order_id,
  method: row.method,
  ...(row.provider ? { provider: row.provider } : {}),
  amount: { amount, currency: row.currency },
});
