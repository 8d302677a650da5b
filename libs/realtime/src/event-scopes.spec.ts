import { allEvents } from '@soko/contracts';
import { ROLE_SCOPES, SCOPES } from '@soko/identity';
import { expect, test } from 'vitest';
import { EVENT_SCOPES, isEverything, visibleTypes } from './event-scopes.js';
import { EventsHiddenError } from './realtime.errors.js';

test('every event says who may be told of it', () => {
  const without = allEvents().filter(({ type }) => !SCOPES.includes(EVENT_SCOPES[type]!));
  expect(without.map(({ type }) => type)).toEqual([]);
});

test('an owner is told of everything, an agent not of what only owners read', () => {
  expect(isEverything(visibleTypes({ scopes: ROLE_SCOPES.owner }))).toBe(true);
  const agent = visibleTypes({ scopes: ROLE_SCOPES.agent });
  expect(agent.has('order_created')).toBe(true);
  // It links a phone.
  expect(agent.has('channel_linking')).toBe(false);
  expect(isEverything(agent)).toBe(false);
});

test('a key for events alone is a listener to everything that takes no more than reading', () => {
  const scopes = new Set(['events:read'] as const);
  const all = allEvents().map(({ type }) => type);
  expect([...visibleTypes({ scopes })]).toEqual(all.filter((type) => type !== 'channel_linking'));
  expect(() => visibleTypes({ scopes }, ['channel_linking'])).toThrow(/channels:write/);
});

test('a key is told of what its scopes let it read, and refused by name what it asks for besides', () => {
  const scopes = new Set(['events:read', 'orders:read'] as const);
  const orders = Object.keys(EVENT_SCOPES).filter((type) => type.startsWith('order_'));
  expect([...visibleTypes({ scopes })].toSorted()).toEqual(['merchant_registered', ...orders].toSorted());
  expect([...visibleTypes({ scopes }, ['order_held'])]).toEqual(['order_held']);
  expect(() => visibleTypes({ scopes }, ['order_held', 'message_sent'])).toThrow(EventsHiddenError);
  expect(() => visibleTypes({ scopes }, ['message_sent'])).toThrow(/messages:read/);
});
