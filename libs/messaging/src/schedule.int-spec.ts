import { newId, NotFoundError, type Page } from '@soko/common';
import { holdShards, integration, parallel, seeded } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import type { MessageView } from './message.dto.js';
import { MessageStore, type Outgoing } from './message.store.js';
import { NotCancellableError } from './messaging.errors.js';
import { MessagingModule } from './messaging.module.js';
import { ScheduleService } from './schedule.service.js';
import { SendQueue } from './send.queue.js';

const HOUR = 3_600_000;
const PHONE = '+263771000001';
const to = (n: number) => ({ to: `+26377100000${n}` });

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const lease = await holdShards(house.system);
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM channels');
  const [store, sends, schedule] = [module.get(MessageStore), module.get(SendQueue), module.get(ScheduleService)];
  return {
    ...house,
    merchantId,
    rows,
    schedule,
    send: (body: string, inMs?: number, more: Partial<Outgoing> = {}) =>
      tenancy.run(merchantId, (tx) =>
        store.queue(tx, {
          to: PHONE,
          content: { type: 'text', text: { body } },
          sendAt: inMs === undefined ? undefined : new Date(Date.now() + inMs),
          ...more,
        }),
      ),
    claim: (chatId: string) => tenancy.run(merchantId, (tx) => sends.claim(tx, chatId, lease(shard), 'sim.')),
    settleSent: (claim: Parameters<SendQueue['settle']>[1]) =>
      tenancy.run(merchantId, (tx) => sends.settle(tx, claim, { kind: 'sent', waMessageId: claim.waMessageId! })),
    cancel: (id: string) => schedule.cancel(merchantId, id),
    message: (id: string) => module.get(ChatService).message(merchantId, id),
    comes: (ids: string[], inMs: number) =>
      rows(
        `UPDATE pending_sends SET scheduled_for = clock_timestamp() + $2 * interval '1 ms', due_at = clock_timestamp() + $2 * interval '1 ms'
         WHERE message_id = ANY ($1::uuid[])`,
        [ids, inMs],
      ),
  };
}

test('what is scheduled is listed by its time, the next first, by pages, and no longer once its time has come', async () => {
  const { send, schedule, merchantId, comes, shop } = await setup();
  await send('now');
  const hours = [5, 1, 4, 2, 3, 3, 3];
  for (const [n, hour] of hours.entries()) await send(`${hour} ${n}`, hour * HOUR);
  const seen: MessageView[] = [];
  let page: Page<MessageView> | undefined;
  do {
    page = await schedule.list(merchantId, { limit: 2, cursor: page?.pagination.nextCursor });
    seen.push(...page.data);
  } while (page.pagination.hasMore);
  expect(seen.map(({ text }) => text)).toEqual(['1 1', '2 3', '3 4', '3 5', '3 6', '4 2', '5 0']);
  expect(seen[0]).toMatchObject({ status: 'queued', direction: 'outbound', scheduledFor: expect.any(String) });
  await comes([seen[0]!.id], -1);
  expect((await schedule.list(merchantId, { limit: 1 })).data[0]!.text).toBe('2 3');
  expect((await schedule.list(await shop(), { limit: 5 })).data).toEqual([]);
});

test('what is cancelled is never sent, says so, and can be cancelled once', async () => {
  const { send, cancel, message, schedule, merchantId, claim, rows } = await setup();
  const { id, chatId } = await send('later', HOUR);
  await cancel(id);
  const { status, timeline, scheduledFor } = await message(id);
  expect({ status, timeline: timeline.map((entry) => entry.status) }).toEqual({
    status: 'cancelled',
    timeline: ['queued', 'cancelled'],
  });
  expect(scheduledFor).toBeDefined();
  expect((await schedule.list(merchantId, { limit: 5 })).data).toEqual([]);
  expect(await rows('SELECT * FROM pending_sends')).toEqual([]);
  expect(await claim(chatId)).toBeUndefined();
  await expect(cancel(id)).rejects.toThrow(NotCancellableError);
  await expect(cancel(id)).rejects.toMatchObject({
    status: 409,
    code: 'not_cancellable',
    message: expect.stringContaining('cancelled'),
  });
});

