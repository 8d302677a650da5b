import { Money, MoneyInput, Nested, Optional, PageQuery } from '@soko/common';
import { IsBoolean, IsIn, IsString, IsUrl, Length, Matches } from 'class-validator';
import { PAYMENT_METHODS, PAYMENT_STATUSES, type PaymentMethod, type PaymentStatus } from './payment-state.js';
import { PROVIDERS, type ProviderName } from './provider.js';

export const METHOD_NAMES = ['cash_on_delivery', 'transfer', ...PROVIDERS] as const;
export type MethodName = (typeof METHOD_NAMES)[number];
const URL_RULES = { protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true };

/** Only what is given changes. Which fields a method needs, its error says. */
export class UpdatePaymentMethodBody {
  /** Whether customers may pay so. @example true */
  @Optional() @IsBoolean() active?: boolean;
  /** For `transfer`: what the customer is told, with account and name. @example "EcoCash 0771 234 567, Mbare Market" */
  @Optional() @IsString() @Length(1, 500) instructions?: string;
  /** For `stripe`: where customers land after they paid. @example "https://shop.example.com/thanks" */
  @Optional() @IsUrl(URL_RULES) @Length(1, 1000) returnUrl?: string;
  /** For `stripe`: a secret or restricted key. @example sk_test_00000000000000000000000000 */
  @Optional()
  @Matches(/^(sk|rk)_[A-Za-z0-9_]{10,250}$/, { message: 'secretKey must be a Stripe key such as sk_live_…' })
  secretKey?: string;
  /**
   * For `mobile_money`: the address of the payment page, with `{paymentId}`, `{amount}` (minor units) or `{decimal}`, `{currency}`, `{title}`,
   * `{expires}` and `{signature}`. @example "https://pay.example.com/?ref={paymentId}&amount={amount}&currency={currency}&sig={signature}"
   */
  @Optional() @IsString() @Length(1, 500) linkUrl?: string;
  /** For `stripe` and `mobile_money`: what their notices are signed with. @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk= */
  @Optional()
  @Matches(/^whsec_[A-Za-z0-9+/=]{16,200}$/, { message: 'webhookSecret must look like whsec_…' })
  webhookSecret?: string;
}

export class PaymentMethodView {
  /** @example stripe */
  name!: MethodName;
  /** @example true */
  active!: boolean;
  /** @example "EcoCash 0771 234 567, Mbare Market" */
  instructions?: string;
  /** @example "https://shop.example.com/thanks" */
  returnUrl?: string;
  /** @example "https://pay.example.com/?ref={paymentId}" */
  linkUrl?: string;
  /** The ends of the secrets that are set. @example { "secretKey": "••••1234" } */
  secrets!: Record<string, string>;
  /** Where the provider sends its notices. @example /webhooks/payments/stripe/01990000-0000-7000-8000-000000000001 */
  noticePath?: string;
}

/** Money that came in (cash, a transfer), or a link by which it may. */
export class AddPaymentBody {
  @IsIn(PAYMENT_METHODS) method!: PaymentMethod;
  /** All that is still due when missing. */
  @Optional() @Nested(() => MoneyInput) amount?: MoneyInput;
  /** Of a transfer. Kept encrypted, and shown by its end. @example "TXN 88120 Rudo M." */
  @Optional() @IsString() @Length(1, 200) reference?: string;
  /** Who makes the link; the first that is set up when missing. */
  @Optional() @IsIn(PROVIDERS) provider?: ProviderName;
}

export class RefundBody {
  /** All that is left of it when missing. */
  @Optional() @Nested(() => MoneyInput) amount?: MoneyInput;
  /** @example "The bag was torn" */
  @IsString() @Length(1, 500) reason!: string;
}

export class PaymentQuery extends PageQuery {
  @Optional() @IsIn(PAYMENT_STATUSES) status?: PaymentStatus;
  /** Only those of which a person must still give something back. */
  @Optional() @IsIn(['true']) refundDue?: 'true';
}

export class RefundView {
  id!: string;
  amount!: Money;
  /** `due`: a person has to give it back. `requested`: the provider is asked to. @example due */
  status!: 'due' | 'requested' | 'succeeded';
  /** @example "The bag was torn" */
  reason!: string;
  /** Why the provider did not do it. @example "insufficient funds" */
  error?: string;
  createdAt!: string;
  doneAt?: string;
}

export class PaymentView {
  id!: string;
  orderId!: string;
  /** @example payment_link */
  method!: PaymentMethod;
  /** @example stripe */
  provider?: ProviderName;
  /** @example paid */
  status!: PaymentStatus;
  /** What was asked for. */
  amount!: Money;
  received!: Money;
  refunded!: Money;
  /** The end of it. @example "••••o M." */
  reference?: string;
  /** Where the customer pays, while that is possible. @example "https://pay.example.com/?ref=1" */
  url?: string;
  expiresAt?: string;
  /** Why it failed. @example "the payment link has expired" */
  reason?: string;
  refunds!: RefundView[];
  createdAt!: string;
  paidAt?: string;
}
