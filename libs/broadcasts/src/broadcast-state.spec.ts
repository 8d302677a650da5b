import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowedBroadcastActions,
  BROADCAST_ACTIONS,
  BROADCAST_STATUSES,
  type BroadcastAction,
  type BroadcastStatus,
  broadcastTransition,
} from './broadcast-state.js';

/** The contract, written out once more. */
const TABLE: [BroadcastStatus, BroadcastAction, BroadcastStatus][] = [
  ['draft', 'schedule', 'scheduled'],
  ['draft', 'start', 'running'],
  ['draft', 'cancel', 'cancelled'],
  ['scheduled', 'start', 'running'],
  ['scheduled', 'cancel', 'cancelled'],
  ['running', 'pause', 'paused'],
  ['running', 'finish', 'done'],
  ['running', 'cancel', 'cancelled'],
  ['paused', 'resume', 'running'],
  ['paused', 'cancel', 'cancelled'],
];
const EVERY = BROADCAST_STATUSES.flatMap((status) => BROADCAST_ACTIONS.map((action) => [status, action] as const));

describe('broadcastTransition', () => {
  it.each(EVERY)('from %s by %s', (status, action) => {
    expect(broadcastTransition(status, action)).toBe(TABLE.find(([from, by]) => from === status && by === action)?.[2]);
  });
});

describe('allowedBroadcastActions', () => {
  it.each([
    ['draft', ['start', 'cancel']],
    ['scheduled', ['start', 'cancel']],
    ['running', ['pause', 'cancel']],
    ['paused', ['resume', 'cancel']],
    ['done', []],
    ['cancelled', []],
  ] as [BroadcastStatus, BroadcastAction[]][])('of one that is %s', (status, actions) => {
    expect(allowedBroadcastActions(status)).toEqual(actions);
  });
});

describe('every walk', () => {
  it('starts once, is paused only while it runs, and ends for good', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...BROADCAST_ACTIONS), { maxLength: 40 }), (actions) => {
        let status: BroadcastStatus = 'draft';
        const taken: BroadcastAction[] = [];
        for (const action of actions) {
          const to = broadcastTransition(status, action);
          if (!to) continue;
          expect(taken.some((each) => each === 'finish' || each === 'cancel')).toBe(false);
          expect(action !== 'pause' || taken.includes('start')).toBe(true);
          taken.push(action);
          status = to;
        }
        expect(taken.filter((each) => each === 'start').length).toBeLessThanOrEqual(1);
        const [pauses, resumes] = ['pause', 'resume'].map((name) => taken.filter((each) => each === name).length);
        expect([0, 1]).toContain(pauses! - resumes!);
      }),
      { numRuns: 1_000 },
    );
  });
});