test('what is not scheduled any more, never was, or was received cannot be cancelled; what is not there is not found', async () => {
  const { send, cancel, comes, message, shop, schedule, tenancy, merchantId, module, rows } = await setup();
  const now = await send('now');
  const due = await send('due', HOUR);
  const later = await send('later', HOUR);
  await comes([due.id], -1);
  const [{ channel_id } = { channel_id: '' }] = await rows<{ channel_id: string }>('SELECT channel_id FROM chats');
  await tenancy.run(merchantId, (tx) =>
    module.get(MessageStore).receive(tx, channel_id, {
      waMessageId: 'wamid.in',
      from: { phone: PHONE },
      content: { type: 'text', text: { body: 'hi' } },
    }),
  );
  const [inbound] = await rows<{ id: string }>(`SELECT id FROM messages WHERE direction = 'inbound'`);
  for (const id of [now.id, due.id, inbound!.id]) await expect(cancel(id)).rejects.toThrow(NotCancellableError);
  await expect(cancel(newId())).rejects.toThrow(NotFoundError);
  await expect(schedule.cancel(await shop(), later.id)).rejects.toThrow(NotFoundError);
  expect((await message(later.id)).status).toBe('queued');
});

test('cancelling and sending at the same moment: each message is either cancelled or sent, as its caller was told', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { send, cancel, claim, settleSent, comes, message, rows } = await setup();
  const outcomes = new Set<string>();
  for (let round = 0; round < 8 || (outcomes.size < 2 && round < 40); round += 1) {
    const phone = `+2637710001${String(round).padStart(2, '0')}`;
    const queued: { id: string; chatId: string }[] = [];
    for (let n = 0; n < 6; n += 1) queued.push(await send(`${n}`, HOUR, { to: phone }));
    const { chatId } = queued[0]!;
    await comes(
      queued.map(({ id }) => id),
      30,
    );
    const sent: string[] = [];
    const sender = (async () => {
      while ((await rows('SELECT 1 FROM pending_sends')).length > 0) {
        const next = await claim(chatId);
        if (next) {
          sent.push(next.messageId);
          await settleSent(next);
        }
      }
    })();
    const told = await parallel(6, async (n) => {
      await new Promise((resolve) => setTimeout(resolve, 15 + random() * 30));
      return cancel(queued[n]!.id).then(
        () => 'cancelled',
        () => 'too late',
      );
    });
    await sender;
    for (const [n, { id }] of queued.entries()) {
      const { status } = await message(id);
      expect(status).toBe(told[n] === 'cancelled' ? 'cancelled' : 'sent');
      expect(sent.includes(id)).toBe(status === 'sent');
      outcomes.add(status);
    }
    expect(new Set(sent).size).toBe(sent.length);
  }
  expect(await rows('SELECT * FROM pending_sends')).toEqual([]);
  expect(outcomes).toEqual(new Set(['cancelled', 'sent']));
});

test('what a scheduled message offers stands from when it goes out, and not before', async () => {
  const { send, claim, comes, rows } = await setup();
  const content = { type: 'buttons' as const, buttons: { body: 'Which?', buttons: [{ id: 'a', title: 'Apples' }] } };
  const later = await send('', HOUR, { content });
  const offer = async () => (await rows<{ offer: object }>('SELECT offer FROM chats'))[0]!.offer;
  expect(await offer()).toBeNull();
  await comes([later.id], -1);
  await claim(later.chatId);
  expect(await offer()).toEqual([{ id: 'a', title: 'Apples' }]);
});

test('what no sender has taken in hand is taken back, what one has goes on, and what has left is left alone', async () => {
  const { send, claim, settleSent, schedule, tenancy, merchantId, message, rows } = await setup();
  const sent = await send('sent', undefined, to(1));
  await settleSent((await claim(sent.chatId))!);
  const inHand = await send('in hand', undefined, to(2));
  await claim(inHand.chatId);
  const waiting = await send('waiting', undefined, to(3));
  const others = await send('of somebody else', undefined, to(3));
  const ids = [sent, inHand, waiting].map(({ id }) => id);
  expect(await tenancy.run(merchantId, (tx) => schedule.withdraw(tx, ids))).toBe(1);
  expect(await tenancy.run(merchantId, (tx) => schedule.withdraw(tx, []))).toBe(0);
  const statuses = await Promise.all([...ids, others.id].map(async (id) => (await message(id)).status));
  expect(statuses).toEqual(['sent', 'sending', 'cancelled', 'queued']);
  expect((await message(waiting.id)).timeline.at(-1)).toMatchObject({ status: 'cancelled' });
  expect(await rows('SELECT message_id FROM pending_sends ORDER BY message_id')).toEqual(
    [inHand.id, others.id].map((message_id) => ({ message_id })),
  );
});
