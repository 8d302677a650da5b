import { newId } from '@soko/common';
import { allJobs, type JobDef, processOrder, QUEUES, sendChat } from '@soko/contracts';
import { describe, expect, it } from 'vitest';
import { allQueueNames, laneName, queueOf } from './queue-names.js';

const job = (def: unknown): JobDef => def as JobDef;

describe('queueOf', () => {
  it("is the queue's own name where there are no lanes", () => {
    expect(queueOf(job(processOrder), { merchantId: newId(), orderId: newId() })).toBe('order_processing');
  });

  it('is the lane of the payload where there are', () => {
    expect(queueOf(job(sendChat), { merchantId: newId(), chatId: newId(), shard: 0 })).toBe('message_sending-0');
    expect(queueOf(job(sendChat), { merchantId: newId(), chatId: newId(), shard: 7 })).toBe('message_sending-7');
  });
});

describe('allQueueNames', () => {
  it('has every queue once, and one lane per shard for sending', () => {
    expect(allQueueNames(2)).toEqual([
      'message_sending-0',
      'message_sending-1',
      'inbound_processing',
      'order_processing',
      'webhook_delivery',
      'media_processing',
      'maintenance',
    ]);
  });

  it.each([1, 2, 16])('with %d shards holds the physical queue of every job', (shards) => {
    const names = allQueueNames(shards);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(QUEUES.length - 1 + shards);
    for (const each of allJobs())
      for (let shard = 0; shard < shards; shard += 1) expect(names).toContain(queueOf(each, { shard }));
  });

  it('has no colon in any name: BullMQ keeps that for itself', () => {
    expect(allQueueNames(3).filter((name) => name.includes(':'))).toEqual([]);
    expect(laneName('message_sending', 2)).toBe('message_sending-2');
  });
});
