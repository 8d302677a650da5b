import { Injectable } from '@nestjs/common';
import { isUuid } from '@soko/common';
import { Settings } from '@soko/config';
import { Stripe } from 'stripe';
import { BadNoticeError } from './payments.errors.js';
import type { LinkRequest, Notice, PaymentProvider, ProviderAccount, RawNotice } from './provider.js';

const MINUTE_MS = 60_000;
/** Stripe keeps a Checkout page open for 30 minutes at least and 24 hours at most: https://docs.stripe.com/api/checkout/sessions/create */
const SHORTEST_MS = 31 * MINUTE_MS;
const LONGEST_MS = 24 * 60 * MINUTE_MS - MINUTE_MS;
const TIMEOUT_MS = 15_000;
/** Where Stripe counts otherwise than ISO 4217: https://docs.stripe.com/currencies#special-cases */
const FACTOR: Record<string, number> = { ISK: 100, UGX: 100, MGA: 0.01 };

/** Checkout by Stripe's own library. `config.returnUrl`, `secrets.secretKey` and `secrets.webhookSecret` are the merchant's. */
@Injectable()
export class StripeProvider implements PaymentProvider {
  private readonly base: URL;

  constructor(settings: Settings) {
    this.base = new URL(settings.STRIPE_BASE_URL);
  }

  async createLink(account: ProviderAccount, request: LinkRequest): Promise<{ url: string; providerRef: string }> {
    const { merchantId, paymentId, amount, currency, title } = request;
    const metadata = { paymentId, merchantId };
    const returnUrl = account.config.returnUrl!;
    const session = await this.client(account).checkout.sessions.create(
      {
        mode: 'payment',
        client_reference_id: paymentId,
        metadata,
        payment_intent_data: { metadata, description: title },
        line_items: [
          {
            quantity: 1,
            price_data: {
              currency: currency.toLowerCase(),
              unit_amount: theirs(amount, currency),
              product_data: { name: title },
            },
          },
        ],
        success_url: returnUrl,
        cancel_url: returnUrl,
        expires_at: Math.floor(within(request) / 1000),
      },
      { idempotencyKey: paymentId },
    );
    return { url: session.url!, providerRef: session.id };
  }

  read(account: ProviderAccount, { body, headers }: RawNotice): Notice | undefined {
    return understood(this.verified(account, body, String(headers['stripe-signature'] ?? '')));
  }

  async refund(
    account: ProviderAccount,
    refund: { refundId: string; paymentId: string; providerRef: string; amount: number; currency: string },
  ): Promise<void> {
    const { refundId, paymentId, amount, currency } = refund;
    const { status, failure_reason: why } = await this.client(account).refunds.create(
      {
        payment_intent: await this.intentOf(account, refund.providerRef),
        amount: theirs(amount, currency),
        metadata: { paymentId, refundId },
      },
      { idempotencyKey: refundId },
    );
    if (status === 'failed' || status === 'canceled') throw new Error(`Stripe did not give the money back: ${why ?? status}`);
  }

  /** What was paid on a page is known by the page until its notice has come. */
  private async intentOf(account: ProviderAccount, providerRef: string): Promise<string> {
    if (providerRef.startsWith('pi_')) return providerRef;
    const { payment_intent: intent } = await this.client(account).checkout.sessions.retrieve(providerRef);
    if (!intent) throw new Error(`nothing was paid at Stripe on the page ${providerRef}`);
    return idOf(intent);
  }

  private verified(account: ProviderAccount, body: Buffer, signature: string): Stripe.Event {
    try {
      return this.client(account).webhooks.constructEvent(body, signature, account.secrets.webhookSecret!);
    } catch {
      throw new BadNoticeError();
    }
  }

  private client({ secrets }: ProviderAccount): Stripe {
    const { hostname: host, port, protocol } = this.base;
    return new Stripe(secrets.secretKey!, {
      host,
      port: port === '' ? undefined : Number(port),
      protocol: protocol === 'http:' ? 'http' : 'https',
      timeout: TIMEOUT_MS,
      maxNetworkRetries: 1,
      telemetry: false,
    });
  }
}

/** What Stripe tells of our payments; a merchant's account may have others. */
function understood(event: Stripe.Event): Notice | undefined {
  switch (event.type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded': {
      const session = event.data.object;
      const { amount_total: amount, currency, payment_intent: intent, payment_status: status } = session;
      const paid = status === 'paid' && amount !== null && currency !== null;
      const providerRef = intent ? idOf(intent) : session.id;
      return notice(event, session.client_reference_id, {
        news: paid ? { kind: 'paid', ...ours(amount, currency) } : { kind: 'authorized' },
        providerRef,
      });
    }
    case 'checkout.session.async_payment_failed':
    case 'checkout.session.expired': {
      const reason = event.type.endsWith('expired') ? 'the payment link has expired' : 'the bank refused the payment';
      return notice(event, event.data.object.client_reference_id, { news: { kind: 'failed', reason } });
    }
    case 'charge.refunded': {
      const { metadata, amount_refunded, currency } = event.data.object;
      const { amount: total, currency: code } = ours(amount_refunded, currency);
      return notice(event, metadata.paymentId, { news: { kind: 'refunded', total, currency: code } });
    }
    case 'refund.failed': {
      const { metadata, amount, currency, failure_reason: why } = event.data.object;
      const news = {
        kind: 'refund_failed',
        ...ours(amount, currency),
        reason: `Stripe could not give it back: ${why ?? 'no reason told'}`,
      } as const;
      return notice(event, metadata?.paymentId, { news, refundId: metadata?.refundId });
    }
    default:
      return undefined;
  }
}

const notice = (
  event: Stripe.Event,
  paymentId: string | null | undefined,
  rest: Omit<Notice, 'eventId' | 'paymentId'>,
): Notice | undefined => (paymentId && isUuid(paymentId) ? { eventId: event.id, paymentId, ...rest } : undefined);

const idOf = (object: string | { id: string }): string => (typeof object === 'string' ? object : object.id);

/** Our minor units as Stripe counts them. @throws Error when it cannot take the amount */
function theirs(amount: number, currency: string): number {
  const factor = FACTOR[currency] ?? 1;
  const counted = factor < 1 ? amount / Math.round(1 / factor) : amount * factor;
  if (!Number.isSafeInteger(counted))
    throw new Error(`Stripe takes no ${currency} finer than ${Math.round(1 / factor)} minor units`);
  return counted;
}

function ours(amount: number, code: string): { amount: number; currency: string } {
  const currency = code.toUpperCase();
  return { amount: Math.round(amount / (FACTOR[currency] ?? 1)), currency };
}

/**
 * As near to the wanted end as Stripe allows, counted from when the payment was asked for: Stripe refuses a second try that asks for
 * something else under the same key.
 */
function within({ expiresAt, askedAt }: LinkRequest): number {
  const asked = askedAt.getTime();
  return Math.min(Math.max(expiresAt.getTime(), asked + SHORTEST_MS), asked + LONGEST_MS);
}
