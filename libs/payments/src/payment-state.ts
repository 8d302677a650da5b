import { type Money, sum } from '@soko/common';

export const PAYMENT_METHODS = ['cash_on_delivery', 'transfer', 'payment_link'] as const;
export type PaymentMethod = (typeof PAYMENT_METHODS)[number];

export const PAYMENT_STATUSES = ['pending', 'authorized', 'paid', 'partially_refunded', 'refunded', 'failed'] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** How an order stands with its money. */
export const SETTLEMENTS = ['unpaid', 'authorized', 'paid', 'partially_refunded', 'refunded', 'failed'] as const;
export type Settlement = (typeof SETTLEMENTS)[number];

/** A payment's money, in minor units of its currency. */
export interface PaymentFacts {
  status: PaymentStatus;
  /** What was asked for. */
  amount: number;
  currency: string;
  /** What came in, and what of it was given back. */
  received: number;
  refunded: number;
}

/** What a provider tells about a payment, in our words. */
export type PaymentNews =
  | { kind: 'authorized' }
  | { kind: 'paid'; amount: number; currency: string }
  | { kind: 'failed'; reason: string }
  /** All that was given back of it so far. */
  | { kind: 'refunded'; total: number; currency: string }
  /** What was given back did not arrive, and is the merchant's again. */
  | { kind: 'refund_failed'; amount: number; currency: string; reason: string };

/** What was made of news: `ignored` when they were known, came too late, or do not fit. */
export type Outcome = 'authorized' | 'paid' | 'failed' | 'wrong_amount' | 'refunded' | 'refund_failed' | 'ignored';

export interface Applied {
  outcome: Outcome;
  change: Partial<Pick<PaymentFacts, 'status' | 'received' | 'refunded'>> & { reason?: string };
}

const IGNORED: Applied = { outcome: 'ignored', change: {} };

/** The status of a payment of which so much came in and went back. */
const statusOf = (received: number, refunded: number): PaymentStatus =>
  refunded === 0 ? 'paid' : refunded < received ? 'partially_refunded' : 'refunded';

/**
 * What news change about a payment: notices come twice, late and in any order, and money that came is never lost sight of.
 * Money is believed once; of a sum that was not asked for nothing is paid, and all of it is to be given back.
 */
export function applied(payment: PaymentFacts, news: PaymentNews): Applied {
  const { status, amount, currency, received, refunded } = payment;
  switch (news.kind) {
    case 'authorized':
      return status === 'pending' ? { outcome: 'authorized', change: { status: 'authorized' } } : IGNORED;
    case 'failed':
      return status === 'pending' || status === 'authorized'
        ? { outcome: 'failed', change: { status: 'failed', reason: news.reason } }
        : IGNORED;
    case 'paid': {
      // Of a payment that had failed too: late money is money.
      if (received > 0) return IGNORED;
      if (news.currency === currency && news.amount === amount)
        return { outcome: 'paid', change: { status: 'paid', received: amount, reason: undefined } };
      const reason = `${news.amount} ${news.currency} came in, in minor units, where ${amount} ${currency} were asked for`;
      // Of another currency nothing can be counted: a person must look at it.
      const counted = news.currency === currency ? news.amount : 0;
      return { outcome: 'wrong_amount', change: { status: 'failed', received: counted, reason } };
    }
    case 'refunded': {
      // What was given back had come in, even when nobody has told that yet.
      const had = received > 0 ? received : amount;
      const total = Math.min(news.total, had);
      if (news.currency !== currency || total <= refunded) return IGNORED;
      // Of a sum that was not asked for nothing counts as paid, whatever of it is still here.
      const left = status === 'failed' && received > 0 && total < had;
      return { outcome: 'refunded', change: { status: left ? status : statusOf(had, total), received: had, refunded: total } };
    }
    case 'refund_failed': {
      const back = Math.min(news.amount, refunded);
      if (news.currency !== currency || back <= 0) return IGNORED;
      return {
        outcome: 'refund_failed',
        change: { status: statusOf(received, refunded - back), refunded: refunded - back, reason: news.reason },
      };
    }
  }
}

/** What is the merchant's of a payment: of one that failed nothing, for what came in is to be given back. */
const kept = ({ status, received, refunded }: PaymentFacts): number => (status === 'failed' ? 0 : received - refunded);

export interface Balance {
  status: Settlement;
  /** What the merchant has of it. */
  paid: Money;
  /** What is still to be paid. */
  due: Money;
}

/** How an order with this total stands after its payments, which are in its currency. */
export function balanceOf(total: Money, payments: PaymentFacts[]): Balance {
  const { currency } = total;
  const paid = sum(
    payments.map((payment) => ({ amount: kept(payment), currency: payment.currency })),
    currency,
  );
  const due = { amount: Math.max(0, total.amount - paid.amount), currency };
  return { status: settlementOf(due.amount, paid.amount, payments), paid, due };
}

function settlementOf(due: number, paid: number, payments: PaymentFacts[]): Settlement {
  const refunded = payments.some((payment) => payment.refunded > 0);
  // Nothing was asked for, or the rest was paid in another way.
  if (due === 0) return 'paid';
  if (refunded) return paid === 0 ? 'refunded' : 'partially_refunded';
  if (payments.some(({ status }) => status === 'authorized')) return 'authorized';
  return payments.at(-1)?.status === 'failed' ? 'failed' : 'unpaid';
}
