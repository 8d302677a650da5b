import { newId, NotFoundError, type Page, idFloor, timeOf } from '@soko/common';
import { integration } from '@soko/testing';
import * as fc from 'fast-check';
import { v7 } from 'uuid';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import type { ChatView } from './chat.dto.js';
import { ChatService } from './chat.service.js';
import { MessageStore } from './message.store.js';
import { windowsBelow } from './message-window.js';
import { MessagingModule } from './messaging.module.js';

const phone = (n: number) => `+26377100${String(n).padStart(4, '0')}`;

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const [chats, store] = [module.get(ChatService), module.get(MessageStore)];
  const list = async (query: Partial<Parameters<ChatService['list']>[1]> = {}) => chats.list(merchantId, { limit: 50, ...query });
  return {
    ...house,
    merchantId,
    chats,
    list,
    phones: async (query: Parameters<typeof list>[0]) => (await list(query)).data.map(({ contact }) => contact.phone),
    messages: (chatId: string, query: Partial<Parameters<ChatService['messages']>[2]> = {}) =>
      chats.messages(merchantId, chatId, { limit: 50, offset: 0, ...query }),
    receive: (n: number, body = 'hi', name?: string) =>
      tenancy.run(merchantId, (tx) =>
        store.receive(tx, channel.id, {
          waMessageId: newId(),
          from: { phone: phone(n) },
          name,
          content: { type: 'text', text: { body } },
        }),
      ),
    rows: <R extends object>(sql: string, values: unknown[] = []) => tenancy.run(merchantId, (tx) => tx.query<R>(sql, values)),
    send: (n: number, body: string) =>
      tenancy.run(merchantId, (tx) => store.queue(tx, { to: phone(n), content: { type: 'text', text: { body } } })),
  };
}

/** A message of the past: $1 chat, $2 its id, $3 its text. */
const insertAt = `
  INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, created_at)
  SELECT merchant_id, $2::uuid, id, channel_id, last_seq, 'inbound', 'text', '{}', $3, 'received', '[]', uuid_extract_timestamp($2::uuid)
  FROM chats WHERE id = $1`;

/** One chat with so many messages. */
async function withConversation(count: number) {
  const house = await setup();
  await house.receive(1, 'first of all');
  await house.rows('DELETE FROM pending_answers');
  await house.rows('DELETE FROM messages');
  for (let n = 1; n <= count; n += 1) await house.receive(1, `message ${n}`);
  const [chat] = (await house.list()).data;
  return { ...house, chatId: chat!.id };
}

test('chats come with their customer, what is unread and what was said last, newest activity first', async () => {
  const { receive, send, list } = await setup();
  await receive(1, 'one', 'Rudo');
  await receive(2, 'two');
  await receive(2, 'three');
  await send(1, 'an answer');
  expect((await list()).data).toEqual([
    {
      id: expect.any(String),
      channelId: expect.any(String),
      contact: { id: expect.any(String), phone: phone(1), name: 'Rudo' },
      unread: 1,
      handover: false,
      lastMessage: expect.objectContaining({ direction: 'outbound', text: 'an answer', status: 'queued' }),
      lastMessageAt: expect.any(String),
    },
    expect.objectContaining({
      contact: { id: expect.any(String), phone: phone(2) },
      unread: 2,
      lastMessage: expect.objectContaining({ direction: 'inbound', text: 'three', status: 'received' }),
    }),
  ]);
});

test('chats are searched by part of a name, in any case, or of a number; wildcards are letters', async () => {
  const { receive, phones } = await setup();
  await receive(1, 'hi', 'Rudo Moyo');
  await receive(2, 'hi', '100% Tariro_M');
  await receive(3);
  expect(await phones({ q: 'rudo' })).toEqual([phone(1)]);
  expect(await phones({ q: 'MOY' })).toEqual([phone(1)]);
  expect(await phones({ q: '0003' })).toEqual([phone(3)]);
  expect(await phones({ q: '%' })).toEqual([phone(2)]);
  expect(await phones({ q: '_' })).toEqual([phone(2)]);
  expect(await phones({ q: 'nobody' })).toEqual([]);
  expect(await phones({ q: '+26377' })).toHaveLength(3);
});

