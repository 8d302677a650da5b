export { NoticeService, type SignedNotice } from './notice.service.js';
export { PAYMENT_METHODS, type Balance, type PaymentMethod, type Settlement } from './payment-state.js';
export { PaymentMethodService } from './payment-method.service.js';
export { PaymentProcessor } from './payment.processor.js';
export { PaymentService } from './payment.service.js';
export {
  AddPaymentBody,
  METHOD_NAMES,
  type MethodName,
  PaymentMethodView,
  PaymentQuery,
  PaymentView,
  RefundBody,
  RefundView,
  UpdatePaymentMethodBody,
} from './payments.dto.js';
export {
  BadNoticeError,
  LinkOpenError,
  PaymentMethodUnavailableError,
  TooMuchError,
  WrongCurrencyError,
} from './payments.errors.js';
export { PaymentsModule } from './payments.module.js';
export { type ProviderName, PROVIDERS } from './provider.js';
export { RefundService } from './refund.service.js';
