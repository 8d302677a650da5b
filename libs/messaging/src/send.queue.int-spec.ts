import { holdShards, integration, parallel, ownIdOf } from '@soko/testing';
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
    send,
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
    contactId: expect.any(String),
    to: { phone: PHONE },
    content: { type: 'text', text: { body: 'first' } },
    cloudTemplate: null,
    category: 'utility',
    waMessageId: ownIdOf(first.id),
    attempts: 1,
    replyTo: null,
    lastInboundAt: null,
    begun: false,
    readMark: null,
    refused: null,
  });
  const detail = await message(first.id);
  expect(detail.status).toBe('sending');
  expect(detail.timeline.map(({ status }) => status)).toEqual(['queued', 'sending']);
});

test('a message whose sender died is claimed again under the same id on the wire', async () => {
  const { claim, first, system, message } = await setup();
  expect((await claim())!.waMessageId).toBe(ownIdOf(first.id));
  const successor = (await holdShards(system, { holder: 'gateway-2', fence: 2 }))(0);
  expect(await claim()).toBeUndefined();
  const [{ shard } = { shard: -1 }] = await system.run((tx) => tx.query<{ shard: number }>('SELECT shard FROM channels'));
  const again = await claim({ ...successor, shard });
  expect(again).toMatchObject({ messageId: first.id, waMessageId: ownIdOf(first.id), attempts: 2 });
  expect((await message(first.id)).timeline.map(({ status }) => status)).toEqual(['queued', 'sending']);
});

test('a transport that names messages itself: the id is known once the message is sent', async () => {
  const { tenancy, merchantId, module, first, lease, settle, message } = await setup();
  const claimed = await tenancy.run(merchantId, (tx) => module.get(SendQueue).claim(tx, first.chatId, lease));
  expect(claimed!.waMessageId).toBeNull();
  await settle(claimed, { kind: 'sent', waMessageId: 'wamid.meta' });
  expect(await message(first.id)).toMatchObject({ status: 'sent', waMessageId: 'wamid.meta' });
  await tenancy.run(merchantId, (tx) =>
    module.get(SendQueue).receipt(tx, claimed!.channelId, { waMessageId: 'wamid.meta', status: 'delivered' }),
  );
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
  await parallel(5, () => settle(claimed, { kind: 'sent', waMessageId: ownIdOf(first.id) }));
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
        waMessageId: ownIdOf(first.id),
        contactId: claimed!.contactId,
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
  expect(await rows('SELECT type, data FROM events')).toEqual([
    {
      type: 'message_failed',
      data: {
        messageId: first.id,
        chatId: first.chatId,
        channelId: expect.any(String),
        messageType: 'text',
        text: 'first',
        contactId: expect.any(String),
        to: PHONE,
        code: 'no_whatsapp',
        reason: 'the number is not on WhatsApp',
      },
    },
  ]);
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

test('a claim tells when the customer last wrote, what the message answers, and what they are to see as read, once', async () => {
  const { claim, settle, tenancy, merchantId, module, first, rows } = await setup();
  const [{ channel_id: channelId } = { channel_id: '' }] = await rows<{ channel_id: string }>('SELECT channel_id FROM chats');
  const store = module.get(MessageStore);
  const said = { from: { phone: PHONE, lid: '1' }, content: { type: 'text' as const, text: { body: 'hi' } } };
  await tenancy.run(merchantId, (tx) => store.receive(tx, channelId, { waMessageId: 'wamid.theirs', ...said }));
  await module.get(ChatService).markRead(merchantId, first.chatId);
  const [theirs] = await rows<{ id: string; created_at: Date }>(
    `SELECT id, created_at FROM messages WHERE direction = 'inbound'`,
  );
  const answer = (replyTo: string) =>
    tenancy.run(merchantId, (tx) => store.queue(tx, { to: PHONE, replyTo, content: { type: 'text', text: { body: 'answer' } } }));
  await answer(theirs!.id);
  await answer(first.id);
  const one = await claim();
  expect(one).toMatchObject({ readMark: 'wamid.theirs', replyTo: null, to: { phone: PHONE, lid: '1' } });
  expect(Math.abs(one!.lastInboundAt!.getTime() - theirs!.created_at.getTime())).toBeLessThan(1_000);
  await settle(one, { kind: 'sent', waMessageId: one!.waMessageId! });
  const two = await claim();
  expect(two).toMatchObject({ readMark: null });
  await settle(two, { kind: 'sent', waMessageId: two!.waMessageId! });
  const toTheirs = await claim();
  expect(toTheirs!.replyTo).toEqual({ waMessageId: 'wamid.theirs', fromUs: false, text: 'hi' });
  await settle(toTheirs, { kind: 'sent', waMessageId: toTheirs!.waMessageId! });
  expect((await claim())!.replyTo).toEqual({ waMessageId: one!.waMessageId, fromUs: true, text: 'first' });
});

test('a chat has begun when a message of ours has gone out in it, and not by one that failed', async () => {
  const { claim, settle, makeDue, send } = await setup();
  const one = await claim();
  expect(one!.begun).toBe(false);
  await settle(one, BUSY);
  await makeDue();
  const again = await claim();
  expect(again).toMatchObject({ messageId: one!.messageId, begun: false });
  await settle(again, { kind: 'failed', code: 'no', message: 'no' });
  const two = await claim();
  expect(two!.begun).toBe(false);
  await settle(two, { kind: 'sent', waMessageId: two!.waMessageId! });
  await send('third');
  const three = await claim();
  expect(three!.begun).toBe(true);
  await settle(three, { kind: 'failed', code: 'no', message: 'no' });
  await send('fourth');
  expect((await claim())!.begun).toBe(true);
});
