import { newId, NotFoundError } from '@soko/common';
import { holdShards, integration, parallel } from '@soko/testing';
import { v7 } from 'uuid';
import { expect, test } from 'vitest';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { type Incoming, MessageStore, type Outgoing } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import { SendQueue } from './send.queue.js';

const PHONE = '+263771000001';
const said = (body: string, more: Partial<Incoming> = {}): Incoming => ({
  waMessageId: `wamid.${newId()}`,
  from: { phone: PHONE },
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
      contactId: chat!.contact.id,
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
  // Two messages, and that the chat was taken.
  expect(await count('events')).toBe(3);
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

test('50 messages at once in one chat, of both directions: numbers and ids are both in the order of acceptance', async () => {
  const { receive, rows, tenancy, merchantId, module, channelId } = await setup();
  await receive(said('first'));
  const accepted: string[] = [];
  await parallel(50, (n) =>
    tenancy.run(merchantId, async (tx) => {
      if (n % 2 === 0) await module.get(MessageStore).receive(tx, channelId, said(`${n}`));
      else await module.get(MessageStore).queue(tx, { to: PHONE, content: { type: 'text', text: { body: `${n}` } } });
      accepted.push(`${n}`);
    }),
  );
  const bySeq = await rows<{ id: string; seq: number; text: string }>('SELECT id, seq, text FROM messages ORDER BY seq');
  expect(bySeq.map(({ seq }) => seq)).toEqual(Array.from({ length: 51 }, (_, n) => n + 1));
  expect(bySeq.map(({ text }) => text)).toEqual(['first', ...accepted]);
  expect(bySeq.map(({ id }) => id)).toEqual(bySeq.map(({ id }) => id).toSorted());
  // The time of a message is that in its id.
  expect(await rows('SELECT 1 FROM messages WHERE created_at <> uuid_extract_timestamp(id)')).toEqual([]);
});

test('a clock that was set back does not put a new message before those that are there', async () => {
  const { receive, rows, chats, merchantId } = await setup();
  await receive(said('first'));
  const ahead = v7({ msecs: Date.now() + 3_600_000 });
  await rows(`UPDATE chats SET last_message_id = '${ahead}'`);
  await receive(said('second'));
  await receive(said('third'));
  const ids = (await rows<{ id: string }>('SELECT id FROM messages ORDER BY seq')).map(({ id }) => id);
  expect(ids[1]! > ahead).toBe(true);
  expect(ids[2]! > ids[1]!).toBe(true);
  const [chat] = (await chats.list(merchantId, { limit: 1 })).data;
  const page = await chats.messages(merchantId, chat!.id, { limit: 10, offset: 0 });
  expect(page.data.map(({ text }) => text)).toEqual(['third', 'second', 'first']);
});

const text = (body: string) => ({ type: 'text', text: { body } });
const offering = (...titles: string[]) => ({
  type: 'buttons' as const,
  buttons: { body: 'Which?', buttons: titles.map((title, n) => ({ id: `option:${n + 1}`, title })) },
});

test('what is written back means what was offered last, until the bot answers without an offer', async () => {
  const { receive, rows, tenancy, merchantId, module } = await setup();
  const queue = (message: Partial<Outgoing>) =>
    tenancy.run(merchantId, (tx) =>
      module.get(MessageStore).queue(tx, { to: PHONE, content: { type: 'text', text: { body: 'text' } }, ...message }),
    );
  const contentOf = async (body: string) => {
    await receive(said(body));
    return (await rows<{ content: object }>('SELECT content FROM messages ORDER BY seq DESC LIMIT 1'))[0]!.content;
  };
  expect(await contentOf('2')).toEqual(text('2'));
  await queue({ content: offering('Apples', 'Pears') });
  expect(await contentOf('2')).toEqual({ type: 'reply', reply: { id: 'option:2', title: 'Pears', typed: '2' } });
  expect(await contentOf('aples')).toEqual({ type: 'reply', reply: { id: 'option:1', title: 'Apples', typed: 'aples' } });
  expect(await contentOf('3')).toEqual(text('3'));
  // News in between change nothing.
  await queue({});
  expect(await contentOf('1')).toMatchObject({ reply: { id: 'option:1' } });
  await queue({ content: offering('Red', 'Green'), answers: true });
  expect(await contentOf('green')).toMatchObject({ reply: { id: 'option:2', title: 'Green' } });
  await queue({ answers: true });
  expect(await contentOf('green')).toEqual(text('green'));
  // STOP is STOP, whatever is offered.
  await queue({ content: offering('Stop', 'Cancel') });
  expect(await contentOf('stop')).toEqual(text('stop'));
  expect(await contentOf('cancel')).toMatchObject({ reply: { id: 'option:2', typed: 'cancel' } });
  const [event] = await rows<{ data: object }>(
    `SELECT data FROM events WHERE type = 'message_received' ORDER BY id DESC LIMIT 1`,
  );
  expect(event!.data).toMatchObject({ messageType: 'reply', text: 'cancel' });
});

const UNREADABLE = { content: { type: 'unsupported', unsupported: { what: 'undecryptable' } } } as const;

test('a message that cannot be read yet is shown, tells nobody, and is filled in when it comes again', async () => {
  const { receive, rows, count, chats, merchantId, alarms } = await setup();
  const waMessageId = 'wamid.late';
  expect(await receive(said('', { waMessageId, ...UNREADABLE }))).toBe(true);
  expect(await receive(said('', { waMessageId, ...UNREADABLE }))).toBe(false);
  expect(await Promise.all(['events', 'pending_answers'].map(count))).toEqual([0, 0]);
  const [chat] = (await chats.list(merchantId, { limit: 1 })).data;
  expect(chat).toMatchObject({ unread: 1, lastMessage: { type: 'unsupported' } });
  await receive(said('after it', { waMessageId: 'wamid.next' }));
  const fresh = await parallel(5, () => receive(said('what it said', { waMessageId, media: { key: 'k' } })));
  expect(fresh.filter(Boolean)).toHaveLength(1);
  expect(await rows('SELECT text, type, content, media, seq FROM messages ORDER BY id')).toEqual([
    {
      text: 'what it said',
      type: 'text',
      content: { type: 'text', text: { body: 'what it said' } },
      media: { key: 'k' },
      seq: 1,
    },
    expect.objectContaining({ text: 'after it', seq: 2 }),
  ]);
  expect((await chats.list(merchantId, { limit: 1 })).data[0]!.unread).toBe(2);
  expect(await rows('SELECT seq FROM pending_answers ORDER BY seq')).toEqual([{ seq: 1 }, { seq: 2 }]);
  const events = await rows<{ data: { text: string; waMessageId: string } }>('SELECT data FROM events ORDER BY id');
  expect(events.map(({ data }) => data.text)).toEqual(['after it', 'what it said']);
  expect(events[1]!.data.waMessageId).toBe(waMessageId);
  await alarms('inbound_processing', 2);
  // Whatever comes for it now has come before.
  expect(await receive(said('another text', { waMessageId }))).toBe(false);
  expect(await receive(said('', { waMessageId, ...UNREADABLE }))).toBe(false);
  expect(await count('events')).toBe(2);
});

test('another kind of message that we do not know stays what it is', async () => {
  const { receive, count, rows } = await setup();
  const poll = { type: 'unsupported', unsupported: { what: 'poll' } } as const;
  await receive(said('', { waMessageId: 'wamid.poll', content: poll }));
  expect(await Promise.all(['events', 'pending_answers'].map(count))).toEqual([1, 1]);
  expect(await receive(said('text', { waMessageId: 'wamid.poll' }))).toBe(false);
  expect(await rows('SELECT type FROM messages')).toEqual([{ type: 'unsupported' }]);
});

test('what a message answers is known by our id, if we know it, and where its media lies is kept', async () => {
  const { receive, rows, channels, merchantId } = await setup();
  const second = await channels.create(merchantId, { name: 'Second', kind: 'simulator' });
  await receive(said('first', { waMessageId: 'wamid.1' }));
  await receive(said('answer', { replyTo: 'wamid.1', media: { url: 'https://mmg.whatsapp.net/x' } }));
  await receive(said('answer to what we never saw', { replyTo: 'wamid.0' }));
  await receive(said('on another channel', { replyTo: 'wamid.1' }), second.id);
  const messages = await rows<{ id: string; reply_to: string | null; media: object | null }>(
    'SELECT id, reply_to, media FROM messages ORDER BY id',
  );
  expect(messages.map(({ reply_to }) => reply_to)).toEqual([null, messages[0]!.id, null, null]);
  expect(messages.map(({ media }) => media)).toEqual([null, { url: 'https://mmg.whatsapp.net/x' }, null, null]);
});

test('what the merchant writes on the phone itself is stored once as sent: no bot, nothing to send, nothing unread', async () => {
  const { tenancy, merchantId, module, channelId, rows, count, chats } = await setup();
  const store = module.get(MessageStore);
  const message = said('from the phone', { waMessageId: 'wamid.own', name: 'The shop itself' });
  const fresh = await parallel(5, () => tenancy.run(merchantId, (tx) => store.sentElsewhere(tx, channelId, message)));
  expect(fresh.filter(Boolean)).toHaveLength(1);
  const [chat] = (await chats.list(merchantId, { limit: 1 })).data;
  expect(chat).toMatchObject({ unread: 0, contact: { phone: PHONE } });
  expect(chat!.contact.name).toBeUndefined();
  expect(await chats.message(merchantId, chat!.lastMessage!.id)).toMatchObject({
    direction: 'outbound',
    status: 'sent',
    text: 'from the phone',
    waMessageId: 'wamid.own',
    timeline: [{ status: 'sent' }],
  });
  expect(await Promise.all(['pending_sends', 'pending_answers', 'messages'].map(count))).toEqual([0, 0, 1]);
  expect(await rows('SELECT type, data FROM events')).toEqual([
    { type: 'message_sent', data: expect.objectContaining({ to: PHONE, waMessageId: 'wamid.own', text: 'from the phone' }) },
  ]);
  expect(await rows('SELECT begun_by = last_message_id AS begun FROM chats')).toEqual([{ begun: true }]);
});

test('what we have sent ourselves comes back as written on the phone, and is not stored again', async () => {
  const { tenancy, merchantId, module, channelId, system, rows, count } = await setup();
  const [store, sends] = [module.get(MessageStore), module.get(SendQueue)];
  const queued = await tenancy.run(merchantId, (tx) =>
    store.queue(tx, { to: PHONE, content: { type: 'text', text: { body: 'ours' } } }),
  );
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM channels');
  const lease = (await holdShards(system))(shard);
  const claim = await tenancy.run(merchantId, (tx) => sends.claim(tx, queued.chatId, lease, 'BAE'));
  const echo = said('ours', { waMessageId: claim!.waMessageId! });
  expect(await tenancy.run(merchantId, (tx) => store.sentElsewhere(tx, channelId, echo))).toBe(false);
  expect(await Promise.all(['messages', 'events'].map(count))).toEqual([1, 0]);
});

test('one that was written on the phone and could not be read is filled in too, and still no bot answers', async () => {
  const { tenancy, merchantId, module, channelId, rows, count } = await setup();
  const store = module.get(MessageStore);
  const write = (more: Partial<Incoming>) =>
    tenancy.run(merchantId, (tx) => store.sentElsewhere(tx, channelId, said('readable', { waMessageId: 'wamid.own', ...more })));
  expect(await write(UNREADABLE)).toBe(true);
  expect(await count('events')).toBe(0);
  expect(await write({})).toBe(true);
  expect(await write({})).toBe(false);
  expect(await rows('SELECT text, status FROM messages')).toEqual([{ text: 'readable', status: 'sent' }]);
  expect(await Promise.all(['events', 'pending_answers'].map(count))).toEqual([1, 0]);
});

test('a chat is written to by its id, on its own channel; one of another merchant is not found', async () => {
  const { receive, rows, channels, merchantId, tenancy, module, shop } = await setup();
  const second = await channels.create(merchantId, { name: 'Second', kind: 'simulator' });
  await receive(said('hi', { from: { lid: '1' } }), second.id);
  const [chat] = await rows<{ id: string }>('SELECT id FROM chats');
  const write = (merchant: string) =>
    tenancy.run(merchant, (tx) =>
      module.get(MessageStore).queue(tx, { to: { chatId: chat!.id }, content: { type: 'text', text: { body: 'hello' } } }),
    );
  expect(await write(merchantId)).toEqual({ id: expect.any(String), chatId: chat!.id, status: 'queued' });
  expect(await rows(`SELECT channel_id FROM messages WHERE direction = 'outbound'`)).toEqual([{ channel_id: second.id }]);
  await expect(write(await shop())).rejects.toThrow(NotFoundError);
});
