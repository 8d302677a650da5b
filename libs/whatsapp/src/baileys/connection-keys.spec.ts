import type { SignalKeyStore } from '@whiskeysockets/baileys';
import { expect, test, vi } from 'vitest';
import { ConnectionKeys } from './connection-keys.js';
import { deferred } from './deferred.js';

const fail = () => Promise.reject(new Error('away'));
const DATA = { 'sender-key': { a: Buffer.from('x') } };

test('a connection that has ended writes nothing any more, and the next one waits for what it was writing', async () => {
  const write = deferred();
  const set = vi.fn<SignalKeyStore['set']>(() => write.promise);
  const keys = new ConnectionKeys({ get: () => ({}), set }, () => undefined);
  const first = keys.set(DATA);
  let retired = false;
  const retiring = keys.retire().then(() => (retired = true));
  await expect(keys.set(DATA)).rejects.toThrow('ended');
  expect(retired).toBe(false);
  write.resolve();
  await first;
  await retiring;
  expect(set).toHaveBeenCalledTimes(1);
});

test('what fails is told before anybody else learns of it', async () => {
  const order: string[] = [];
  const keys = new ConnectionKeys({ get: fail, set: fail }, () => order.push('told'));
  for (const work of [() => keys.get('session', ['a']), () => keys.set(DATA)]) await work().catch(() => order.push('thrown'));
  expect(order).toEqual(['told', 'thrown', 'told', 'thrown']);
  await keys.retire();
});
