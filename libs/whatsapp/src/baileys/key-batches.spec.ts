import type { SignalDataSet, SignalKeyStore } from '@whiskeysockets/baileys';
import { expect, test } from 'vitest';
import { type Deferred, deferred } from './deferred.js';
import { KeyBatches } from './key-batches.js';

const tokens = (...ids: string[]): SignalDataSet => ({
  tctoken: Object.fromEntries(ids.map((id) => [id, { token: Buffer.from(id) }])),
});
const sessionOf = (chains: object, id = 'rudo.0') =>
  ({ session: { [id]: { _sessions: { base: { _chains: chains } }, version: 'v1' } } }) as unknown as SignalDataSet;

/** A store whose writes end when the test says so. */
function slowStore() {
  const writes: { data: SignalDataSet; end: Deferred<void> }[] = [];
  const reads: string[] = [];
  const begun = async (count: number) => {
    while (writes.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const store: SignalKeyStore = {
    get: (type, ids) => {
      reads.push(...ids.map((id) => `${type}.${id}`));
      return {};
    },
    set: (data) => {
      const end = deferred();
      writes.push({ data, end });
      return end.promise;
    },
  };
  return { store, writes, reads, begun };
}

test('what comes while a batch is being written goes, together, into the next one', async () => {
  const { store, writes, begun } = slowStore();
  const keys = new KeyBatches(store);
  const first = keys.set(tokens('a'));
  await begun(1);
  const later = [keys.set(tokens('b')), keys.set(tokens('c', 'b'))];
  writes[0]!.end.resolve();
  await first;
  await begun(2);
  expect(Object.keys(writes[1]!.data.tctoken!)).toEqual(['b', 'c']);
  writes[1]!.end.resolve();
  await Promise.all(later);
  expect(writes).toHaveLength(2);
});

test('what was set is read at once, removals too, and what is not kept in memory as long as it is unwritten', async () => {
  const { store, writes, reads, begun } = slowStore();
  const keys = new KeyBatches(store);
  const pair = { public: Buffer.from('p'), private: Buffer.from('q') };
  const set = keys.set({ 'pre-key': { 1: pair }, tctoken: { a: { token: Buffer.from('a') } } });
  expect(await keys.get('pre-key', ['1'])).toEqual({ 1: pair });
  await begun(1);
  const gone = keys.set({ 'pre-key': { 1: null }, tctoken: { a: null } });
  expect(await keys.get('pre-key', ['1'])).toEqual({});
  expect(await keys.get('tctoken', ['a'])).toEqual({});
  expect(reads).toEqual([]);
  writes[0]!.end.resolve();
  await set;
  expect(await keys.get('tctoken', ['a'])).toEqual({});
  await begun(2);
  writes[1]!.end.resolve();
  await gone;
  await keys.get('pre-key', ['1']);
  expect(reads).toEqual(['pre-key.1']);
});

test('sessions are waited for by whoever lets something leave; what stands on a failed batch is not written either', async () => {
  const { store, writes, begun } = slowStore();
  const keys = new KeyBatches(store);
  await keys.set(sessionOf({}));
  const one = keys.written();
  await begun(1);
  await keys.set(sessionOf({}, 'tendai.0'));
  const two = keys.written();
  writes[0]!.end.reject(new Error('the lease is lost'));
  await expect(one).rejects.toThrow('the lease is lost');
  await expect(two).rejects.toThrow('the lease is lost');
  await expect(keys.set(tokens('a'))).rejects.toThrow('the lease is lost');
  expect(writes).toHaveLength(1);
});

test('what is set while it is being read wins', async () => {
  const { store, writes, begun } = slowStore();
  const read = deferred<object>();
  const keys = new KeyBatches({ ...store, get: () => read.promise as never });
  const reading = keys.get('tctoken', ['a', 'b']);
  const set = keys.set({ tctoken: { a: { token: Buffer.from('new') }, b: null } });
  await begun(1);
  writes[0]!.end.resolve();
  await set;
  read.resolve({ a: { token: Buffer.from('old') }, b: { token: Buffer.from('old') } });
  expect(await reading).toEqual({ a: { token: Buffer.from('new') } });
});

test('a session keeps the last five turns of the other side, and its own chain', async () => {
  const { store, writes, begun } = slowStore();
  const keys = new KeyBatches(store);
  const received = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`turn ${n}`, { chainType: 2 }]));
  await keys.set(sessionOf({ own: { chainType: 1 }, ...received }));
  await begun(1);
  const { _sessions } = writes[0]!.data.session!['rudo.0'] as unknown as { _sessions: { base: { _chains: object } } };
  expect(Object.keys(_sessions.base._chains)).toEqual(['own', 'turn 4', 'turn 5', 'turn 6', 'turn 7', 'turn 8']);
});
