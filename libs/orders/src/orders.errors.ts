import { AppError, ValidationError } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';
import { MANUAL_ACTIONS, type OrderAction, type OrderPhase, statusOf, transition } from './order-state.js';

export class InvalidTransitionError extends AppError {
  constructor(phase: OrderPhase, action: OrderAction) {
    const allowed = MANUAL_ACTIONS.filter((each) => transition(phase, each));
    const hint = allowed.length > 0 ? `allowed now: ${allowed.join(', ')}` : 'it allows no further action';
    super(409, 'invalid_transition', `A ${statusOf(phase)} order cannot take the action ${action}; ${hint}.`);
  }
}

export class OrderEndedError extends AppError {
  constructor(status: OrderStatus) {
    super(409, 'order_ended', `The order is ${status}: nothing is to be paid for it any more.`);
  }
}

export class UnknownProductError extends ValidationError {
  constructor(index: number, productId: string) {
    const message = `there is no active product ${productId}; GET /api/products lists them`;
    super([{ path: `items.${index}.productId`, code: 'product', message }]);
  }
}

export class TotalTooLargeError extends ValidationError {
  constructor() {
    super([{ path: 'items', code: 'total', message: 'the total is larger than an amount can be; order less at once' }]);
  }
}