test('chats are filtered by what is unread and by who has them', async () => {
  const { receive, list, phones, chats, merchantId } = await setup();
  for (const n of [1, 2, 3]) await receive(n);
  const idOf = async (n: number) => (await list({ q: phone(n) })).data[0]!.id;
  await chats.markRead(merchantId, await idOf(1));
  await chats.handover(merchantId, await idOf(2));
  expect(await phones({ status: 'unread' })).toEqual([phone(3), phone(2)]);
  expect(await phones({ status: 'handover' })).toEqual([phone(2)]);
  expect((await list({ status: 'handover' })).data[0]!.handover).toBe(true);
  await chats.release(merchantId, await idOf(2));
  expect(await phones({ status: 'handover' })).toEqual([]);
  await receive(1);
  expect((await list({ q: phone(1) })).data[0]!.unread).toBe(1);
  await receive(1);
  expect((await list({ q: phone(1) })).data[0]!.unread).toBe(2);
});

test('paging through chats shows each one once, and none is left out, while new messages arrive', async () => {
  const { receive, list, tenancy, merchantId } = await setup();
  for (let n = 1; n <= 23; n += 1) await receive(n);
  // Several of the same moment: the id decides.
  await tenancy.run(merchantId, (tx) =>
    tx.query(`UPDATE chats SET last_message_at = date_trunc('hour', now()) WHERE unread = 1`),
  );
  const seen: string[] = [];
  let page: Page<ChatView> | undefined;
  let arrived = 100;
  do {
    page = await list({ limit: 5, cursor: page?.pagination.nextCursor });
    seen.push(...page.data.map(({ contact }) => contact.phone!));
    // A new customer writes, and one who was shown already.
    await receive((arrived += 1));
    await receive(Number(page.data[0]!.contact.phone!.slice(-4)));
  } while (page.pagination.hasMore);
  expect(seen.toSorted()).toEqual(Array.from({ length: 23 }, (_, n) => phone(n + 1)));
  expect(page.pagination.nextCursor).toBeUndefined();
  expect(seen.length).toBe(new Set(seen).size);
});

test('a cursor that we did not make is the caller’s mistake', async () => {
  const { list } = await setup();
  for (const cursor of ['nonsense', Buffer.from('["one"]').toString('base64url'), Buffer.from('[1,2]').toString('base64url')]) {
    await expect(list({ cursor }), cursor).rejects.toMatchObject({ status: 422 });
  }
});

test('messages come newest first, by limit and offset', async () => {
  const { messages, chatId } = await withConversation(7);
  const page = await messages(chatId, { limit: 3 });
  expect(page.data.map(({ text }) => text)).toEqual(['message 7', 'message 6', 'message 5']);
  expect(page.pagination).toEqual({ limit: 3, offset: 0, hasMore: true });
  const last = await messages(chatId, { limit: 3, offset: 6 });
  expect(last.data.map(({ text }) => text)).toEqual(['message 1']);
  expect(last.pagination).toEqual({ limit: 3, offset: 6, hasMore: false });
  expect((await messages(chatId, { offset: 7 })).data).toEqual([]);
});

test('messages before one of them: all that are older, each once, while new ones arrive', async () => {
  const { messages, chatId, receive } = await withConversation(10);
  const seen: string[] = [];
  let before: string | undefined;
  for (let page = await messages(chatId, { limit: 4 }); ; page = await messages(chatId, { limit: 4, before })) {
    seen.push(...page.data.map(({ text }) => text));
    await receive(1, 'meanwhile');
    before = page.data.at(-1)!.id;
    if (!page.pagination.hasMore) break;
  }
  expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => `message ${10 - n}`));
});

test('messages before a time, which is that of their ids', async () => {
  const { messages, chatId, rows } = await withConversation(0);
  for (const hour of [1, 2, 3])
    await rows(insertAt, [chatId, v7({ msecs: Date.parse(`2026-01-01T0${hour}:00:00Z`) }), `message ${hour}`]);
  const texts = async (before: string) => (await messages(chatId, { before })).data.map(({ text }) => text);
  expect(await texts('2026-01-01T03:00:00.000Z')).toEqual(['message 2', 'message 1']);
  expect(await texts('2026-01-01T04:00:00+02:00')).toEqual(['message 1']);
  expect(await texts('2026-01-01')).toEqual([]);
  expect(await texts('2099-01-01')).toHaveLength(3);
  expect((await messages(chatId)).data[0]!.createdAt).toBe('2026-01-01T03:00:00.000Z');
});

test('messages are searched by part of their text, in any case', async () => {
  const { messages, chatId, receive } = await withConversation(3);
  await receive(1, 'Two bags of MAIZE, 100%');
  const found = async (q: string) => (await messages(chatId, { q })).data.map(({ text }) => text);
  expect(await found('maize')).toEqual(['Two bags of MAIZE, 100%']);
  expect(await found('%')).toEqual(['Two bags of MAIZE, 100%']);
  expect(await found('MESSAGE')).toEqual(['message 3', 'message 2', 'message 1']);
  expect((await messages(chatId, { q: 'message', limit: 1, offset: 1 })).data.map(({ text }) => text)).toEqual(['message 2']);
  expect(await found('nothing')).toEqual([]);
});

