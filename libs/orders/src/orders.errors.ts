import { AppError, ValidationError } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';
import { allowedActions, type OrderAction } from './order-state.js';

export class InvalidTransitionError extends AppError {
  constructor(status: OrderStatus, action: OrderAction) {
    const allowed = allowedActions(status).filter((each) => each !== 'reject');
    const hint = allowed.length > 0 ? `allowed now: ${allowed.join(', ')}` : 'it allows no further action';
    super(409, 'invalid_transition', `A ${status} order cannot take the action ${action}; ${hint}.`);
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
