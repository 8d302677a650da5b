import type { OrderStatus } from '@soko/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowedActions,
  dueStep,
  MANUAL_ACTIONS,
  ORDER_ACTIONS,
  ORDER_PHASES,
  type OrderAction,
  type OrderPhase,
  type StockEffect,
  statusOf,
  transition,
} from './order-state.js';

/** The contract, written out once more: phase, action, where it leads, what happens to the stock. */
const TABLE: [OrderPhase, OrderAction, OrderPhase, StockEffect][] = [
  ['pending', 'confirm', 'confirmed', 'reserve'],
  ['pending', 'hold', 'held', 'reserve'],
  ['pending', 'reject', 'rejected', 'none'],
  ['pending', 'cancel', 'cancelled', 'none'],
  ['held', 'confirm', 'confirmed', 'none'],
  ['held', 'lapse', 'lapsed', 'release'],
  ['held', 'cancel', 'cancelled', 'release'],
  ['lapsed', 'confirm', 'confirmed', 'reserve'],
  ['lapsed', 'reject', 'rejected', 'none'],
  ['lapsed', 'cancel', 'cancelled', 'none'],
  ['confirmed', 'prepare', 'preparing', 'none'],
  ['confirmed', 'cancel', 'cancelled', 'release'],
  ['preparing', 'dispatch', 'out_for_delivery', 'none'],
  ['preparing', 'cancel', 'cancelled', 'release'],
  ['out_for_delivery', 'deliver', 'delivered', 'ship'],
  ['out_for_delivery', 'cancel', 'cancelled', 'release'],
];
const TERMINAL: OrderPhase[] = ['delivered', 'rejected', 'cancelled'];
const RESERVED: OrderPhase[] = ['held', 'confirmed', 'preparing', 'out_for_delivery'];
const EVERY = ORDER_PHASES.flatMap((phase) => ORDER_ACTIONS.map((action) => [phase, action] as const));

describe('transition', () => {
  it.each(EVERY)('from %s by %s', (phase, action) => {
    const row = TABLE.find(([from, by]) => from === phase && by === action);
    expect(transition(phase, action)).toEqual(row && { to: row[2], stock: row[3] });
  });

  it('leads to every phase but the first, and from nowhere back to it', () => {
    const reached = new Set(EVERY.map(([phase, action]) => transition(phase, action)?.to));
    for (const phase of ORDER_PHASES) expect(reached.has(phase)).toBe(phase !== 'pending');
  });
});

describe('statusOf', () => {
  it('is what the world sees: orders that wait for their money are pending', () => {
    const seen: Record<OrderPhase, OrderStatus> = {
      pending: 'pending',
      held: 'pending',
      lapsed: 'pending',
      confirmed: 'confirmed',
      preparing: 'preparing',
      out_for_delivery: 'out_for_delivery',
      delivered: 'delivered',
      rejected: 'rejected',
      cancelled: 'cancelled',
    };
    for (const phase of ORDER_PHASES) expect(statusOf(phase)).toBe(seen[phase]);
  });
});

describe('allowedActions', () => {
  it.each(ORDER_PHASES.map((phase) => [phase] as const))('of %s are those that lead somewhere', (phase) => {
    expect(allowedActions(phase)).toEqual(ORDER_ACTIONS.filter((action) => transition(phase, action)));
  });

  it('end where the order ends, and only there', () => {
    expect(ORDER_PHASES.filter((phase) => allowedActions(phase).length === 0).toSorted()).toEqual(TERMINAL.toSorted());
  });

  it('let every order that has not ended be cancelled, and every pending one be confirmed', () => {
    for (const phase of ORDER_PHASES) {
      expect(allowedActions(phase).includes('cancel')).toBe(!TERMINAL.includes(phase));
      expect(allowedActions(phase).includes('confirm')).toBe(statusOf(phase) === 'pending');
    }
  });

  it('by people never keep goods without asking for money', () => {
    for (const phase of ORDER_PHASES)
      for (const action of MANUAL_ACTIONS) expect(['held', 'lapsed']).not.toContain(transition(phase, action)?.to);
  });
});

describe('stock', () => {
  it('balances on every walk: nothing is released or shipped that is not reserved, and no end keeps a reservation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...ORDER_ACTIONS), { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (actions, quantity) => {
          let phase: OrderPhase = 'pending';
          let [onHand, reserved] = [100, 0];
          for (const action of actions) {
            const step = transition(phase, action);
            if (!step) continue;
            if (step.stock === 'reserve') reserved += quantity;
            if (step.stock === 'release' || step.stock === 'ship') reserved -= quantity;
            if (step.stock === 'ship') onHand -= quantity;
            phase = step.to;
            expect(reserved).toBe(RESERVED.includes(phase) ? quantity : 0);
          }
          expect(onHand).toBe(phase === 'delivered' ? 100 - quantity : 100);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('leaves the shelf exactly when the order is delivered', () => {
    for (const [phase, action] of EVERY)
      expect(transition(phase, action)?.stock === 'ship').toBe(transition(phase, action)?.to === 'delivered');
  });
});

describe('dueStep', () => {
  const now = new Date('2026-11-29T08:00:00Z');
  const [before, after] = [new Date(now.getTime() - 1), new Date(now.getTime() + 1)];

  it.each([
    ['pending', false, false, null, 'confirm'],
    ['pending', true, true, null, 'confirm'],
    ['pending', true, false, null, 'hold'],
    ['held', true, false, after, 'wait'],
    ['held', true, false, now, 'lapse'],
    ['held', true, false, before, 'lapse'],
    ['held', true, true, before, 'confirm'],
    ['held', true, true, after, 'confirm'],
    ['lapsed', true, false, after, 'wait'],
    ['lapsed', true, false, now, 'cancel'],
    ['lapsed', true, true, before, 'confirm'],
  ] as const)('of %s, prepaid %s, paid %s, until %s is %s', (phase, prepaid, paid, heldUntil, step) => {
    expect(dueStep({ phase, prepaid, paid, heldUntil }, now)).toBe(step);
  });

  const facts = ORDER_PHASES.flatMap((phase) =>
    [true, false].flatMap((prepaid) =>
      [true, false].flatMap((paid) => [before, after].map((heldUntil) => ({ phase, prepaid, paid, heldUntil }))),
    ),
  );

  it('is always a step that the phase allows', () => {
    const steps = facts.map((each) => [each.phase, dueStep(each, now)] as const);
    const taken = steps.flatMap(([phase, step]) => (step === 'wait' ? [] : [transition(phase, step)]));
    expect(taken).not.toContain(undefined);
    expect(taken.length).toBeGreaterThan(10);
  });

  it('is to wait only while there is time, or once the order is no longer pending', () => {
    const waiting = facts.filter((each) => dueStep(each, now) === 'wait' && statusOf(each.phase) === 'pending');
    expect(waiting.every(({ heldUntil }) => heldUntil === after)).toBe(true);
  });
});
