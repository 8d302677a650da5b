import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { isUuid, plainAmount } from '@soko/common';
import { keyOf, verifiedId } from '@soko/inbound';
import type { PaymentNews } from './payment-state.js';
import { BadNoticeError } from './payments.errors.js';
import type { LinkRequest, Notice, PaymentProvider, ProviderAccount, RawNotice } from './provider.js';

/** What may stand in braces in the address of a payment page. */
export const PLACEHOLDERS = ['paymentId', 'amount', 'decimal', 'currency', 'title', 'expires', 'signature'] as const;

/**
 * Any provider that has a page by address and calls back by Standard Webhooks, as providers of mobile money do or an adapter of a few lines
 * does for them. `config.linkUrl` is the address with `{placeholders}`; `secrets.webhookSecret` signs both ways.
 * Money is given back by a person.
 */
@Injectable()
export class MobileMoneyProvider implements PaymentProvider {
  async createLink(account: ProviderAccount, request: LinkRequest): Promise<{ url: string }> {
    const { paymentId, amount, currency, title, expiresAt } = request;
    const values: Record<(typeof PLACEHOLDERS)[number], string> = {
      paymentId,
      amount: String(amount),
      decimal: plainAmount({ amount, currency }),
      currency,
      title,
      expires: String(Math.floor(expiresAt.getTime() / 1000)),
      // So that nobody pays less by changing the address.
      signature: createHmac('sha256', keyOf(account.secrets.webhookSecret!))
        .update(`${paymentId}.${amount}.${currency}`)
        .digest('hex'),
    };
    const url = account.config.linkUrl!.replace(/\{(\w+)\}/g, (_, name: keyof typeof values) => encodeURIComponent(values[name]));
    return { url };
  }

  read(account: ProviderAccount, raw: RawNotice): Notice | undefined {
    const eventId = verifiedId(raw, [account.secrets.webhookSecret!]);
    const told = eventId === undefined ? undefined : toldIn(raw.body);
    // What is signed and is no JSON is as little a notice.
    if (eventId === undefined || !told) throw new BadNoticeError();
    const { paymentId } = told.data ?? {};
    const news = newsOf(told);
    if (!news || typeof paymentId !== 'string' || !isUuid(paymentId)) return undefined;
    return { eventId, paymentId, news };
  }
}

interface Told {
  type?: unknown;
  data?: { paymentId?: unknown; amount?: unknown; currency?: unknown; reason?: unknown };
}

function toldIn(body: Buffer): Told | undefined {
  try {
    const told: unknown = JSON.parse(body.toString());
    return typeof told === 'object' && told !== null ? told : {};
  } catch {
    return undefined;
  }
}

function newsOf({ type, data = {} }: Told): PaymentNews | undefined {
  const { amount, currency } = data;
  const reason = typeof data.reason === 'string' ? data.reason.slice(0, 500) : 'the provider told no reason';
  if (type === 'payment.authorized') return { kind: 'authorized' };
  if (type === 'payment.failed') return { kind: 'failed', reason };
  if (!Number.isSafeInteger(amount) || (amount as number) < 0 || typeof currency !== 'string') return undefined;
  const money = { amount: amount as number, currency: currency.slice(0, 10) };
  if (type === 'payment.succeeded') return { kind: 'paid', ...money };
  if (type === 'payment.refunded') return { kind: 'refunded', total: money.amount, currency: money.currency };
  if (type === 'refund.failed') return { kind: 'refund_failed', ...money, reason };
  return undefined;
}
