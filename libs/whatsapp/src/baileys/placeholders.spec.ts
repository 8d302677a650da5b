import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Arrival } from './baileys-inbound.js';
import { Placeholders } from './placeholders.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const arrival = (id: string, fromMe = false): Arrival => ({ key: { id, fromMe, remoteJid: '263771234567@s.whatsapp.net' } });

function setup() {
  const kept: string[] = [];
  const placeholders = new Placeholders(1_000, (one) => Promise.resolve(void kept.push(one.key.id!)));
  return { placeholders, kept };
}

test('one that never comes readable is kept after a while, once', async () => {
  const { placeholders, kept } = setup();
  placeholders.unreadable(arrival('A'));
  await vi.advanceTimersByTimeAsync(600);
  placeholders.unreadable(arrival('A'));
  await vi.advanceTimersByTimeAsync(399);
  expect(kept).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(kept).toEqual(['A']);
  expect(vi.getTimerCount()).toBe(0);
});

test('one that comes readable in time is not, nor is a copy that comes after it', async () => {
  const { placeholders, kept } = setup();
  placeholders.unreadable(arrival('A'));
  placeholders.readable('A');
  placeholders.unreadable(arrival('A'));
  expect(vi.getTimerCount()).toBe(0);
  await placeholders.flush();
  expect(kept).toEqual([]);
});

test('what we wrote on another device is not', () => {
  const { placeholders } = setup();
  placeholders.unreadable(arrival('A', true));
  expect(vi.getTimerCount()).toBe(0);
});

test('at the end nothing waits any longer', async () => {
  const { placeholders, kept } = setup();
  placeholders.unreadable(arrival('A'));
  placeholders.unreadable(arrival('B'));
  await placeholders.flush();
  expect(kept).toEqual(['A', 'B']);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(kept).toEqual(['A', 'B']);
});
