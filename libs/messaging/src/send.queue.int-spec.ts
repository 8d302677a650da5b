import { holdShards, integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import { type ClaimedSend, type Lease, type SendOutcome, SendQueue } from './send.queue.js';

const PHONE = '+263771000001';
const BUSY: SendOutcome = { kind: 'retry', code: 'busy', message: 'try later' };

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const store = module.get(MessageStore);
  const sends = module.get(SendQueue);
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const send = (body: string) =>
    tenancy.run(merchantId, (tx) => store.queue(tx, { to: PHONE, content: { type: 'text', text: { body } } }));
  const first = await send('first');
  const second = await send('second');
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM channels');
  const lease = (await holdShards(house.system))(shard);
  return {
    ...house,
    merchantId,
    first,
    second,
    lease,
    rows,
    claim: (by: Lease = lease, ownId: string | undefined = 'sim.') =>
      tenancy.run(merchantId, (tx) => sends.claim(tx, first.chatId, by, ownId)),
    settle: (claim: ClaimedSend | undefined, outcome: SendOutcome) =>
      tenancy.run(merchantId, (tx) => sends.settle(tx, claim!, outcome)),
    message: (id: string) => module.get(ChatService).message(merchantId, id),
    makeDue: () => rows('UPDATE pending_sends SET due_at = now()'),
  };
}

test('a message is claimed only under the living lease of the holder, with its fence', async () => {
  const { claim, lease, system, rows, first } = await setup();
  expect(await claim({ ...lease, fence: lease.fence - 1 })).toBeUndefined();
  expect(await claim({ ...lease, fence: lease.fence + 1 })).toBeUndefined();
  expect(await claim({ ...lease, holder: 'gateway-2' })).toBeUndefined();
  expect(await claim({ ...lease, shard: (lease.shard + 1) % 4, holder: 'gateway-2' })).toBeUndefined();
  await holdShards(system, { seconds: -1 });
  expect(await claim()).toBeUndefined();
  expect(await rows('SELECT DISTINCT attempts FROM pending_sends')).toEqual([{ attempts: 0 }]);
  expect(await rows('SELECT DISTINCT status FROM messages')).toEqual([{ status: 'queued' }]);
  await holdShards(system);
  expect(await claim()).toMatchObject({ messageId: first.id });
});

test('a claim carries what the transport needs, and is marked as being sent', async () => {
  const { claim, first, message } = await setup();
  const claimed = await claim();
  expect(claimed).toEqual({
    messageId: first.id,
    chatId: first.chatId,
    channelId: expect.any(String),
    seq: 1,
    to: PHONE,
    content: { type: 'text', text: { body: 'first' } },
    waMessageId: `sim.${first.id}`,
    attempts: 1,
  });
  const detail = await message(first.id);
  expect(detail.status).toBe('sending');
  expect(detail.timeline.map(({ status }) => status)).toEqual(['queued', 'sending']);
});

test('a message whose sender died is claimed again under the same id on the wire', async () => {
  const { claim, first, system, message } = await setup();
  expect((await claim())!.waMessageId).toBe(`sim.${first.id}`);
  const successor = (await holdShards(system, { holder: 'gateway-2', fence: 2 }))(0);
  expect(await claim()).toBeUndefined();
  const [{ shard } = { shard: -1 }] = await system.run((tx) => tx.query<{ shard: number }>('SELECT shard FROM channels'));
  const again = await claim({ ...successor, shard });
  expect(again).toMatchObject({ messageId: first.id, waMessageId: `sim.${first.id}`, attempts: 2 });
  expect((await message(first.id)).timeline.map(({ status }) => status)).toEqual(['queued', 'sending']);
});

test('a transport that names messages itself: the id is known once the message is sent', async () => {
  const { tenancy, merchantId, module, first, lease, settle, message } = await setup();
  const claimed = await tenancy.run(merchantId, (tx) => module.get(SendQueue).claim(tx, first.chatId, lease));
  expect(claimed!.waMessageId).toBeNull();
  await settle(claimed, { kind: 'sent', waMessageId: 'wamid.meta' });
  expect(await message(first.id)).toMatchObject({ status: 'sent', waMessageId: 'wamid.meta' });
  await tenancy.run(merchantId, (tx) => module.get(SendQueue).receipt(tx, claimed!.channelId, 'wamid.meta', 'delivered'));
  expect((await message(first.id)).status).toBe('delivered');
});

