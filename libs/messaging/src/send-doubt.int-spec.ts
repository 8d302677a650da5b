import { holdShards, integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import type { Receipt } from './receipts.js';
import { type ClaimedSend, type SendOutcome, SendQueue } from './send.queue.js';

const PHONE = '+263771000001';
const DOUBT: SendOutcome = { kind: 'doubt', code: 'timeout', message: 'no answer in time' };
const AWAY = { kind: 'wait', code: 'channel_away', message: 'the channel is away' } as const;

/** Two messages wait in one chat of a channel whose network gives messages their ids. */
async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const [store, sends] = [module.get(MessageStore), module.get(SendQueue)];
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  const send = (body: string) =>
    tenancy.run(merchantId, (tx) => store.queue(tx, { to: PHONE, content: { type: 'text', text: { body } } }));
  const [first, second] = [await send('first'), await send('second')];
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM channels');
  const lease = (await holdShards(house.system))(shard);
  return {
    ...house,
    merchantId,
    channel,
    shard,
    first,
    second,
    rows,
    claim: () => tenancy.run(merchantId, (tx) => sends.claim(tx, first.chatId, lease)),
    settle: (claim: ClaimedSend | undefined, outcome: SendOutcome) =>
      tenancy.run(merchantId, (tx) => sends.settle(tx, claim!, outcome)),
    tell: (...receipts: Receipt[]) => tenancy.run(merchantId, (tx) => sends.receipts(tx, channel.id, receipts)),
    resume: () => tenancy.run(merchantId, (tx) => sends.resume(tx, channel.id)),
    message: (id: string) => module.get(ChatService).message(merchantId, id),
    /** As if so much time had passed since everything that has happened. */
    pass: (time: string) =>
      rows(
        `WITH states AS (UPDATE channel_states SET heard_at = heard_at - $1::interval)
         UPDATE pending_sends SET due_at = due_at - $1::interval, ring_at = ring_at - $1::interval,
                claimed_at = claimed_at - $1::interval, in_doubt_since = in_doubt_since - $1::interval`,
        [time],
      ),
    events: async () => (await rows<{ type: string }>('SELECT type FROM events ORDER BY id')).map(({ type }) => type),
    dueIn: async () =>
      (
        await rows<{ ms: number }>(
          'SELECT extract(epoch FROM due_at - now())::float8 * 1000 AS ms FROM pending_sends ORDER BY seq',
        )
      )[0]!.ms,
  };
}

/** The network says something about another message. */
const ABOUT_ANOTHER: Receipt = { waMessageId: 'wamid.other', status: 'delivered' };

test('a message in doubt holds the chat and is not tried again while the network says nothing, for a quarter of an hour', async () => {
  const { claim, settle, pass, first, message, rows } = await setup();
  await settle(await claim(), DOUBT);
  expect(await message(first.id)).toMatchObject({ status: 'sending', error: { code: 'timeout', message: 'no answer in time' } });
  for (const time of ['59 seconds', '2 minutes', '11 minutes 50 seconds']) {
    await pass(time);
    expect(await claim(), time).toBeUndefined();
  }
  expect(await rows('SELECT attempts FROM pending_sends ORDER BY seq')).toEqual([{ attempts: 1 }, { attempts: 0 }]);
  await pass('20 seconds');
  expect(await claim()).toMatchObject({ messageId: first.id, attempts: 2 });
  // In hand again, it is in doubt no more.
  expect(await rows('SELECT in_doubt_since FROM pending_sends ORDER BY seq')).toEqual([
    { in_doubt_since: null },
    { in_doubt_since: null },
  ]);
});

test('where the network has told of others since, a message in doubt is tried again after a minute', async () => {
  const { claim, settle, pass, tell, first } = await setup();
  await settle(await claim(), DOUBT);
  await pass('30 seconds');
  await tell(ABOUT_ANOTHER);
  expect(await claim()).toBeUndefined();
  await pass('31 seconds');
  expect(await claim()).toMatchObject({ messageId: first.id });
});

test('what the network told before the message was given away proves nothing', async () => {
  const { claim, settle, pass, tell } = await setup();
  await tell(ABOUT_ANOTHER);
  await settle(await claim(), DOUBT);
  await pass('2 minutes');
  expect(await claim()).toBeUndefined();
});

test('the network’s word ends the doubt: the message has gone out, once, and the chat goes on', async () => {
  const { claim, settle, tell, first, second, message, rows, events, alarms, queue, shard, merchantId } = await setup();
  const claimed = await claim();
  await settle(claimed, DOUBT);
  await alarms(`message_sending-${shard}`, 2);
  await queue(`message_sending-${shard}`).obliterate({ force: true });
  await tell({ waMessageId: 'wamid.1', messageId: first.id, status: 'delivered' });
  const detail = await message(first.id);
  expect(detail).toMatchObject({ status: 'delivered', waMessageId: 'wamid.1' });
  expect(detail.error).toBeUndefined();
  expect(await events()).toEqual(['message_sent']);
  expect(await rows('SELECT message_id FROM pending_sends')).toEqual([{ message_id: second.id }]);
  expect(await alarms(`message_sending-${shard}`, 1)).toEqual([{ merchantId, chatId: first.chatId, shard }]);
  // Known by WhatsApp's id from now on.
  await tell({ waMessageId: 'wamid.1', status: 'read' });
  expect((await message(first.id)).status).toBe('read');
  for (const outcome of [
    { kind: 'sent', waMessageId: 'wamid.1' },
    DOUBT,
    { kind: 'failed', code: 'late', message: 'late' },
  ] as const)
    await settle(claimed, outcome);
  expect(await events()).toEqual(['message_sent']);
  expect((await message(first.id)).status).toBe('read');
  expect((await claim())!.messageId).toBe(second.id);
});

