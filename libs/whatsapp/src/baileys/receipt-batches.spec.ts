import type { Tenancy } from '@soko/database';
import type { Receipt, SendQueue } from '@soko/messaging';
import type { Log } from '@soko/observability';
import { expect, test, vi } from 'vitest';
import type { TransportChannel } from '../transport.js';
import { deferred } from './deferred.js';
import { ReceiptBatches } from './receipt-batches.js';

const CHANNEL = { merchantId: 'm', id: 'c' } as TransportChannel;
const receipt = (waMessageId: string): Receipt => ({ waMessageId, status: 'read' });

function setup(write: (ids: string[]) => Promise<void>) {
  const warn = vi.fn<() => void>();
  const tenancy = { run: (_: string, work: (tx: object) => unknown) => work({}) } as unknown as Tenancy;
  const sends = { receipts: (_: object, __: string, all: Receipt[]) => write(all.map(({ waMessageId }) => waMessageId)) };
  return { batches: new ReceiptBatches(tenancy, sends as unknown as SendQueue, { warn } as unknown as Log), warn };
}

test('what comes together is written together, one batch after the other', async () => {
  const first = deferred();
  const written: string[][] = [];
  const { batches } = setup((ids) => {
    written.push(ids);
    return written.length === 1 ? first.promise : Promise.resolve();
  });
  batches.add(CHANNEL, [receipt('a')]);
  batches.add(CHANNEL, [receipt('b')]);
  const flushed = batches.flush(CHANNEL.id);
  await vi.waitFor(() => expect(written).toEqual([['a', 'b']]));
  batches.add(CHANNEL, [receipt('c')]);
  const last = batches.flush(CHANNEL.id);
  expect(written).toHaveLength(1);
  first.resolve();
  await Promise.all([flushed, last]);
  expect(written).toEqual([['a', 'b'], ['c']]);
  await batches.flush(CHANNEL.id);
  await batches.flush('another');
  expect(written).toHaveLength(2);
});

test('nobody has to ask for it', async () => {
  const written: string[][] = [];
  const { batches } = setup((ids) => Promise.resolve(void written.push(ids)));
  batches.add(CHANNEL, [receipt('a')]);
  await vi.waitFor(() => expect(written).toEqual([['a']]));
});

test('a write that fails is tried again, and given up with a line in the log', async () => {
  const tries: string[][] = [];
  const { batches, warn } = setup((ids) => {
    tries.push(ids);
    return tries.length === 2 ? Promise.resolve() : Promise.reject(new Error('away'));
  });
  batches.add(CHANNEL, [receipt('a')]);
  await batches.flush(CHANNEL.id);
  expect(tries).toEqual([['a'], ['a']]);
  expect(warn).not.toHaveBeenCalled();
  batches.add(CHANNEL, [receipt('b')]);
  await batches.flush(CHANNEL.id);
  expect(tries.slice(2)).toEqual([['b'], ['b'], ['b']]);
  expect(warn).toHaveBeenCalledTimes(1);
});
