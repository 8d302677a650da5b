import { Inject, Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { paymentFailed, paymentReceived } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { idIn, type InboundCall, type InboundVerifier } from '@soko/inbound';
import { PaymentMethodService } from './payment-method.service.js';
import { applied, type Outcome } from './payment-state.js';
import { eventData, type PaymentRow } from './payment.row.js';
import { PaymentStore } from './payment.store.js';
import { type Notice, type PaymentProvider, type ProviderName, PROVIDERS } from './provider.js';
import { RefundService } from './refund.service.js';
import { PROVIDER_SET } from './tokens.js';

/** A notice that a provider has signed. */
export interface SignedNotice {
  merchantId: string;
  provider: ProviderName;
  /** Undefined when it is about nothing of ours. */
  notice?: Notice;
}

/** What providers tell. Late, doubled and in any order it is harmless. */
@Injectable()
export class NoticeService implements InboundVerifier<SignedNotice> {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly methods: PaymentMethodService,
    private readonly store: PaymentStore,
    private readonly refunds: RefundService,
    @Inject(PROVIDER_SET) private readonly providers: Record<ProviderName, PaymentProvider>,
  ) {}

  /** Each provider signs as it does, with the merchant's own secret. @throws NotFoundError, BadNoticeError */
  async verify(call: InboundCall): Promise<SignedNotice> {
    const provider = PROVIDERS.find((name) => name === call.params.provider);
    if (!provider)
      throw new NotFoundError('payment_method', `${String(call.params.provider)}; there are ${PROVIDERS.join(', ')}`);
    const merchantId = idIn(call, 'merchantId');
    const account = await this.tenancy.run(merchantId, (tx) => this.methods.account(tx, provider));
    return { merchantId, provider, notice: this.providers[provider].read(account, call) };
  }

  /** Once this returns the provider may be told that we have it. */
  async receive({ merchantId, provider, notice }: SignedNotice): Promise<void> {
    if (notice) await this.tenancy.run(merchantId, (tx) => this.apply(tx, provider, notice));
  }

  private async apply(tx: TenantTx, provider: ProviderName, notice: Notice): Promise<void> {
    const { eventId, paymentId, news } = notice;
    if (!(await this.store.noteOnce(tx, provider, eventId, news.kind, paymentId))) return;
    const payment = await this.store.lock(tx, paymentId);
    // Another merchant's, or of another provider: nobody of ours.
    if (!payment || payment.provider !== provider) return;
    const row = { ...payment, provider_ref: notice.providerRef ?? payment.provider_ref };
    await this.store.noteOutcome(tx, provider, eventId, await this.follow(tx, row, notice));
  }

  private async follow(tx: TenantTx, payment: PaymentRow, { news, refundId }: Notice): Promise<Outcome> {
    const { outcome, change } = applied(payment, news);
    if (outcome === 'ignored') return outcome;
    if (outcome === 'refunded') {
      // Told before the payment itself: then it had come in.
      const had = { ...payment, received: change.received!, status: payment.received > 0 ? payment.status : ('paid' as const) };
      if (payment.received === 0) tx.outbox.emit(paymentReceived, eventData(had));
      await this.refunds.givenBack(tx, had, change.refunded! - payment.refunded, 'Given back at the provider');
      return outcome;
    }
    const after: PaymentRow = { ...payment, ...change, reason: change.reason ?? null };
    await this.store.settle(tx, after);
    if (outcome === 'paid') tx.outbox.emit(paymentReceived, eventData(after));
    if (outcome === 'failed') tx.outbox.emit(paymentFailed, { ...eventData(after), code: 'failed', reason: after.reason! });
    if (outcome === 'wrong_amount') {
      tx.outbox.emit(paymentFailed, { ...eventData(after), code: 'wrong_amount', reason: after.reason! });
      await this.refunds.giveBack(tx, [after], 0, 'Not the amount that was asked for');
    }
    if (outcome === 'refund_failed' && refundId) {
      const refund = await this.store.lockRefund(tx, refundId);
      if (refund?.payment_id === after.id) await this.refunds.fallTo(tx, after, refund, after.reason!);
    }
    return outcome;
  }
}
