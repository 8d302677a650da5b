import { setImmediate as settle, setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ConnectGate } from './connect-gate.js';

/** Nobody gives up. */
const never = (): AbortSignal => new AbortController().signal;

test('never more than so many at once, in their order, and each place is given on', async () => {
  const gate = new ConnectGate(3, 0);
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const leave = await gate.enter(never());
      order.push(n);
      most = Math.max(most, ++inside);
      try {
        await pause(10);
        if (n % 3 === 0) throw new Error('no connection');
      } catch {
        // A place is given back whatever comes of it.
      } finally {
        inside -= 1;
        leave();
        leave();
      }
    }),
  );
  expect(most).toBe(3);
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
  // All places are there again.
  await Promise.all([gate.enter(never()), gate.enter(never()), gate.enter(never())]);
});

test('eight at once, unless told otherwise', async () => {
  const gate = new ConnectGate(undefined, 0);
  for (let n = 0; n < 8; n += 1) await gate.enter(never());
  let ninth = false;
  void gate.enter(never()).then(() => (ninth = true));
  for (let n = 0; n < 20; n += 1) await settle();
  expect(ninth).toBe(false);
});

test('who gives up takes nobody’s place', async () => {
  const gate = new ConnectGate(1, 0);
  const leave = await gate.enter(never());
  const given = new AbortController();
  const second = gate.enter(given.signal);
  const third = gate.enter(never());
  given.abort();
  (await second)();
  let entered = false;
  void third.then(() => (entered = true));
  for (let n = 0; n < 20; n += 1) await settle();
  expect(entered).toBe(false);
  leave();
  (await third)();
  (await gate.enter(never()))();
});

test('a place that comes at the moment of giving up is not lost', async () => {
  const gate = new ConnectGate(1, 0);
  const leave = await gate.enter(never());
  const given = new AbortController();
  const second = gate.enter(given.signal);
  leave();
  given.abort();
  (await second)();
  const again = await gate.enter(never());
  expect(again).toBeTypeOf('function');
});

test('one begins a while after the other; who gives up does not wait for it', async () => {
  const gate = new ConnectGate(8, 100);
  const before = performance.now();
  await gate.enter(never());
  await gate.enter(never());
  expect(performance.now() - before).toBeGreaterThan(45);
  const slow = new ConnectGate(8, 60_000);
  await slow.enter(never());
  const given = new AbortController();
  const second = slow.enter(given.signal);
  given.abort();
  (await second)();
});
