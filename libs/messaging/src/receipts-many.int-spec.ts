import { newId } from '@soko/common';
import { holdShards, integration, parallel, withClient, ownIdOf } from '@soko/testing';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { ContactService } from './contact.service.js';
import type { MessageStatus } from './message.dto.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import type { Receipt } from './receipts.js';
import { SendQueue } from './send.queue.js';

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const lease = await holdShards(house.system);
  const [store, sends, chats] = [module.get(MessageStore), module.get(SendQueue), module.get(ChatService)];
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM channels');
  let phone = 263771000000;
  return {
    ...house,
    merchantId,
    channel,
    rows,
    /** A message that was given to the network, in a chat of its own; `told`: we know under which id. */
    given: async (told = true) => {
      const queued = await tenancy.run(merchantId, (tx) =>
        store.queue(tx, { to: `+${(phone += 1)}`, content: { type: 'text', text: { body: 'Hello' } } }),
      );
      await tenancy.run(merchantId, (tx) => sends.claim(tx, queued.chatId, lease(shard), told ? 'sim.' : undefined));
      return { ...queued, waMessageId: ownIdOf(queued.id) };
    },
    tell: (receipts: Receipt[], channelId = channel.id) =>
      tenancy.run(merchantId, (tx) => sends.receipts(tx, channelId, receipts)),
    message: (id: string) => chats.message(merchantId, id),
    statuses: async () =>
      new Map(
        (await rows<{ id: string; status: MessageStatus }>('SELECT id, status FROM messages')).map((m) => [m.id, m.status]),
      ),
    events: () => rows<{ type: string; data: { messageId: string } }>('SELECT type, data FROM events ORDER BY id'),
    heardAt: async () =>
      (await rows<{ heard_at: Date | null }>('SELECT heard_at FROM channel_states WHERE channel_id = $1', [channel.id]))[0]!
        .heard_at,
  };
}

const STEPS: Receipt['status'][] = ['sent', 'delivered', 'read', 'failed'];
const HEIGHT: MessageStatus[] = ['queued', 'sending', 'sent', 'failed', 'delivered', 'read'];

