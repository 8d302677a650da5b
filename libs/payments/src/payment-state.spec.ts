import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applied, balanceOf, PAYMENT_STATUSES, type PaymentFacts, type PaymentNews, SETTLEMENTS } from './payment-state.js';

const AMOUNT = 1_250;
const payment = (over: Partial<PaymentFacts> = {}): PaymentFacts => ({
  status: 'pending',
  amount: AMOUNT,
  currency: 'USD',
  received: 0,
  refunded: 0,
  ...over,
});
const usd = (amount: number) => ({ amount, currency: 'USD' });

/** A payment in each status, as it comes to be. */
const STATES: Record<string, PaymentFacts> = {
  pending: payment(),
  authorized: payment({ status: 'authorized' }),
  paid: payment({ status: 'paid', received: AMOUNT }),
  partially_refunded: payment({ status: 'partially_refunded', received: AMOUNT, refunded: 250 }),
  refunded: payment({ status: 'refunded', received: AMOUNT, refunded: AMOUNT }),
  failed: payment({ status: 'failed' }),
  'failed for a wrong amount': payment({ status: 'failed', received: 1_000 }),
};
const NEWS: Record<string, PaymentNews> = {
  authorized: { kind: 'authorized' },
  paid: { kind: 'paid', ...usd(AMOUNT) },
  'paid too little': { kind: 'paid', ...usd(1_000) },
  'paid in another currency': { kind: 'paid', amount: AMOUNT, currency: 'ZAR' },
  failed: { kind: 'failed', reason: 'refused' },
  'refunded in part': { kind: 'refunded', total: 500, currency: 'USD' },
  refunded: { kind: 'refunded', total: AMOUNT, currency: 'USD' },
  'refund failed': { kind: 'refund_failed', ...usd(250), reason: 'account closed' },
};

/** What each news make of each state: outcome, status, received, refunded; the others are ignored. */
const TABLE: [state: string, news: string, outcome: string, status: string, received: number, refunded: number][] = [
  ['pending', 'authorized', 'authorized', 'authorized', 0, 0],
  ['pending', 'paid', 'paid', 'paid', AMOUNT, 0],
  ['pending', 'paid too little', 'wrong_amount', 'failed', 1_000, 0],
  ['pending', 'paid in another currency', 'wrong_amount', 'failed', 0, 0],
  ['pending', 'failed', 'failed', 'failed', 0, 0],
  ['pending', 'refunded in part', 'refunded', 'partially_refunded', AMOUNT, 500],
  ['pending', 'refunded', 'refunded', 'refunded', AMOUNT, AMOUNT],
  ['authorized', 'paid', 'paid', 'paid', AMOUNT, 0],
  ['authorized', 'paid too little', 'wrong_amount', 'failed', 1_000, 0],
  ['authorized', 'paid in another currency', 'wrong_amount', 'failed', 0, 0],
  ['authorized', 'failed', 'failed', 'failed', 0, 0],
  ['authorized', 'refunded in part', 'refunded', 'partially_refunded', AMOUNT, 500],
  ['authorized', 'refunded', 'refunded', 'refunded', AMOUNT, AMOUNT],
  ['paid', 'refunded in part', 'refunded', 'partially_refunded', AMOUNT, 500],
  ['paid', 'refunded', 'refunded', 'refunded', AMOUNT, AMOUNT],
  ['partially_refunded', 'refunded in part', 'refunded', 'partially_refunded', AMOUNT, 500],
  ['partially_refunded', 'refunded', 'refunded', 'refunded', AMOUNT, AMOUNT],
  ['partially_refunded', 'refund failed', 'refund_failed', 'paid', AMOUNT, 0],
  ['refunded', 'refund failed', 'refund_failed', 'partially_refunded', AMOUNT, 1_000],
  ['failed', 'paid', 'paid', 'paid', AMOUNT, 0],
  ['failed', 'paid too little', 'wrong_amount', 'failed', 1_000, 0],
  ['failed', 'paid in another currency', 'wrong_amount', 'failed', 0, 0],
  ['failed', 'refunded in part', 'refunded', 'partially_refunded', AMOUNT, 500],
  ['failed', 'refunded', 'refunded', 'refunded', AMOUNT, AMOUNT],
  ['failed for a wrong amount', 'refunded in part', 'refunded', 'failed', 1_000, 500],
  ['failed for a wrong amount', 'refunded', 'refunded', 'refunded', 1_000, 1_000],
];

