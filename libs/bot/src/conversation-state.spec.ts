import { describe, expect, it } from 'vitest';
import { IDLE, readState, stored } from './conversation-state.js';
import { STATES } from './customer.fixture.js';

describe('what was stored', () => {
  it.each(STATES.map((state) => [state.step, state] as const))('is read again in the state %s', (_, state) => {
    expect(readState(JSON.parse(JSON.stringify(stored(state))))).toEqual(state);
  });

  it.each([
    [undefined],
    [null],
    ['idle'],
    [[]],
    [{}],
    [{ step: 'choosing', page: 0, options: [] }],
    [{ version: 1, step: 'cart' }],
    [{ version: 2, step: 'toString' }],
    [{ version: 2, step: 'of another version' }],
    [{ version: 2, step: 'choosing', page: -1, options: [] }],
    [{ version: 2, step: 'choosing', page: 0, options: [1] }],
    [{ version: 2, step: 'quantity' }],
    [{ version: 2, step: 'confirm', delivery: {}, payment: 'cash_on_delivery', total: 1 }],
    [{ version: 2, step: 'confirm', delivery: { address: 'x' }, payment: 'gold', total: 1 }],
    [{ version: 2, step: 'phone', delivery: { location: { latitude: '1' } } }],
  ])('starts anew where it is %j', (value) => {
    expect(readState(value)).toEqual(IDLE);
  });
});