test('pages, however large and wherever begun, joined are all messages of the chat, each once, over all partitions', async () => {
  const { chatId, messages, rows, tenancy, merchantId } = await withConversation(0);
  const now = Date.now();
  const week = 7 * 24 * 3_600_000;
  await fc.assert(
    fc.asyncProperty(
      // Most of them in a few places, as in life; some at the same moment, some where no partition was made.
      fc.array(fc.oneof(fc.integer({ min: 0, max: 40 * week }), fc.constantFrom(0, week, 3 * week, 12 * week, 200 * week)), {
        maxLength: 60,
      }),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      async (ages, limit, byTime) => {
        await rows('DELETE FROM messages');
        const ids = ages.map((age) => v7({ msecs: now - age })).toSorted();
        for (const id of ids) await rows(insertAt, [chatId, id, id]);
        await tenancy.run(merchantId, (tx) => tx.query('UPDATE chats SET last_message_id = $1', [ids.at(-1) ?? null]));
        const seen: string[] = [];
        let before: string | undefined;
        for (;;) {
          const page = await messages(chatId, { limit, before });
          seen.push(...page.data.map(({ id }) => id));
          expect(page.pagination.hasMore).toBe(seen.length < ids.length);
          if (!page.pagination.hasMore) break;
          before = page.data.at(-1)!.id;
        }
        expect(seen).toEqual(ids.toReversed());
        const skipped = await messages(chatId, { limit, offset: 7 });
        expect(skipped.data.map(({ id }) => id)).toEqual(ids.toReversed().slice(7, 7 + limit));
        if (!byTime || ids.length === 0) return;
        const time = new Date(timeOf(ids[Math.floor(ids.length / 2)]!)).toISOString();
        const older = await messages(chatId, { limit: 100, before: time });
        expect(older.data.map(({ id }) => id)).toEqual(ids.filter((id) => timeOf(id) < Date.parse(time)).toReversed());
      },
    ),
    { numRuns: 25, endOnFailure: true },
  );
});

test('a page of a chat that is quiet for years is found, and one of a busy chat is looked for in its last weeks alone', async () => {
  const { chatId, messages, rows, tenancy, merchantId, receive } = await withConversation(60);
  const explain = (from: string, below: string) =>
    tenancy.run(merchantId, async (tx) => {
      await tx.query('SET LOCAL plan_cache_mode = force_generic_plan');
      const plan = await tx.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
         SELECT * FROM messages WHERE merchant_id = '${merchantId}' AND chat_id = '${chatId}' AND id >= '${from}' AND id < '${below}'
         ORDER BY id DESC LIMIT 51`,
      );
      return plan.map((row) => row['QUERY PLAN']).join('\n');
    });
  expect((await messages(chatId, { limit: 50 })).data).toHaveLength(50);
  const [newest] = windowsBelow(idFloor(Date.now() + 24 * 3_600_000));
  const touched = new Set((await explain(newest!.from, newest!.below)).match(/messages_(\d{4}w\d\d|rest)/g));
  expect(touched.size).toBeLessThanOrEqual(5);
  await rows(`DELETE FROM pending_answers`);
  await rows(`DELETE FROM messages`);
  const old = v7({ msecs: Date.now() - 5 * 365 * 24 * 3_600_000 });
  await rows(insertAt, [chatId, old, 'long ago']);
  await receive(1, 'back again');
  expect((await messages(chatId)).data.map(({ text }) => text)).toEqual(['back again', 'long ago']);
});

test('another merchant’s chats and messages are not found, nor are unknown ones', async () => {
  const { shop, chats, messages, chatId } = await withConversation(1);
  const [message] = (await messages(chatId)).data;
  const other = await shop();
  expect((await chats.list(other, { limit: 10 })).data).toEqual([]);
  for (const [merchantId, chat, messageId] of [
    [other, chatId, message!.id],
    [other, newId(), newId()],
  ] as const) {
    await expect(chats.messages(merchantId, chat, { limit: 5, offset: 0 })).rejects.toThrow(NotFoundError);
    await expect(chats.message(merchantId, messageId)).rejects.toThrow(NotFoundError);
    await expect(chats.markRead(merchantId, chat)).rejects.toThrow(NotFoundError);
    await expect(chats.handover(merchantId, chat)).rejects.toThrow(NotFoundError);
    await expect(chats.release(merchantId, chat)).rejects.toThrow(NotFoundError);
  }
});
