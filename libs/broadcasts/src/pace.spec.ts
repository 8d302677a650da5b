import { expect, it } from 'vitest';
import { restMs, roomOf } from './pace.js';

it.each([
  ['cloud', {}, 80],
  ['cloud', { messagesPerSecond: 7 }, 7],
  ['cloud', { messagesPerSecond: 1_000 }, 1_000],
  ['simulator', {}, 20],
  ['baileys', {}, 5],
  ['something new', {}, 1],
])('a %s channel with %j has room for %i', (kind, config, room) => {
  expect(roomOf({ kind, config, status: 'connected' })).toBe(room);
});

it('a channel that is away is looked at less often', () => {
  const [here, away] = ['connected', 'disconnected'].map((status) => restMs({ kind: 'cloud', config: {}, status }));
  expect(away).toBeGreaterThan(here!);
});
