import type { PaymentNews } from './payment-state.js';

export const PROVIDERS = ['stripe', 'mobile_money'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** A merchant's account at a provider: what stands open, and what is kept sealed. */
export interface ProviderAccount {
  config: Record<string, string>;
  secrets: Record<string, string>;
}

export interface LinkRequest {
  merchantId: string;
  paymentId: string;
  /** Minor units. */
  amount: number;
  currency: string;
  /** What the customer reads: whose order it is. */
  title: string;
  expiresAt: Date;
  /** When the payment was asked for: whatever is made of `expiresAt` must come out the same at every try. */
  askedAt: Date;
}

/** A notice as it came, whose signature is to be checked over the very bytes. */
export interface RawNotice {
  body: Buffer;
  headers: Record<string, string | string[] | undefined>;
}

export interface Notice {
  /** The provider's own id of the notice: a second one with it changes nothing. */
  eventId: string;
  paymentId: string;
  news: PaymentNews;
  /** What money is given back by. */
  providerRef?: string;
  /** Our refund that it is about. */
  refundId?: string;
}

/** Who takes money for a merchant. Nothing here runs inside a transaction. */
export interface PaymentProvider {
  /** Makes the page on which the customer pays; for the same payment the same one. */
  createLink(account: ProviderAccount, request: LinkRequest): Promise<{ url: string; providerRef?: string }>;

  /**
   * Understands a notice, once its signature has been found right. Undefined when it is about nothing of ours.
   * @throws BadNoticeError
   */
  read(account: ProviderAccount, notice: RawNotice): Notice | undefined;

  /** Gives money back; the same refund once, however often it is asked for. Missing where a person must do it. @throws Error */
  refund?(
    account: ProviderAccount,
    refund: { refundId: string; paymentId: string; providerRef: string; amount: number; currency: string },
  ): Promise<void>;
}
