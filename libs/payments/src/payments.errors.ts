import { AppError, type Money, formatMoney, ValidationError } from '@soko/common';

export class BadNoticeError extends AppError {
  constructor() {
    super(
      401,
      'invalid_signature',
      'The signature is not this merchant’s, or the notice is older than five minutes; check the secret.',
    );
  }
}

export class PaymentMethodUnavailableError extends ValidationError {
  constructor(method: string, offered: string[]) {
    const message = `this merchant does not take ${method}; it takes ${offered.join(', ') || 'nothing yet'} (PUT /api/payment-methods/{name})`;
    super([{ path: 'paymentMethod', code: 'payment_method', message }]);
  }
}

export class TooMuchError extends AppError {
  constructor(due: Money) {
    super(409, 'more_than_due', `Only ${formatMoney(due)} of it can be paid or given back; send that amount or less.`);
  }
}

export class LinkOpenError extends AppError {
  constructor() {
    super(
      409,
      'payment_link_open',
      'The order has a payment link that is still open; use that one, which GET /api/orders/{id}/payments shows.',
    );
  }
}

export class WrongCurrencyError extends ValidationError {
  constructor(currency: string) {
    super([{ path: 'amount.currency', code: 'currency', message: `the order is in ${currency}` }]);
  }
}
