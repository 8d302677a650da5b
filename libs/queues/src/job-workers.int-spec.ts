import { Injectable } from '@nestjs/common';
import { newId, workContext } from '@soko/common';
import { makePaymentLink, processOrder, type ProcessOrderJob, refundPayment, sendChat, type SendChatJob } from '@soko/contracts';
import { gate, type Gate, integration, until } from '@soko/testing';
import { expect, test } from 'vitest';
import { Handles } from './handler.registry.js';
import { JobWorkers } from './job-workers.js';

interface Handled<P> {
  payload: P;
  requestId?: string;
  at: number;
}

@Injectable()
class Orders {
  readonly handled: Handled<ProcessOrderJob>[] = [];
  /** How many more times handling fails. */
  failures = 0;

  @Handles(processOrder)
  async run(payload: ProcessOrderJob): Promise<void> {
    this.handled.push({ payload, requestId: workContext.requestId, at: performance.now() });
    if (this.failures-- > 0) throw new Error('not this time');
  }

  /* The other jobs of the queue: whoever serves the one must handle the others. */
  @Handles(makePaymentLink)
  async link(): Promise<void> {}
  @Handles(refundPayment)
  async refund(): Promise<void> {}
}

@Injectable()
class Sender {
  readonly started: SendChatJob[] = [];
  readonly ended: SendChatJob[] = [];
  hold?: Gate;

  @Handles(sendChat)
  async run(payload: SendChatJob): Promise<void> {
    this.started.push(payload);
    await this.hold?.opened;
    this.ended.push(payload);
  }
}

async function setup() {
  const house = await integration({ serves: ['order_processing'], providers: [Orders] });
  const merchantId = await house.shop();
  return {
    ...house,
    merchantId,
    orders: house.module.get(Orders),
    ring: (...payloads: ProcessOrderJob[]) =>
      house.tenancy.run(merchantId, async (tx) => {
        for (const payload of payloads) tx.wake(processOrder, payload);
      }),
    failed: () => house.queue('order_processing').getFailed(),
  };
}

