import { ORDER_STATUSES, type OrderStatus } from '@soko/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowedActions, ORDER_ACTIONS, type OrderAction, type StockEffect, transition } from './order-state.js';

/** The contract, written out once more: status, action, where it leads, what happens to the stock. */
const TABLE: [OrderStatus, OrderAction, OrderStatus, StockEffect][] = [
  ['pending', 'confirm', 'confirmed', 'reserve'],
  ['pending', 'reject', 'rejected', 'none'],
  ['pending', 'cancel', 'cancelled', 'none'],
  ['confirmed', 'prepare', 'preparing', 'none'],
  ['confirmed', 'cancel', 'cancelled', 'release'],
  ['preparing', 'dispatch', 'out_for_delivery', 'none'],
  ['preparing', 'cancel', 'cancelled', 'release'],
  ['out_for_delivery', 'deliver', 'delivered', 'ship'],
  ['out_for_delivery', 'cancel', 'cancelled', 'release'],
];
const TERMINAL: OrderStatus[] = ['delivered', 'rejected', 'cancelled'];
const EVERY = ORDER_STATUSES.flatMap((status) => ORDER_ACTIONS.map((action) => [status, action] as const));

describe('transition', () => {
  it.each(EVERY)('from %s by %s', (status, action) => {
    const row = TABLE.find(([from, by]) => from === status && by === action);
    expect(transition(status, action)).toEqual(row && { to: row[2], stock: row[3] });
  });

  it('leads to every status but the first, and from nowhere back to it', () => {
    const reached = new Set(EVERY.map(([status, action]) => transition(status, action)?.to));
    for (const status of ORDER_STATUSES) expect(reached.has(status)).toBe(status !== 'pending');
  });
});

describe('allowedActions', () => {
  it.each(ORDER_STATUSES.map((status) => [status] as const))('of %s are those that lead somewhere', (status) => {
    expect(allowedActions(status)).toEqual(ORDER_ACTIONS.filter((action) => transition(status, action)));
  });

  it('end where the order ends, and only there', () => {
    expect(ORDER_STATUSES.filter((status) => allowedActions(status).length === 0).toSorted()).toEqual(TERMINAL.toSorted());
  });

  it('let every order that has not ended be cancelled', () => {
    for (const status of ORDER_STATUSES) expect(allowedActions(status).includes('cancel')).toBe(!TERMINAL.includes(status));
  });
});

describe('stock', () => {
  it('balances on every walk: nothing is released or shipped that is not reserved, and no end keeps a reservation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...ORDER_ACTIONS), { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (actions, quantity) => {
          let status: OrderStatus = 'pending';
          let [onHand, reserved] = [100, 0];
          for (const action of actions) {
            const step = transition(status, action);
            if (!step) continue;
            if (step.stock === 'reserve') reserved += quantity;
            if (step.stock === 'release' || step.stock === 'ship') reserved -= quantity;
            if (step.stock === 'ship') onHand -= quantity;
            status = step.to;
            expect(reserved).toBeGreaterThanOrEqual(0);
            expect(reserved).toBeLessThanOrEqual(quantity);
          }
          const ended = TERMINAL.includes(status);
          expect(reserved).toBe(ended || status === 'pending' ? 0 : quantity);
          expect(onHand).toBe(status === 'delivered' ? 100 - quantity : 100);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('leaves the shelf exactly when the order is delivered', () => {
    for (const [status, action] of EVERY)
      expect(transition(status, action)?.stock === 'ship').toBe(transition(status, action)?.to === 'delivered');
  });
});
