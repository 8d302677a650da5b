import { newId, validateInput } from '@soko/common';
import { getMetadataStorage } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { allJobs, defineJob, QUEUES } from './job.js';
import { ProcessOrderJob, sendChat } from './jobs.js';

const fieldsOf = (payload: new () => object): string[] => [
  ...new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(payload, '', false, false)
      .map((rule) => rule.propertyName),
  ),
];
/** A payload with a value of the right kind in each field. */
const exampleOf = (payload: new () => object): Record<string, unknown> =>
  Object.fromEntries(
    fieldsOf(payload).map((field) => [field, field === 'shard' ? 3 : ['reaction', 'subject'].includes(field) ? 'x' : newId()]),
  );

describe('the catalogue', () => {
  it('has unique names and known queues', () => {
    const names = allJobs().map((job) => job.name);
    expect(names).toContain('process-order');
    expect(new Set(names).size).toBe(names.length);
    for (const job of allJobs()) expect(QUEUES).toContain(job.queue);
  });

  it('refuses a second job of the same name', () => {
    expect(() =>
      defineJob('process-order', {
        queue: 'order_processing',
        payload: ProcessOrderJob,
        due: { table: 'orders', ids: { merchantId: 'merchant_id', orderId: 'id' } },
      }),
    ).toThrow(/process-order is defined twice/);
  });

  it('has work for every queue', () => {
    expect(new Set(allJobs().map((job) => job.queue))).toEqual(new Set(QUEUES));
  });
});

describe.each(allJobs().map((job) => [job.name, job] as const))('%s', (_, job) => {
  const example = exampleOf(job.payload);

  it('finds its rows again by the very ids that its payload carries', () => {
    expect(Object.keys(job.due.ids).toSorted()).toEqual(fieldsOf(job.payload).toSorted());
    expect(Object.keys(job.due.ids)).toContain('merchantId');
    for (const column of [job.due.table, ...Object.values(job.due.ids)]) expect(column).toMatch(/^[a-z_]+$/);
  });

  it('carries ids only', () => {
    expect(validateInput(job.payload, example)).toEqual(example);
    for (const value of Object.values(example)) expect(['string', 'number']).toContain(typeof value);
  });

  it.each(fieldsOf(job.payload))('takes nothing nested, and nothing missing, as %s', (field) => {
    for (const wrong of [{ id: 1 }, [newId()], null, undefined])
      expect(() => validateInput(job.payload, { ...example, [field]: wrong })).toThrow(expect.objectContaining({ status: 422 }));
  });

  it('takes no field that it does not know', () => {
    expect(() => validateInput(job.payload, { ...example, body: 'Hello' })).toThrow(expect.objectContaining({ status: 422 }));
  });
});

describe('send-chat', () => {
  it("goes into the lane of its chat's shard", () => {
    expect(sendChat.lane!({ merchantId: newId(), chatId: newId(), shard: 3 })).toBe(3);
  });

  it.each([-1, 1.5, '1'])('has no shard %j', (shard) => {
    expect(() => validateInput(sendChat.payload, { ...exampleOf(sendChat.payload), shard })).toThrow(
      expect.objectContaining({ status: 422 }),
    );
  });
});
