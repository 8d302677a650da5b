import { newId } from '@soko/common';
import { gate, integration, parallel, until, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { AnswerQueue, type Unanswered } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';

const PHONE = '+263771000001';

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const [answers, store] = [module.get(AnswerQueue), module.get(MessageStore)];
  const receive = (body: string) =>
    tenancy.run(merchantId, (tx) =>
      store.receive(tx, channel.id, {
        waMessageId: newId(),
        from: { phone: PHONE },
        name: 'Rudo',
        content: { type: 'text', text: { body } },
      }),
    );
  for (const body of ['first', 'second']) await receive(body);
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const [{ id: chatId } = { id: '' }] = await rows<{ id: string }>('SELECT id FROM chats');
  return {
    ...house,
    merchantId,
    channel,
    chatId,
    answers,
    rows,
    receive,
    next: () => tenancy.run(merchantId, (tx) => answers.next(tx, chatId)),
    done: (message: Unanswered) => tenancy.run(merchantId, (tx) => answers.done(tx, message)),
    makeDue: () => rows('UPDATE pending_answers SET due_at = now()'),
    statuses: async () =>
      (await rows<{ status: string }>('SELECT status FROM messages ORDER BY seq')).map(({ status }) => status),
  };
}

test('the oldest message comes first, with all that the bot needs, until it is answered', async () => {
  const { next, done, merchantId, chatId, channel, statuses } = await setup();
  const first = await next();
  expect(first).toEqual({
    merchantId,
    chatId,
    channelId: channel.id,
    messageId: expect.any(String),
    seq: 1,
    attempts: 0,
    contactId: expect.any(String),
    phone: PHONE,
    provenPhone: PHONE,
    name: 'Rudo',
    language: null,
    languageChosen: false,
    content: { type: 'text', text: { body: 'first' } },
    consent: null,
    staff: null,
    shopPaused: false,
    more: true,
  });
  expect(await next()).toEqual(first);
  await done(first!);
  expect(await statuses()).toEqual(['read', 'received']);
  const second = await next();
  expect(second).toMatchObject({ content: { type: 'text', text: { body: 'second' } }, more: false });
  await done(second!);
  expect(await next()).toBeUndefined();
  expect(await statuses()).toEqual(['read', 'read']);
});

test('whoever has the next message holds the chat until the transaction ends', async () => {
  const { tenancy, merchantId, chatId, answers } = await setup();
  const answered: string[] = [];
  let inside = 0;
  await parallel(10, () =>
    tenancy.run(merchantId, async (tx) => {
      const message = await answers.next(tx, chatId);
      inside += 1;
      expect(inside).toBe(1);
      if (message) {
        await answers.done(tx, message);
        answered.push(message.messageId);
      }
      await tx.query('SELECT 1');
      inside -= 1;
    }),
  );
  expect(answered).toHaveLength(2);
  expect(new Set(answered).size).toBe(2);
});

test('a message that comes in while one is being answered waits for its number, and is not lost', async () => {
  const { tenancy, merchantId, chatId, answers, databaseUrl, receive, rows, next } = await setup();
  const [taken, finish] = [gate(), gate()];
  const answering = tenancy.run(merchantId, async (tx) => {
    const message = await answers.next(tx, chatId);
    taken.open();
    await finish.opened;
    await answers.done(tx, message!);
  });
  await taken.opened;
  const arriving = receive('third');
  await withClient(databaseUrl, (client) =>
    until('the newcomer to wait for the chat', async () => {
      const waiting = await client.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      return waiting.rowCount === 1;
    }),
  );
  finish.open();
  await answering;
  expect(await arriving).toBe(true);
  expect(await rows('SELECT seq FROM pending_answers ORDER BY seq')).toEqual([{ seq: 2 }, { seq: 3 }]);
  expect((await next())!.seq).toBe(2);
});

test('a message that cannot be answered is put off, longer each time, and holds back those behind it', async () => {
  const { next, answers, makeDue, rows } = await setup();
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const message = await next();
    expect(message).toMatchObject({ seq: 1, attempts: attempt - 1 });
    expect(await answers.recordFailure(message!, new Error('no words'))).toEqual({ givenUp: false });
    expect(await next()).toBeUndefined();
    const [row] = await rows<{ ms: number; same: boolean; attempts: number }>(
      'SELECT extract(epoch FROM due_at - now())::float8 * 1000 AS ms, due_at = ring_at AS same, attempts FROM pending_answers WHERE seq = 1',
    );
    expect(row).toMatchObject({ same: true, attempts: attempt });
    waits.push(row!.ms);
    await makeDue();
  }
  for (const [n, wait] of waits.entries()) {
    expect(wait).toBeGreaterThan(1_000 * 2 ** n * 0.8 - 500);
    expect(wait).toBeLessThanOrEqual(1_000 * 2 ** n * 1.2);
  }
});

test('after the sixth try the message is left to a person, and the chat goes on', async () => {
  const { next, answers, makeDue, statuses } = await setup();
  const outcomes: boolean[] = [];
  for (let attempt = 1; attempt <= 6; attempt += 1) {
    await makeDue();
    outcomes.push((await answers.recordFailure((await next())!, new Error('no words'))).givenUp);
  }
  expect(outcomes).toEqual([false, false, false, false, false, true]);
  expect(await statuses()).toEqual(['failed', 'received']);
  expect((await next())!.seq).toBe(2);
});

test('a chat of another merchant has nothing to answer', async () => {
  const { shop, tenancy, answers, chatId, next } = await setup();
  const other = await shop();
  expect(await tenancy.run(other, (tx) => answers.next(tx, chatId))).toBeUndefined();
  expect(await next()).toBeDefined();
});

test('what is answered is what the customer sees as read; what a person has read stays so', async () => {
  const { next, done, rows, module, merchantId, chatId } = await setup();
  const mark = async () => (await rows<{ read_mark: string | null }>('SELECT read_mark FROM chats'))[0]!.read_mark;
  const [first, second] = (await rows<{ wa_message_id: string }>('SELECT wa_message_id FROM messages ORDER BY seq')).map(
    (row) => row.wa_message_id,
  );
  await done((await next())!);
  expect(await mark()).toBe(first);
  await module.get(ChatService).markRead(merchantId, chatId);
  expect(await mark()).toBe(second);
  await rows('UPDATE chats SET read_mark = NULL');
  await done((await next())!);
  expect(await mark()).toBeNull();
});