test('the network’s word that it failed ends the doubt too', async () => {
  const { claim, settle, tell, first, second, message, events, rows } = await setup();
  await settle(await claim(), DOUBT);
  await tell({
    waMessageId: 'wamid.1',
    messageId: first.id,
    status: 'failed',
    error: { code: '131026', message: 'Message undeliverable' },
  });
  expect(await message(first.id)).toMatchObject({ status: 'failed', error: { code: '131026' } });
  expect(await events()).toEqual(['message_failed']);
  const [event] = await rows<{ data: object }>('SELECT data FROM events');
  expect(event!.data).toMatchObject({
    messageId: first.id,
    to: PHONE,
    code: '131026',
    reason: 'Message undeliverable',
    waMessageId: 'wamid.1',
  });
  expect((await claim())!.messageId).toBe(second.id);
});

test('doubts count as tries: at the eighth the message has failed', async () => {
  const { claim, settle, pass, first, message, events } = await setup();
  for (let n = 1; n <= 8; n += 1) {
    const claimed = await claim();
    expect(claimed).toMatchObject({ messageId: first.id, attempts: n });
    await settle(claimed, DOUBT);
    await pass('16 minutes');
  }
  expect((await message(first.id)).status).toBe('failed');
  expect(await events()).toEqual(['message_failed']);
});

test('a message that waits for its channel is tried as often as it takes, ever less often, and holds the chat', async () => {
  const { claim, settle, pass, dueIn, first, message } = await setup();
  const waits: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    const claimed = await claim();
    expect(claimed).toMatchObject({ messageId: first.id, attempts: 1 });
    await settle(claimed, AWAY);
    expect(await claim()).toBeUndefined();
    waits.push(await dueIn());
    await pass('75 seconds');
  }
  for (const [n, wait] of waits.entries()) {
    const expected = Math.min(2_000 * 2 ** n, 60_000);
    expect(wait).toBeGreaterThan(expected * 0.8 - 1_000);
    expect(wait).toBeLessThanOrEqual(expected * 1.2);
  }
  expect(await message(first.id)).toMatchObject({ status: 'sending', error: { code: 'channel_away' } });
});

test('who says for how long is believed, whether it counts as a try or not', async () => {
  const { claim, settle, dueIn, pass } = await setup();
  await settle(await claim(), { ...AWAY, afterMs: 500_000 });
  expect(await dueIn()).toBeGreaterThan(490_000);
  expect(await dueIn()).toBeLessThanOrEqual(500_000);
  await pass('10 minutes');
  await settle(await claim(), { kind: 'retry', code: 'busy', message: 'busy', afterMs: 4_000_000 });
  expect(await dueIn()).toBeGreaterThan(3_990_000);
  await pass('2 hours');
  expect(await claim()).toMatchObject({ attempts: 2 });
});

test('a channel that can send again does not hurry what waits for another reason', async () => {
  const { claim, settle, resume } = await setup();
  await settle(await claim(), { kind: 'retry', code: 'busy', message: 'busy', afterMs: 60_000 });
  await resume();
  expect(await claim()).toBeUndefined();
});

test('what waits for a channel is due, and its chat woken, as soon as the channel can send again', async () => {
  const { claim, settle, resume, first, alarms, queue, shard, merchantId } = await setup();
  await settle(await claim(), { ...AWAY, afterMs: 60_000 });
  await alarms(`message_sending-${shard}`, 2);
  await queue(`message_sending-${shard}`).obliterate({ force: true });
  expect(await claim()).toBeUndefined();
  await resume();
  expect(await alarms(`message_sending-${shard}`, 1)).toEqual([{ merchantId, chatId: first.chatId, shard }]);
  expect(await claim()).toMatchObject({ messageId: first.id });
});

test('the report of a sender that was taken for dead does not undo what its successor does', async () => {
  const { claim, settle, rows, message, first } = await setup();
  const late = await claim();
  const now = await claim();
  expect(now!.attempts).toBe(2);
  await settle(late, { kind: 'failed', code: 'closed', message: 'too late' });
  await settle(late, { kind: 'retry', code: 'closed', message: 'too late', afterMs: 1_000_000 });
  await settle(late, DOUBT);
  expect(await rows('SELECT due_at <= now() AS due, in_doubt_since FROM pending_sends ORDER BY seq LIMIT 1')).toEqual([
    { due: true, in_doubt_since: null },
  ]);
  expect((await message(first.id)).status).toBe('sending');
  await settle(late, { kind: 'sent', waMessageId: 'wamid.late' });
  await settle(now, { kind: 'sent', waMessageId: 'wamid.now' });
  expect(await rows(`SELECT wa_message_id FROM message_ids ORDER BY 1`)).toEqual([
    { wa_message_id: 'wamid.late' },
    { wa_message_id: 'wamid.now' },
  ]);
});