test('receipts of many messages, shuffled, doubled, in batches and at once: each ends where it must, told of once', async () => {
  const { given, tell, statuses, events, rows } = await setup();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(4), fc.constantFrom(...STEPS), fc.boolean()), { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(12), { maxLength: 6 }),
      async (plan, cuts) => {
        const messages = await parallel(5, () => given());
        const receipts = plan.map(([n, status, echoed]): Receipt => {
          const { waMessageId, id } = messages[n]!;
          // Some networks give the message another id than ours, and say ours beside it.
          return echoed ? { waMessageId: `wamid.${id}`, messageId: id, status } : { waMessageId, status };
        });
        const batches: Receipt[][] = [];
        let rest = receipts;
        for (const cut of cuts) {
          batches.push(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        batches.push(rest);
        await Promise.all([...batches, receipts.toReversed()].map((batch) => tell(batch)));
        const now = await statuses();
        const news = await events();
        for (const [n, { id }] of messages.entries()) {
          const mine = plan.filter(([each]) => each === n).map(([, status]) => HEIGHT.indexOf(status));
          const types = news.filter(({ data }) => data.messageId === id).map(({ type }) => type);
          expect(types.length).toBe(new Set(types).size);
          const highest = Math.max(1, ...mine);
          expect(now.get(id)).toBe(HEIGHT[highest]);
          // Below a failure, "sent" may have come too late to be news.
          expect(types.includes('message_sent')).toBe(highest === 3 ? types.includes('message_sent') : highest !== 1);
          expect(types.includes('message_failed')).toBe(highest > 3 ? types.includes('message_failed') : highest === 3);
          expect(await rows('SELECT 1 FROM pending_sends WHERE message_id = $1', [id])).toHaveLength(mine.length > 0 ? 0 : 1);
        }
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
});

test('receipts that come at once for what has long gone out climb too, and are told of once', async () => {
  const { given, tell, message, events } = await setup();
  const messages = await parallel(10, () => given());
  await tell(messages.map(({ waMessageId }) => ({ waMessageId, status: 'sent' })));
  const steps: Receipt['status'][] = ['read', 'delivered', 'failed', 'delivered', 'failed', 'read'];
  await parallel(steps.length, (n) => tell(messages.map(({ waMessageId }) => ({ waMessageId, status: steps[n]! }))));
  for (const { id } of messages) {
    const { status, timeline } = await message(id);
    const heights = timeline.map((entry) => HEIGHT.indexOf(entry.status));
    expect(status).toBe('read');
    expect(heights).toEqual([...new Set(heights)].toSorted((a, b) => a - b));
    const types = (await events()).filter(({ data }) => data.messageId === id).map(({ type }) => type);
    expect(types.length).toBe(new Set(types).size);
  }
});

test('the same receipts one by one and in one go leave the same', async () => {
  const { given, tell, message } = await setup();
  const [one, two] = [await given(), await given()];
  const steps: Receipt['status'][] = ['sent', 'failed', 'delivered', 'delivered', 'sent', 'read'];
  for (const status of steps) await tell([{ waMessageId: one.waMessageId, status }]);
  await tell(steps.map((status) => ({ waMessageId: two.waMessageId, status })));
  const trace = async (id: string) => {
    const { status, timeline, error } = await message(id);
    return { status, error, timeline: timeline.map((entry) => entry.status) };
  };
  expect(await trace(two.id)).toEqual(await trace(one.id));
  expect(await trace(one.id)).toEqual({
    status: 'read',
    error: undefined,
    timeline: ['queued', 'sending', 'sent', 'failed', 'delivered', 'read'],
  });
});

test('our own id is believed for messages of ours on that channel alone, and must be an id', async () => {
  const { given, tell, module, merchantId, channel, tenancy, rows } = await setup();
  const message = await given(false);
  const second = await module.get(ChannelService).create(merchantId, { name: 'Second', kind: 'simulator' });
  await tenancy.run(merchantId, (tx) =>
    module.get(MessageStore).receive(tx, channel.id, {
      waMessageId: 'wamid.in',
      from: { phone: '+263772000000' },
      content: { type: 'text', text: { body: 'hi' } },
    }),
  );
  const [inbound] = await rows<{ id: string }>(`SELECT id FROM messages WHERE direction = 'inbound'`);
  const wrong = ['not an id', newId(), inbound!.id].map((messageId): Receipt => ({
    waMessageId: newId(),
    messageId,
    status: 'read',
  }));
  await tell(wrong);
  await tell([{ waMessageId: 'wamid.1', messageId: message.id, status: 'read' }], second.id);
  expect(await rows('SELECT DISTINCT status FROM messages ORDER BY 1')).toEqual([{ status: 'received' }, { status: 'sending' }]);
  await tell([{ waMessageId: 'wamid.1', messageId: message.id.toUpperCase(), status: 'read' }]);
  expect(await rows(`SELECT status FROM messages WHERE id = $1`, [message.id])).toEqual([{ status: 'read' }]);
});

test('when the network was heard is noted, at most every five seconds, by receipts for unknown messages too', async () => {
  const { tell, heardAt, rows } = await setup();
  expect(await heardAt()).toBeNull();
  await tell([{ waMessageId: 'wamid.unknown', status: 'read' }]);
  const first = await heardAt();
  expect(Math.abs(first!.getTime() - Date.now())).toBeLessThan(5_000);
  await tell([{ waMessageId: 'wamid.unknown', status: 'read' }]);
  expect(await heardAt()).toEqual(first);
  await rows(`UPDATE channel_states SET heard_at = heard_at - interval '6 seconds'`);
  await tell([{ waMessageId: 'wamid.unknown', status: 'read' }]);
  expect((await heardAt())!.getTime()).toBeGreaterThanOrEqual(first!.getTime());
});

test('receipts do not wait for who has the channel’s state in hand', async () => {
  const { tell, databaseUrl, given, message } = await setup();
  const { waMessageId, id } = await given();
  await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN; SELECT 1 FROM channel_states FOR UPDATE');
    await tell([{ waMessageId, status: 'read' }]);
  });
  expect((await message(id)).status).toBe('read');
});

test('a receipt can say that the customer stopped the merchant’s marketing', async () => {
  const { given, tell, module, merchantId, events } = await setup();
  const { waMessageId } = await given();
  await tell([{ waMessageId, status: 'failed', error: { code: 'marketing_stopped', message: 'User has stopped marketing' } }]);
  const [contact] = (await module.get(ContactService).list(merchantId, { limit: 5 })).data;
  expect(contact).toMatchObject({ marketingStopped: true, optedOut: false, blocked: false });
  expect((await events()).map(({ type }) => type)).toEqual(['message_failed', 'contact_consent_changed']);
});
