import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { paymentRefundDue, paymentRefunded, refundPayment } from '@soko/contracts';
import { Sealer, Tenancy, type TenantTx } from '@soko/database';
import { applied } from './payment-state.js';
import { eventData, type PaymentRow, paymentView, type RefundRow } from './payment.row.js';
import { PaymentStore } from './payment.store.js';
import type { PaymentView, RefundBody } from './payments.dto.js';
import { TooMuchError, WrongCurrencyError } from './payments.errors.js';

/** Money that goes back: by the provider where it can, by a person otherwise. Nothing is given back twice, and nothing forgotten. */
@Injectable()
export class RefundService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: PaymentStore,
    private readonly sealer: Sealer,
  ) {}

  /**
   * Gives back by hand: what a person has done, or what the provider is to do.
   * @throws NotFoundError, WrongCurrencyError, TooMuchError
   */
  async refund(merchantId: string, paymentId: string, { amount, reason }: RefundBody): Promise<PaymentView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const payment = await this.store.lock(tx, paymentId);
      if (!payment) throw new NotFoundError('payment', paymentId);
      if (amount && amount.currency !== payment.currency) throw new WrongCurrencyError(payment.currency);
      const promised = (await this.store.refundsOf(tx, [paymentId])).filter(({ status }) => status !== 'succeeded');
      const requested = promised.filter(({ status }) => status === 'requested').reduce((sum, each) => sum + each.amount, 0);
      const left = payment.received - payment.refunded - requested;
      const wanted = amount?.amount ?? left;
      if (wanted > left || wanted <= 0) throw new TooMuchError({ amount: left, currency: payment.currency });
      if (canRefund(payment)) {
        // What a person owed the provider does now.
        for (const { id } of promised.filter(({ status }) => status === 'due')) await this.store.dropRefund(tx, id);
        await this.request(tx, payment, wanted, reason);
      } else await this.givenBack(tx, payment, wanted, reason);
      const after = (await this.store.lock(tx, paymentId))!;
      return paymentView(after, await this.store.refundsOf(tx, [paymentId]), merchantId, this.sealer);
    });
  }

  /** Of what came in, the merchant keeps `keep` (minor units, without what failed); the rest goes back: first by those who do it by themselves. */
  async giveBack(tx: TenantTx, payments: PaymentRow[], keep: number, reason: string): Promise<void> {
    const refunds = await this.store.refundsOf(
      tx,
      payments.map(({ id }) => id),
    );
    const left = payments.map((payment) => {
      const promised = refunds.filter((refund) => refund.payment_id === payment.id && refund.status !== 'succeeded');
      return { payment, amount: payment.received - payment.refunded - promised.reduce((sum, each) => sum + each.amount, 0) };
    });
    let surplus = left.filter(({ payment }) => payment.status !== 'failed').reduce((sum, { amount }) => sum + amount, 0) - keep;
    for (const { payment, amount } of left.toSorted(sooner)) {
      // What came in of a payment that failed is not the merchant's, whatever the order keeps.
      const back = payment.status === 'failed' ? amount : Math.min(amount, Math.max(0, surplus));
      if (back <= 0) continue;
      if (payment.status !== 'failed') surplus -= back;
      await this.request(tx, payment, back, reason);
    }
  }

  /** So much of the payment has gone back, one way or another: refunds that were promised are done first, and the oldest first. */
  async givenBack(tx: TenantTx, payment: PaymentRow, amount: number, reason: string): Promise<void> {
    const open = (await this.store.refundsOf(tx, [payment.id])).filter(({ status }) => status !== 'succeeded');
    let left = amount;
    for (const refund of open) {
      if (refund.amount <= left) {
        await this.store.moveRefund(tx, refund.id, 'succeeded', null);
        left -= refund.amount;
      } else if (refund.status === 'due') {
        if (left > 0) await this.store.lessenRefund(tx, refund.id, left);
        break;
      }
    }
    if (left > 0) await this.store.insertRefund(tx, { payment_id: payment.id, amount: left, status: 'succeeded', reason });
    await this.count(tx, payment, amount);
  }

  /** The provider has done what it was asked to. */
  async succeeded(tx: TenantTx, refund: RefundRow): Promise<void> {
    const payment = (await this.store.lock(tx, refund.payment_id))!;
    await this.store.moveRefund(tx, refund.id, 'succeeded', null);
    await this.count(tx, payment, refund.amount);
  }

  /** A person must do what the provider did not. */
  async fallTo(tx: TenantTx, payment: PaymentRow, refund: RefundRow, error: string): Promise<void> {
    await this.store.moveRefund(tx, refund.id, 'due', error);
    tellDue(tx, payment, refund);
  }

  private async request(tx: TenantTx, payment: PaymentRow, amount: number, reason: string): Promise<void> {
    const status = canRefund(payment) ? 'requested' : 'due';
    const refund = await this.store.insertRefund(tx, { payment_id: payment.id, amount, status, reason });
    if (status === 'requested') tx.wake(refundPayment, { merchantId: tx.merchantId, refundId: refund.id });
    else tellDue(tx, payment, refund);
  }

  private async count(tx: TenantTx, payment: PaymentRow, amount: number): Promise<void> {
    const { currency } = payment;
    const { change } = applied(payment, { kind: 'refunded', total: payment.refunded + amount, currency });
    const after = { ...payment, ...change };
    await this.store.settle(tx, after);
    tx.outbox.emit(paymentRefunded, {
      ...eventData(payment, amount),
      refunded: { amount: after.refunded, currency },
    });
  }
}

/** Whether the provider gives back, or a person must. */
export const canRefund = (payment: PaymentRow): boolean => payment.provider === 'stripe' && payment.provider_ref !== null;

/** What a provider gives back before what a person must, and the newest first. */
const sooner = (a: { payment: PaymentRow }, b: { payment: PaymentRow }): number =>
  Number(canRefund(b.payment)) - Number(canRefund(a.payment)) || (a.payment.id < b.payment.id ? 1 : -1);

const tellDue = (tx: TenantTx, payment: PaymentRow, { id, amount, reason }: RefundRow): void =>
  tx.outbox.emit(paymentRefundDue, { ...eventData(payment, amount), refundId: id, reason });