test('messages leave in order: the next one can be claimed when the one before is settled', async () => {
  const { claim, settle, first, second, message, rows } = await setup();
  const one = await claim();
  await settle(one, { kind: 'sent', waMessageId: one!.waMessageId! });
  const two = await claim();
  expect([one!.messageId, two!.messageId]).toEqual([first.id, second.id]);
  await settle(two, { kind: 'sent', waMessageId: two!.waMessageId! });
  expect(await claim()).toBeUndefined();
  expect(await rows('SELECT * FROM pending_sends')).toEqual([]);
  expect((await message(first.id)).timeline.map(({ status }) => status)).toEqual(['queued', 'sending', 'sent']);
});

test('sent, however often it is reported, is one event', async () => {
  const { claim, settle, rows, first, message } = await setup();
  const claimed = await claim();
  await parallel(5, () => settle(claimed, { kind: 'sent', waMessageId: `sim.${first.id}` }));
  await settle(claimed, BUSY);
  await settle(claimed, { kind: 'failed', code: 'late', message: 'a report that comes too late' });
  expect(await rows('SELECT type, data FROM events')).toEqual([
    {
      type: 'message_sent',
      data: {
        messageId: first.id,
        chatId: first.chatId,
        channelId: claimed!.channelId,
        messageType: 'text',
        text: 'first',
        waMessageId: `sim.${first.id}`,
        to: PHONE,
      },
    },
  ]);
  const detail = await message(first.id);
  expect(detail.status).toBe('sent');
  expect(detail.error).toBeUndefined();
});

test('a message that waits for its next try holds back those behind it, and says why', async () => {
  const { claim, settle, makeDue, first, message, rows } = await setup();
  await settle(await claim(), BUSY);
  expect(await claim()).toBeUndefined();
  const [wait] = await rows<{ ms: number; same: boolean }>(
    'SELECT extract(epoch FROM due_at - now())::float8 * 1000 AS ms, due_at = ring_at AS same FROM pending_sends WHERE seq = 1',
  );
  expect(wait!.same).toBe(true);
  expect(wait!.ms).toBeGreaterThan(300);
  expect(wait!.ms).toBeLessThanOrEqual(1_200);
  expect((await message(first.id)).error).toEqual({ code: 'busy', message: 'try later' });
  await makeDue();
  const again = await claim();
  expect(again).toMatchObject({ messageId: first.id, attempts: 2 });
  await settle(again, { kind: 'sent', waMessageId: again!.waMessageId! });
  const detail = await message(first.id);
  expect(detail.status).toBe('sent');
  expect(detail.error).toBeUndefined();
});

test('a message that cannot be sent fails at once, and the chat goes on', async () => {
  const { claim, settle, first, second, message, rows } = await setup();
  await settle(await claim(), { kind: 'failed', code: 'no_whatsapp', message: 'the number is not on WhatsApp' });
  const detail = await message(first.id);
  expect(detail).toMatchObject({ status: 'failed', error: { code: 'no_whatsapp' } });
  expect(detail.timeline.map(({ status }) => status)).toEqual(['queued', 'sending', 'failed']);
  expect(await rows('SELECT * FROM events')).toEqual([]);
  expect((await claim())!.messageId).toBe(second.id);
});

test('after the eighth try a message has failed, and the chat goes on', async () => {
  const { claim, settle, makeDue, first, second, message } = await setup();
  const tries: number[] = [];
  for (let n = 0; n < 8; n += 1) {
    expect((await message(first.id)).status).toBe(n === 0 ? 'queued' : 'sending');
    await makeDue();
    const claimed = await claim();
    expect(claimed!.messageId).toBe(first.id);
    tries.push(claimed!.attempts);
    await settle(claimed, BUSY);
  }
  expect(tries).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await message(first.id)).toMatchObject({ status: 'failed', error: { code: 'busy', message: 'try later' } });
  expect((await claim())!.messageId).toBe(second.id);
});
