import { Inject, Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import {
  makePaymentLink,
  paymentFailed,
  type PaymentLinkJob,
  paymentRequested,
  type RefundJob,
  refundPayment,
} from '@soko/contracts';
import { Sealer, Tenancy, type TenantTx } from '@soko/database';
import { Handles } from '@soko/queues';
import { PaymentMethodService } from './payment-method.service.js';
import { eventData, LINK, type PaymentRow, type RefundRow } from './payment.row.js';
import { PaymentStore } from './payment.store.js';
import type { PaymentProvider, ProviderName } from './provider.js';
import { RefundService } from './refund.service.js';
import { PROVIDER_SET } from './tokens.js';

/** After so many tries, about an hour, a person has to look. */
const MAX_ATTEMPTS = 10;
const DAY_MS = 24 * 3_600_000;

/** Asks providers, outside of any transaction. Each question names its row, so that asking twice changes nothing. */
@Injectable()
export class PaymentProcessor {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly methods: PaymentMethodService,
    private readonly store: PaymentStore,
    private readonly refunds: RefundService,
    private readonly sealer: Sealer,
    @Inject(PROVIDER_SET) private readonly providers: Record<ProviderName, PaymentProvider>,
  ) {}

  @Handles(makePaymentLink)
  async makeLink({ merchantId, paymentId }: PaymentLinkJob): Promise<void> {
    const found = await this.tenancy.run(merchantId, async (tx) => {
      const payment = await this.store.lock(tx, paymentId);
      if (payment?.status !== 'pending' || payment.link || !payment.provider || payment.due_at > new Date()) return undefined;
      return { payment, account: await this.methods.account(tx, payment.provider) };
    });
    if (!found) return;
    const { payment, account } = found;
    const { id, amount, currency, title, created_at: askedAt } = payment;
    const expiresAt = payment.expires_at ?? new Date(askedAt.getTime() + DAY_MS);
    try {
      const link = await this.providers[payment.provider!].createLink(account, {
        merchantId,
        paymentId: id,
        amount,
        currency,
        title,
        expiresAt,
        askedAt,
      });
      await this.tenancy.run(merchantId, async (tx) => {
        const sealed = this.sealer.seal(link.url, merchantId, LINK);
        const row = await this.store.keepLink(tx, id, sealed, link.providerRef ?? null);
        if (row?.status === 'pending')
          tx.outbox.emit(paymentRequested, { ...eventData(row), expiresAt: expiresAt.toISOString() });
      });
    } catch (error) {
      await this.tenancy.run(merchantId, (tx) => this.linkFailed(tx, paymentId, error));
      throw error;
    }
  }

  @Handles(refundPayment)
  async refund({ merchantId, refundId }: RefundJob): Promise<void> {
    const found = await this.tenancy.run(merchantId, async (tx) => {
      const refund = await this.store.lockRefund(tx, refundId);
      if (refund?.status !== 'requested' || refund.due_at > new Date()) return undefined;
      const payment = (await this.store.find(tx, refund.payment_id))!;
      return { refund, payment, account: await this.methods.account(tx, payment.provider!) };
    });
    if (!found) return;
    const { refund, payment, account } = found;
    try {
      await this.providers[payment.provider!].refund!(account, {
        refundId,
        paymentId: payment.id,
        providerRef: payment.provider_ref!,
        amount: refund.amount,
        currency: payment.currency,
      });
    } catch (error) {
      await this.tenancy.run(merchantId, (tx) => this.refundFailed(tx, payment, refund, error));
      throw error;
    }
    await this.tenancy.run(merchantId, async (tx) => {
      // The payment first, as everybody does; the provider's own notice may have been quicker.
      await this.store.lock(tx, payment.id);
      const now = await this.store.lockRefund(tx, refundId);
      if (now?.status === 'requested') await this.refunds.succeeded(tx, now);
    });
  }

  private async linkFailed(tx: TenantTx, paymentId: string, error: unknown): Promise<void> {
    const payment = await this.store.lock(tx, paymentId);
    if (payment?.status !== 'pending' || payment.link) return;
    if (payment.attempts + 1 < MAX_ATTEMPTS) return this.store.postpone(tx, 'payments', paymentId, wait(payment));
    const reason = `no payment link could be made: ${wordsOf(error)}`;
    await this.store.settle(tx, { ...payment, status: 'failed', reason });
    tx.outbox.emit(paymentFailed, { ...eventData(payment), code: 'no_link', reason });
  }

  private async refundFailed(tx: TenantTx, payment: PaymentRow, { id }: RefundRow, error: unknown): Promise<void> {
    await this.store.lock(tx, payment.id);
    const refund = await this.store.lockRefund(tx, id);
    if (refund?.status !== 'requested') return;
    if (refund.attempts + 1 < MAX_ATTEMPTS) await this.store.postpone(tx, 'payment_refunds', id, wait(refund));
    else await this.refunds.fallTo(tx, payment, refund, wordsOf(error));
  }
}

const wait = ({ attempts }: { attempts: number }): number => backoff(attempts + 1, 2_000, 600_000);
/** Errors of providers name no secrets, but may be long. */
const wordsOf = (error: unknown): string => String(error instanceof Error ? error.message : error).slice(0, 500);
