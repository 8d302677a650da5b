import { Module } from '@nestjs/common';
import { MobileMoneyProvider } from './mobile-money.provider.js';
import { NoticeService } from './notice.service.js';
import { PaymentMethodService } from './payment-method.service.js';
import { PaymentService } from './payment.service.js';
import { PaymentStore } from './payment.store.js';
import type { PaymentProvider, ProviderName } from './provider.js';
import { RefundService } from './refund.service.js';
import { StripeProvider } from './stripe.provider.js';
import { PROVIDER_SET } from './tokens.js';

const SET = {
  provide: PROVIDER_SET,
  inject: [StripeProvider, MobileMoneyProvider],
  useFactory: (stripe: StripeProvider, mobile_money: MobileMoneyProvider): Record<ProviderName, PaymentProvider> => ({
    stripe,
    mobile_money,
  }),
};

@Module({
  providers: [
    PaymentStore,
    PaymentService,
    PaymentMethodService,
    RefundService,
    NoticeService,
    StripeProvider,
    MobileMoneyProvider,
    SET,
  ],
  exports: [PaymentStore, PaymentService, PaymentMethodService, RefundService, NoticeService, SET],
})
export class PaymentsModule {}
