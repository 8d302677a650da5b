import { newId } from '@soko/common';
import { holdShards, integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { type Incoming, MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';

const PHONE = '+263771000001';
const said = (body: string, more: Partial<Incoming> = {}): Incoming => ({
  waMessageId: `wamid.${newId()}`,
  from: PHONE,
  content: { type: 'text', text: { body } },
  ...more,
});

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const merchantId = await house.shop();
  const channels = house.module.get(ChannelService);
  const channel = await channels.create(merchantId, { name: 'Shop', kind: 'simulator' });
  await holdShards(house.system);
  const store = house.module.get(MessageStore);
  const rows = <R extends object>(sql: string) => house.tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  return {
    ...house,
    merchantId,
    channels,
    channelId: channel.id,
    chats: house.module.get(ChatService),
    answers: house.module.get(AnswerQueue),
    rows,
    receive: (message: Incoming, channelId = channel.id) =>
      house.tenancy.run(merchantId, (tx) => store.receive(tx, channelId, message)),
    count: async (table: string) => (await rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]!.n,
  };
}

test('a message that is handed over 20 times at once is one message, one event and one answer to give', async () => {
  const { receive, count, rows, chats, merchantId, alarms } = await setup();
  const message = said('hi', { name: 'Rudo' });
  const fresh = await parallel(20, () => receive(message));
  expect(fresh.filter(Boolean)).toHaveLength(1);
  for (const table of ['contacts', 'chats', 'messages', 'message_ids', 'pending_answers'])
    expect(await count(table), table).toBe(1);
  const [event] = await rows<{ type: string; data: object }>('SELECT type, data FROM events');
  expect(await count('events')).toBe(1);
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  expect(chat).toMatchObject({
    unread: 1,
    contact: { phone: PHONE, name: 'Rudo' },
    lastMessage: { text: 'hi', status: 'received' },
  });
  expect(event).toEqual({
    type: 'message_received',
    data: {
      messageId: chat!.lastMessage!.id,
      chatId: chat!.id,
      channelId: chat!.channelId,
      messageType: 'text',
      text: 'hi',
      waMessageId: message.waMessageId,
      from: PHONE,
    },
  });
  expect(await alarms('inbound_processing', 1)).toEqual([{ merchantId, chatId: chat!.id }]);
  expect(await receive(message)).toBe(false);
  expect(await count('messages')).toBe(1);
});

test('a message that failed to be stored is new when it comes again', async () => {
  const { tenancy, merchantId, channelId, receive, module, count } = await setup();
  const message = said('hi');
  const broken = tenancy.run(merchantId, async (tx) => {
    await module.get(MessageStore).receive(tx, channelId, message);
    throw new Error('the process died');
  });
  await expect(broken).rejects.toThrow('the process died');
  expect(await count('message_ids')).toBe(0);
  expect(await receive(message)).toBe(true);
  expect(await count('events')).toBe(1);
});

test('two channels, and two merchants, may see the same WhatsApp id', async () => {
  const { receive, channels, merchantId, count, shop, tenancy, module } = await setup();
  const second = await channels.create(merchantId, { name: 'Second', kind: 'simulator' });
  const message = said('hi');
  expect(await receive(message)).toBe(true);
  expect(await receive(message, second.id)).toBe(true);
  expect(await Promise.all(['messages', 'chats', 'contacts'].map(count))).toEqual([2, 2, 1]);
  const other = await shop();
  const theirs = await channels.create(other, { name: 'Theirs', kind: 'simulator' });
  expect(await tenancy.run(other, (tx) => module.get(MessageStore).receive(tx, theirs.id, message))).toBe(true);
});

test('ten first messages of one customer at once: one contact, one chat, numbers 1 to 10 without a gap', async () => {
  const { receive, rows, chats, merchantId } = await setup();
  await parallel(10, (n) => receive(said(`message ${n}`, { name: 'Rudo' })));
  expect(await rows('SELECT phone, name FROM contacts')).toEqual([{ phone: PHONE, name: 'Rudo' }]);
  expect(await rows('SELECT last_seq, unread FROM chats')).toEqual([{ last_seq: 10, unread: 10 }]);
  const messages = await rows<{ id: string; seq: number }>('SELECT id, seq FROM messages ORDER BY seq');
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  expect(chat!.lastMessage!.id).toBe(messages.at(-1)!.id);
});

test('a customer’s new name is taken over; a message without a name leaves it', async () => {
  const { receive, rows } = await setup();
  const name = async () => (await rows<{ name: string | null }>('SELECT name FROM contacts'))[0]!.name;
  await receive(said('1'));
  expect(await name()).toBeNull();
  await receive(said('2', { name: 'Rudo' }));
  expect(await name()).toBe('Rudo');
  await receive(said('3'));
  expect(await name()).toBe('Rudo');
  await receive(said('4', { name: 'Rudo M.' }));
  expect(await name()).toBe('Rudo M.');
});

test('while a person has the chat, messages are stored and wake nobody', async () => {
  const { receive, chats, merchantId, count, queue, alarms } = await setup();
  await receive(said('1'));
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  await alarms('inbound_processing', 1);
  await queue('inbound_processing').obliterate({ force: true });
  await chats.handover(merchantId, chat!.id);
  await receive(said('2'));
  expect(await count('messages')).toBe(2);
  expect(await count('events')).toBe(2);
  expect(await count('pending_answers')).toBe(0);
  await chats.release(merchantId, chat!.id);
  await receive(said('3'));
  await alarms('inbound_processing', 1);
  expect(await count('pending_answers')).toBe(1);
});

test('what waited for the bot when a person took the chat is the person’s to answer', async () => {
  const { receive, chats, merchantId, count, answers, tenancy, rows } = await setup();
  await receive(said('1'));
  await receive(said('2'));
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  await chats.handover(merchantId, chat!.id);
  expect(await tenancy.run(merchantId, (tx) => answers.next(tx, chat!.id))).toBeUndefined();
  expect(await count('pending_answers')).toBe(0);
  expect(await rows('SELECT DISTINCT status FROM messages')).toEqual([{ status: 'received' }]);
});
