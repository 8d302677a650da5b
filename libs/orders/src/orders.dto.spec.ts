import { validateInput, ValidationError } from '@soko/common';
import { expect, test } from 'vitest';
import { PlaceOrderBody } from './orders.dto.js';

const PRODUCT = '0190a000-0000-7000-8000-000000000000';
const order = (over: object = {}) => ({
  customer: { phone: '263771234567' },
  items: [{ productId: PRODUCT, quantity: 1 }],
  ...over,
});

test('an order needs a customer and at least one line; the phone is put into E.164', () => {
  expect(validateInput(PlaceOrderBody, order()).customer.phone).toBe('+263771234567');
});

test.each([
  [{ items: [] }],
  [{ items: [[]] }],
  [{ items: [{ productId: PRODUCT, quantity: 0 }] }],
  [{ items: [{ productId: PRODUCT, quantity: 1.5 }] }],
  [{ items: [{ productId: PRODUCT, quantity: 10_001 }] }],
  [{ items: [{ productId: 'MAIZE', quantity: 1 }] }],
  [{ items: Array.from({ length: 101 }, () => ({ productId: PRODUCT, quantity: 1 })) }],
  [{ customer: [] }],
  [{ customer: { phone: '077' } }],
  [{ delivery: { location: { latitude: '1', longitude: '2' } } }],
  [{ delivery: { location: { latitude: 91, longitude: 0 } } }],
  [{ paymentMethod: 'barter' }],
  [{ surprise: true }],
])('%j is refused', (over) => {
  expect(() => validateInput(PlaceOrderBody, order(over))).toThrow(ValidationError);
});
