import { describe, expect, it } from 'vitest';
import { AppError, NotFoundError, ValidationError } from './errors.js';

class OutOfStockError extends AppError {
  constructor() {
    super(409, 'out_of_stock', 'Order fewer units.');
  }
}

describe('AppError', () => {
  it('carries what the caller is told, and says in the log which error it is', () => {
    const error = new OutOfStockError();
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ status: 409, code: 'out_of_stock', detail: 'Order fewer units.', name: 'OutOfStockError' });
    expect(error.message).toBe('Order fewer units.');
    expect(error.errors).toBeUndefined();
    expect(error.stack).toContain('errors.spec');
  });
});

describe('NotFoundError', () => {
  it('is a 404 whose code names the kind and whose text names the id', () => {
    expect(new NotFoundError('order', 'abc')).toMatchObject({
      status: 404,
      code: 'order_not_found',
      detail: 'There is no order abc.',
    });
  });
});

describe('ValidationError', () => {
  it('is a 422 with every fault; the detail is the first', () => {
    const faults = [
      { path: 'items.0.quantity', code: 'min', message: 'quantity must not be less than 1' },
      { path: 'note', code: 'isString', message: 'note must be a string' },
    ];
    const error = new ValidationError(faults);
    expect(error).toMatchObject({ status: 422, code: 'validation_failed', errors: faults });
    expect(error.detail).toBe('items.0.quantity: quantity must not be less than 1');
  });

  it('still says something without a fault', () => {
    expect(new ValidationError([]).detail).toBe('The input is not valid.');
  });
});