test('an alarm reaches its handler with its payload and the request that led to it', async () => {
  const { merchantId, orders, ring } = await setup();
  const payload = { merchantId, orderId: newId() };
  await workContext.run({ requestId: 'request-7' }, () => ring(payload));
  await until('the alarm', () => orders.handled.length > 0);
  expect(orders.handled).toEqual([{ payload, requestId: 'request-7', at: expect.any(Number) }]);
  await ring({ merchantId, orderId: newId() });
  await until('the second alarm', () => orders.handled.length > 1);
  // Work without a request gets an id of its own, so that its log lines can be told apart.
  expect(orders.handled[1]!.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test('the same alarm twice in one commit is one job', async () => {
  const { tenancy, shop, alarms } = await integration({});
  const merchantId = await shop();
  const [one, two] = [newId(), newId()].map((orderId) => ({ merchantId, orderId }));
  await tenancy.run(merchantId, async (tx) => {
    for (const payload of [one!, two!, one!, one!, two!]) tx.wake(processOrder, payload);
  });
  expect(await alarms('order_processing', 2)).toEqual([one, two]);
});

test('more alarms than fit into one batch all arrive', async () => {
  const { merchantId, orders, ring } = await setup();
  const payloads = Array.from({ length: 1_203 }, () => ({ merchantId, orderId: newId() }));
  await ring(...payloads);
  await until('all alarms', () => orders.handled.length === payloads.length);
  expect(new Set(orders.handled.map(({ payload }) => payload.orderId))).toEqual(new Set(payloads.map(({ orderId }) => orderId)));
});

test('a handler that throws is tried again after a wait', async () => {
  const { merchantId, orders, ring, failed, queue } = await setup();
  orders.failures = 2;
  await ring({ merchantId, orderId: newId() });
  await until('the third try', () => orders.handled.length === 3);
  const [first, second, third] = orders.handled.map(({ at }) => at);
  // 500 ms and 1 s, less a jitter of up to half.
  expect(second! - first!).toBeGreaterThanOrEqual(240);
  expect(third! - second!).toBeGreaterThanOrEqual(490);
  await until('the job to be done', async () => (await queue('order_processing').getActiveCount()) === 0);
  expect(await failed()).toEqual([]);
});

test('a job that fails to the end is kept, with its error, and the next one is handled', async () => {
  const { merchantId, orders, ring, failed } = await setup();
  orders.failures = 3;
  const payload = { merchantId, orderId: newId() };
  await ring(payload);
  const [job] = await until('the failed job', async () => (await failed()).length > 0 && failed());
  expect(orders.handled).toHaveLength(3);
  expect(job).toMatchObject({ failedReason: 'not this time', attemptsMade: 3, data: { payload } });
  const next = { merchantId, orderId: newId() };
  await ring(next);
  await until('the next job', () => orders.handled.at(-1)!.payload.orderId === next.orderId);
});

test('alarms of one kind that ring together share a job: each keeps its request, and one that fails holds no other back', async () => {
  const { merchantId, orders, tenancy, failed } = await setup();
  const rung = ['a', 'b', 'c'].map((requestId) => ({ requestId, payload: { merchantId, orderId: newId() } }));
  orders.failures = 1;
  await tenancy.run(merchantId, async (tx) => {
    for (const { requestId, payload } of rung) workContext.run({ requestId }, () => tx.wake(processOrder, payload));
  });
  await until('the second try of the job', () => orders.handled.length === 6);
  const handled = orders.handled.map(({ requestId, payload }) => ({ requestId, payload }));
  // All of it once more: who is done finds nothing left to do.
  expect(handled).toEqual([...rung, ...rung]);
  expect(await failed()).toEqual([]);
});

test('a bad payload, or a job that nobody knows, fails alone', async () => {
  const { merchantId, orders, ring, failed, queue } = await setup();
  const bad = [
    { merchantId },
    { merchantId, orderId: 'x' },
    { merchantId, orderId: newId(), secret: 'not in the payload’s class' },
    null,
  ];
  for (const payload of bad) await queue('order_processing').add(processOrder.name, { payload }, { attempts: 1 });
  await queue('order_processing').add('no-such-job', { payload: { merchantId, orderId: newId() } }, { attempts: 1 });
  const good = { merchantId, orderId: newId() };
  await ring(good);
  const jobs = await until('the bad ones', async () => (await failed()).length === bad.length + 1 && failed());
  await until('the good one', () => orders.handled.length > 0);
  expect(orders.handled.map(({ payload }) => payload)).toEqual([good]);
  expect(jobs.map(({ failedReason }) => failedReason).toSorted()).toEqual([
    expect.stringMatching(/JSON object/),
    expect.stringMatching(/no handler for job no-such-job/),
    expect.stringMatching(/orderId must be a UUID/),
    expect.stringMatching(/orderId must be a UUID/),
    expect.stringMatching(/secret should not exist/),
  ]);
});

test('an app that does not handle a job of a queue that it serves does not start, nor one with a stray handler', async () => {
  await expect(integration({ serves: ['order_processing'] })).rejects.toThrow(/no handler for process-order/);
  await expect(integration({ providers: [Orders] })).rejects.toThrow(/handlers for process-order/);
  await expect(
    integration({ serves: ['order_processing'], providers: [Orders, { provide: 'again', useClass: Orders }] }),
  ).rejects.toThrow(/process-order has two handlers/);
});

test('only an open lane is served; closing it waits for the job at hand and takes no more', async () => {
  const { module, tenancy, shop, alarms } = await integration({
    serves: ['message_sending'],
    laned: ['message_sending'],
    providers: [Sender],
  });
  const [workers, sender] = [module.get(JobWorkers), module.get(Sender)];
  const merchantId = await shop();
  const ring = (shard: number) => {
    const payload = { merchantId, chatId: newId(), shard };
    return tenancy.run(merchantId, async (tx) => tx.wake(sendChat, payload)).then(() => payload);
  };
  const [zero, one] = [await ring(0), await ring(1)];
  await Promise.all([alarms('message_sending-0', 1), alarms('message_sending-1', 1)]);
  workers.openLane('message_sending', 1);
  workers.openLane('message_sending', 1);
  await until('the job of the open lane', () => sender.ended.length > 0);
  expect(sender.ended).toEqual([one]);
  expect(await alarms('message_sending-0', 1)).toEqual([zero]);

  sender.hold = gate();
  const atHand = await ring(1);
  await until('the job at hand', () => sender.started.length === 2);
  let closed = false;
  const closing = workers.closeLane('message_sending', 1).then(() => (closed = true));
  const late = await ring(1);
  expect(closed).toBe(false);
  sender.hold.open();
  await closing;
  // The worker may have reached for a job just before it was closed: that one is at hand, too.
  const reached = sender.ended.slice(2);
  expect([[], [late]]).toContainEqual(reached);
  expect(sender.ended.slice(0, 2)).toEqual([one, atHand]);
  const after = await ring(1);
  const left = [late, after].slice(reached.length);
  expect(await alarms('message_sending-1', left.length)).toEqual(left);
  await workers.closeLane('message_sending', 1);
  await workers.closeLane('message_sending', 3);

  workers.openLane('message_sending', 1);
  await until('the lane to be served again', () => sender.ended.length === 4);
  expect(sender.ended).toEqual(expect.arrayContaining([one, atHand, late, after]));
});
