import { ORDER_STATUSES } from '@soko/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowedDeliveryActions,
  closes,
  DELIVERY_ACTIONS,
  DELIVERY_STATUSES,
  type DeliveryAction,
  type DeliveryState,
  type DeliveryStatus,
  deliveryTransition,
  followingAction,
} from './delivery-state.js';

/** The contract, written out once more. */
const TABLE: [DeliveryStatus, DeliveryAction, DeliveryStatus][] = [
  ['pending', 'assign', 'assigned'],
  ['pending', 'start', 'in_transit'],
  ['pending', 'settle', 'delivered'],
  ['pending', 'drop', 'failed'],
  ['assigned', 'assign', 'assigned'],
  ['assigned', 'start', 'in_transit'],
  ['assigned', 'settle', 'delivered'],
  ['assigned', 'drop', 'failed'],
  ['in_transit', 'complete', 'delivered'],
  ['in_transit', 'fail', 'failed'],
  ['in_transit', 'settle', 'delivered'],
  ['in_transit', 'drop', 'failed'],
  ['failed', 'assign', 'assigned'],
  ['failed', 'retry', 'pending'],
  ['failed', 'settle', 'delivered'],
  ['failed', 'drop', 'failed'],
];
const EVERY = DELIVERY_STATUSES.flatMap((status) => DELIVERY_ACTIONS.map((action) => [status, action] as const));
const open = (status: DeliveryStatus): DeliveryState => ({ status, closed: false });

describe('deliveryTransition', () => {
  it.each(EVERY)('from %s by %s', (status, action) => {
    expect(deliveryTransition(open(status), action)).toBe(TABLE.find(([from, by]) => from === status && by === action)?.[2]);
  });

  it.each(EVERY)('from %s by %s leads nowhere when it is closed', (status, action) => {
    expect(deliveryTransition({ status, closed: true }, action)).toBeUndefined();
  });
});

describe('allowedDeliveryActions', () => {
  it.each([
    ['pending', ['assign', 'start']],
    ['assigned', ['assign', 'start']],
    ['in_transit', ['complete', 'fail']],
    ['failed', ['assign', 'retry']],
    ['delivered', []],
  ] as [DeliveryStatus, DeliveryAction[]][])('of %s', (status, actions) => {
    expect(allowedDeliveryActions(open(status))).toEqual(actions);
    expect(allowedDeliveryActions({ status, closed: true })).toEqual([]);
  });
});

describe('followingAction', () => {
  const EXPECTED: Partial<Record<(typeof ORDER_STATUSES)[number], Partial<Record<DeliveryStatus, DeliveryAction>>>> = {
    out_for_delivery: { pending: 'start', assigned: 'start' },
    delivered: { pending: 'settle', assigned: 'settle', in_transit: 'settle', failed: 'settle' },
    cancelled: { pending: 'drop', assigned: 'drop', in_transit: 'drop', failed: 'drop' },
  };
  it.each(ORDER_STATUSES.flatMap((order) => DELIVERY_STATUSES.map((status) => [order, status] as const)))(
    'of an order that is %s, where the delivery is %s',
    (order, status) => {
      expect(followingAction(open(status), order)).toBe(EXPECTED[order]?.[status]);
      expect(followingAction({ status, closed: true }, order)).toBeUndefined();
    },
  );
});

describe('every walk', () => {
  it('ends when it closes, and is only then delivered; on the way are those that were started and did not end', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...DELIVERY_ACTIONS), { maxLength: 40 }), (actions) => {
        let state = open('pending');
        let moving = false;
        for (const action of actions) {
          const to = deliveryTransition(state, action);
          if (!to) continue;
          expect(state.closed).toBe(false);
          if (action === 'start') moving = true;
          if (['complete', 'fail', 'settle', 'drop'].includes(action)) moving = false;
          state = { status: to, closed: closes(action) };
          expect(state.status === 'in_transit').toBe(moving);
          expect(state.status === 'delivered' && !state.closed).toBe(false);
          expect(state.closed && !['delivered', 'failed'].includes(state.status)).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
