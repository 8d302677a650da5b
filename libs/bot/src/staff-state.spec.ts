import { describe, expect, it } from 'vitest';
import { STAFF_STATES } from './staff.fixture.js';
import { readStaffState, READY, storedStaff } from './staff-state.js';

describe('what was stored of somebody of the team', () => {
  it.each(STAFF_STATES.map((state) => [state.step, state] as const))('is read again in the state %s', (_, state) => {
    expect(readStaffState(JSON.parse(JSON.stringify(storedStaff(state))))).toEqual(state);
  });

  it.each([
    [undefined],
    [null],
    ['ready'],
    [[]],
    [{}],
    [{ step: 'orders', page: 0 }],
    [{ version: 2, step: 'orders', page: 0 }],
    [{ version: 1, step: 'toString' }],
    [{ version: 1, step: 'of another version' }],
    [{ version: 1, step: 'orders', page: -1 }],
    [{ version: 1, step: 'cancelling', number: '12' }],
    [{ version: 1, step: 'stock', page: 0, words: 1 }],
    [{ version: 1, step: 'photo' }],
    [{ version: 1, step: 'broadcast', draft: { templateId: 't1', values: { what: 1 } }, page: 0 }],
    [{ version: 1, step: 'broadcast', draft: { templateId: 't1', values: [] }, page: 0 }],
    [{ version: 1, step: 'broadcast', draft: { values: {} }, page: 0 }],
    [{ version: 1, step: 'preview', draft: { templateId: 't1', audience: 'all', values: {} } }],
    [
      {
        version: 1,
        step: 'preview',
        draft: { templateId: 't1', values: {} },
        shown: { edition: 't1:1', recipients: 1, key: 'k' },
      },
    ],
  ])('starts anew where it is %j', (value) => {
    expect(readStaffState(value)).toEqual(READY);
  });
});
