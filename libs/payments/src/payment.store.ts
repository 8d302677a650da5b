import { Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import type { TenantTx } from '@soko/database';
import type { PaymentRow, RefundRow } from './payment.row.js';

export type NewPayment = Pick<PaymentRow, 'order_id' | 'title' | 'method' | 'status' | 'amount' | 'currency'> &
  Partial<Pick<PaymentRow, 'provider' | 'received' | 'reference' | 'expires_at'>>;

/** Payments and refunds as rows. */
@Injectable()
export class PaymentStore {
  async insert(tx: TenantTx, payment: NewPayment): Promise<PaymentRow> {
    const [row] = await tx.query<PaymentRow>(
      `INSERT INTO payments (merchant_id, id, order_id, title, method, provider, status, amount, currency, received, reference, expires_at, paid_at, ring_at)
       VALUES ($1, $2, $3, $4, $5, $6::text, $7::text, $8, $9, $10, $11, $12, CASE WHEN $7::text = 'paid' THEN now() END,
               CASE WHEN $6::text IS NOT NULL THEN now() + interval '10 seconds' END) RETURNING *`,
      [
        tx.merchantId,
        newId(),
        payment.order_id,
        payment.title,
        payment.method,
        payment.provider ?? null,
        payment.status,
        payment.amount,
        payment.currency,
        payment.received ?? 0,
        payment.reference ?? null,
        payment.expires_at ?? null,
      ],
    );
    return row!;
  }

  async lock(tx: TenantTx, id: string): Promise<PaymentRow | undefined> {
    const [row] = await tx.query<PaymentRow>('SELECT * FROM payments WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [
      tx.merchantId,
      id,
    ]);
    return row;
  }

  async find(tx: TenantTx, id: string): Promise<PaymentRow | undefined> {
    const [row] = await tx.query<PaymentRow>('SELECT * FROM payments WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    return row;
  }

  /** An order's payments, oldest first. */
  ofOrder(tx: TenantTx, orderId: string): Promise<PaymentRow[]> {
    return this.ofOrders(tx, [orderId]);
  }

  ofOrders(tx: TenantTx, orderIds: string[]): Promise<PaymentRow[]> {
    return tx.query('SELECT * FROM payments WHERE merchant_id = $1 AND order_id = ANY ($2::uuid[]) ORDER BY id', [
      tx.merchantId,
      orderIds,
    ]);
  }

  lockOrder(tx: TenantTx, orderId: string): Promise<PaymentRow[]> {
    return tx.query('SELECT * FROM payments WHERE merchant_id = $1 AND order_id = $2 ORDER BY id FOR UPDATE', [
      tx.merchantId,
      orderId,
    ]);
  }

  /** Newest first. */
  list(tx: TenantTx, filter: { status?: string; refundDue?: boolean; before?: string; limit: number }): Promise<PaymentRow[]> {
    return tx.query(
      `SELECT * FROM payments p WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3)
         AND (NOT $4::bool OR EXISTS (SELECT FROM payment_refunds r WHERE r.merchant_id = $1 AND r.payment_id = p.id AND r.status = 'due'))
       ORDER BY id DESC LIMIT $5`,
      [tx.merchantId, filter.status ?? null, filter.before ?? null, filter.refundDue ?? false, filter.limit],
    );
  }

  /** Writes down how the payment stands now. Nothing is left to do about its link. */
  async settle(tx: TenantTx, row: PaymentRow): Promise<void> {
    await tx.query(
      `UPDATE payments SET status = $3, received = $4::bigint, refunded = $5, reason = $6, provider_ref = $7, reference = $8, ring_at = NULL,
              paid_at = CASE WHEN $4::bigint > 0 THEN coalesce(paid_at, now()) END, updated_at = clock_timestamp()
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, row.id, row.status, row.received, row.refunded, row.reason, row.provider_ref, row.reference],
    );
  }

  refundsOf(tx: TenantTx, paymentIds: string[]): Promise<RefundRow[]> {
    if (paymentIds.length === 0) return Promise.resolve([]);
    return tx.query('SELECT * FROM payment_refunds WHERE merchant_id = $1 AND payment_id = ANY ($2::uuid[]) ORDER BY id', [
      tx.merchantId,
      paymentIds,
    ]);
  }

  async insertRefund(tx: TenantTx, refund: Pick<RefundRow, 'payment_id' | 'amount' | 'status' | 'reason'>): Promise<RefundRow> {
    const [row] = await tx.query<RefundRow>(
      `INSERT INTO payment_refunds (merchant_id, id, payment_id, amount, status, reason, done_at, ring_at)
       VALUES ($1, $2, $3, $4, $5::text, $6, CASE WHEN $5::text = 'succeeded' THEN now() END,
               CASE WHEN $5::text = 'requested' THEN now() + interval '10 seconds' END) RETURNING *`,
      [tx.merchantId, newId(), refund.payment_id, refund.amount, refund.status, refund.reason],
    );
    return row!;
  }

  async lockRefund(tx: TenantTx, id: string): Promise<RefundRow | undefined> {
    const [row] = await tx.query<RefundRow>('SELECT * FROM payment_refunds WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [
      tx.merchantId,
      id,
    ]);
    return row;
  }

  async moveRefund(tx: TenantTx, id: string, status: RefundRow['status'], error: string | null): Promise<void> {
    await tx.query(
      `UPDATE payment_refunds SET status = $3::text, error = $4, ring_at = NULL, done_at = CASE WHEN $3::text = 'succeeded' THEN now() END
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, id, status, error],
    );
  }

  /** A part of what a person owes is done. */
  async lessenRefund(tx: TenantTx, id: string, by: number): Promise<void> {
    await tx.query('UPDATE payment_refunds SET amount = amount - $3 WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id, by]);
  }

  /** A refund that somebody else does in its place. */
  async dropRefund(tx: TenantTx, id: string): Promise<void> {
    await tx.query(`DELETE FROM payment_refunds WHERE merchant_id = $1 AND id = $2 AND status = 'due'`, [tx.merchantId, id]);
  }

  /** The page is there. Of a payment that ended meanwhile it is not shown. */
  async keepLink(tx: TenantTx, id: string, link: string, providerRef: string | null): Promise<PaymentRow | undefined> {
    const [row] = await tx.query<PaymentRow>(
      `UPDATE payments SET link = $3, provider_ref = coalesce(provider_ref, $4), ring_at = NULL, updated_at = clock_timestamp()
       WHERE merchant_id = $1 AND id = $2 AND link IS NULL RETURNING *`,
      [tx.merchantId, id, link, providerRef],
    );
    return row;
  }

  /** One more try has failed; the next is in `delay` ms. */
  async postpone(tx: TenantTx, table: 'payments' | 'payment_refunds', id: string, delay: number): Promise<void> {
    await tx.query(
      `UPDATE ${table} SET attempts = attempts + 1, due_at = now() + $3 * interval '1 millisecond', ring_at = now() + $3 * interval '1 millisecond'
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, id, delay],
    );
  }

  /** Notes a provider's notice. @returns false when it was noted before. */
  async noteOnce(tx: TenantTx, provider: string, eventId: string, kind: string, paymentId: string): Promise<boolean> {
    const rows = await tx.query(
      `INSERT INTO payment_notices (merchant_id, provider, event_id, kind, payment_id, outcome) VALUES ($1, $2, $3, $4, $5, 'ignored')
       ON CONFLICT DO NOTHING RETURNING 1 AS one`,
      [tx.merchantId, provider, eventId, kind, paymentId],
    );
    return rows.length > 0;
  }

  async noteOutcome(tx: TenantTx, provider: string, eventId: string, outcome: string): Promise<void> {
    await tx.query('UPDATE payment_notices SET outcome = $4 WHERE merchant_id = $1 AND provider = $2 AND event_id = $3', [
      tx.merchantId,
      provider,
      eventId,
      outcome,
    ]);
  }
}