describe('applied', () => {
  const every = Object.keys(STATES).flatMap((state) => Object.keys(NEWS).map((news) => [state, news] as const));

  it.each(every)('%s, and the news: %s', (state, news) => {
    const before = STATES[state]!;
    const row = TABLE.find(([from, told]) => from === state && told === news);
    const [outcome, status, received, refunded] = row?.slice(2) ?? ['ignored', before.status, before.received, before.refunded];
    const result = applied(before, NEWS[news]!);
    expect({ ...before, ...result.change }).toMatchObject({ status, received, refunded });
    expect(result.outcome).toBe(outcome);
  });

  const news = fc.constantFrom(...Object.values(NEWS).filter(({ kind }) => kind !== 'refund_failed'));

  it('makes nothing of what is told twice', () => {
    fc.assert(
      fc.property(fc.array(news, { maxLength: 10 }), news, (earlier, last) => {
        let now = payment();
        for (const each of [...earlier, last]) now = { ...now, ...applied(now, each).change };
        // A wrong amount in another currency counts for nothing, and may be told of again.
        fc.pre(!(last.kind === 'paid' && last.currency === 'ZAR'));
        expect(applied(now, last).outcome).toBe('ignored');
      }),
    );
  });

  it('never loses money, and never gives back more than came in, whatever is told in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.values(NEWS)), { maxLength: 30 }), (told) => {
        let now = payment();
        for (const each of told) {
          const next = { ...now, ...applied(now, each).change };
          expect(next.received).toBeGreaterThanOrEqual(now.received);
          expect(next.refunded).toBeLessThanOrEqual(next.received);
          expect(next.refunded).toBeGreaterThanOrEqual(0);
          expect(PAYMENT_STATUSES).toContain(next.status);
          now = next;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('balanceOf', () => {
  it.each([
    ['nothing yet', [], 'unpaid', 0, 2_500],
    ['asked for', [payment()], 'unpaid', 0, 2_500],
    ['on its way', [payment({ status: 'authorized' })], 'authorized', 0, 2_500],
    ['half of it', [STATES.paid!], 'unpaid', 1_250, 1_250],
    ['all of it, in two', [STATES.paid!, STATES.paid!], 'paid', 2_500, 0],
    ['some given back', [STATES.paid!, STATES.partially_refunded!], 'partially_refunded', 2_250, 250],
    ['all given back', [STATES.refunded!], 'refunded', 0, 2_500],
    ['a wrong amount is not the merchant’s', [STATES['failed for a wrong amount']!], 'failed', 0, 2_500],
    ['and what is left of it neither', [payment({ status: 'failed', received: 1_000, refunded: 400 })], 'refunded', 0, 2_500],
    ['a second try', [STATES.failed!, payment()], 'unpaid', 0, 2_500],
  ] as const)('%s', (_, payments, status, paid, due) => {
    expect(balanceOf(usd(2_500), [...payments])).toEqual({ status, paid: usd(paid), due: usd(due) });
  });

  it('of an order that costs nothing is settled', () => {
    expect(balanceOf(usd(0), [])).toEqual({ status: 'paid', paid: usd(0), due: usd(0) });
  });

  it('is always one of the words of the contract, and exact', () => {
    const any = fc.constantFrom(...Object.values(STATES));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.array(any, { maxLength: 6 }), (total, payments) => {
        const { status, paid, due } = balanceOf(usd(total), payments);
        expect(SETTLEMENTS).toContain(status);
        expect(due.amount).toBe(Math.max(0, total - paid.amount));
        expect(status === 'paid').toBe(due.amount === 0);
      }),
    );
  });

  it('refuses to add what cannot be added', () => {
    expect(() => balanceOf({ amount: 1, currency: 'ZAR' }, [STATES.paid!])).toThrow(RangeError);
  });
});
