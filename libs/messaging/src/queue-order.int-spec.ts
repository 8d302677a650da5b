import { newId, NotFoundError } from '@soko/common';
import { holdShards, integration, parallel, seeded } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { MessageStore, type Outgoing } from './message.store.js';
import { NoChannelError } from './messaging.errors.js';
import { MessagingModule } from './messaging.module.js';
import { SendQueue } from './send.queue.js';

const PHONE = '+263771000001';
const text = (body: string): Outgoing['content'] => ({ type: 'text', text: { body } });

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const merchantId = await house.shop();
  const store = house.module.get(MessageStore);
  return {
    ...house,
    merchantId,
    store,
    channels: house.module.get(ChannelService),
    rows: <R extends object>(sql: string) => house.tenancy.run(merchantId, (tx) => tx.query<R>(sql)),
    send: (message: Partial<Outgoing> & { body?: string }) =>
      house.tenancy.run(merchantId, (tx) => store.queue(tx, { to: PHONE, content: text(message.body ?? 'Hello'), ...message })),
  };
}

test('20 messages at once to a new customer are numbered in the order of their commits, those rolled back leave no gap', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { tenancy, merchantId, store, channels, rows } = await setup();
  await channels.create(merchantId, { name: 'Shop', kind: 'simulator' });
  const plan = Array.from({ length: 20 }, () => ({ before: random() * 4, after: random() * 4, fails: random() < 0.25 }));
  const committed: string[] = [];
  const done = new AbortController();
  const sent = done.signal;
  const seen: number[][] = [];
  const refusals: string[] = [];
  const watcher = (async () => {
    while (!sent.aborted) seen.push((await rows<{ seq: number }>('SELECT seq FROM messages ORDER BY seq')).map(({ seq }) => seq));
  })();
  await parallel(20, (n) =>
    tenancy
      .run(merchantId, async (tx) => {
        for (let i = 0; i < plan[n]!.before; i += 1) await tx.query('SELECT 1');
        const { id } = await store.queue(tx, { to: PHONE, content: text(`${n}`) });
        // The lock on the chat is held from here to the commit, so nobody else comes between.
        for (let i = 0; i < plan[n]!.after; i += 1) await tx.query('SELECT 1');
        if (plan[n]!.fails) throw new Error('changed my mind');
        committed.push(id);
      })
      .catch((error: Error) => void refusals.push(error.message)),
  );
  done.abort();
  await watcher;
  const messages = await rows<{ id: string; seq: number }>('SELECT id, seq FROM messages ORDER BY seq');
  expect(committed.length).toBe(plan.filter(({ fails }) => !fails).length);
  expect(refusals).toEqual(plan.filter(({ fails }) => fails).map(() => 'changed my mind'));
  expect(messages.map(({ id }) => id)).toEqual(committed);
  expect(messages.map(({ seq }) => seq)).toEqual(committed.map((_, n) => n + 1));
  // Nobody ever saw a number before the one below it.
  for (const seqs of seen) expect(seqs).toEqual(seqs.map((_, n) => n + 1));
  expect(await rows('SELECT count(*) AS n FROM pending_sends')).toEqual([{ n: committed.length }]);
});

test('a queued message: its row, its alarm on the lane of the channel’s shard, and what the caller is told', async () => {
  const { merchantId, channels, send, rows, alarms } = await setup();
  const channel = await channels.create(merchantId, { name: 'Shop', kind: 'simulator' });
  const queued = await send({ body: 'Hello' });
  expect(queued).toEqual({ id: expect.any(String), chatId: expect.any(String), to: PHONE, status: 'queued' });
  const [row] = await rows<{ shard: number }>('SELECT shard, attempts, due_at <= now() AS due FROM pending_sends');
  expect(row).toMatchObject({ attempts: 0, due: true });
  expect(await alarms(`message_sending-${row!.shard}`, 1)).toEqual([{ merchantId, chatId: queued.chatId, shard: row!.shard }]);
  expect(await rows('SELECT channel_id, direction, status, text FROM messages')).toEqual([
    { channel_id: channel.id, direction: 'outbound', status: 'queued', text: 'Hello' },
  ]);
});

test('without a channel named, the default one sends; without any channel nothing is queued', async () => {
  const { merchantId, channels, send, rows } = await setup();
  await expect(send({})).rejects.toThrow(NoChannelError);
  expect(await rows('SELECT id FROM messages UNION ALL SELECT id FROM contacts UNION ALL SELECT id FROM chats')).toEqual([]);
  const first = await channels.create(merchantId, { name: 'First', kind: 'simulator' });
  const second = await channels.create(merchantId, { name: 'Second', kind: 'simulator' });
  await send({ body: 'by default' });
  await send({ body: 'by name', channelId: second.id });
  const messages = await rows('SELECT channel_id, text FROM messages ORDER BY id');
  expect(messages).toEqual([
    { channel_id: first.id, text: 'by default' },
    { channel_id: second.id, text: 'by name' },
  ]);
});

test('another merchant’s channel, and one that does not exist, are not found', async () => {
  const { shop, merchantId, channels, send, rows } = await setup();
  await channels.create(merchantId, { name: 'Shop', kind: 'simulator' });
  const theirs = await channels.create(await shop(), { name: 'Theirs', kind: 'simulator' });
  for (const channelId of [theirs.id, newId()]) await expect(send({ channelId })).rejects.toThrow(NotFoundError);
  expect(await rows('SELECT id FROM messages')).toEqual([]);
});

test('a scheduled message waits, wakes nobody, and does not hold back those accepted after it', async () => {
  const { merchantId, channels, send, rows, tenancy, system, module, alarms } = await setup();
  await channels.create(merchantId, { name: 'Shop', kind: 'simulator' });
  const lease = await holdShards(system);
  const sendAt = new Date(Date.now() + 3_600_000);
  const later = await send({ body: 'later', sendAt });
  expect(later.scheduledFor).toBe(sendAt.toISOString());
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM pending_sends');
  expect(await rows<object>('SELECT due_at, ring_at FROM pending_sends')).toEqual([{ due_at: sendAt, ring_at: sendAt }]);
  const now = await send({ body: 'now' });
  // The alarm of this one: the scheduled one rang for nobody.
  await alarms(`message_sending-${shard}`, 1);
  const past = await send({ body: 'a time that has passed', sendAt: new Date(Date.now() - 1_000) });
  expect(past.scheduledFor).toBeUndefined();
  const sends = module.get(SendQueue);
  const next = () =>
    tenancy.run(merchantId, async (tx) => {
      const claim = await sends.claim(tx, now.chatId, lease(shard));
      if (claim) await sends.settle(tx, claim, { kind: 'sent', waMessageId: `wamid.${claim.messageId}` });
      return claim?.messageId;
    });
  expect([await next(), await next(), await next()]).toEqual([now.id, past.id, undefined]);
  await rows(`UPDATE pending_sends SET due_at = now() - interval '1 second', scheduled_for = now() - interval '1 second'`);
  expect(await next()).toBe(later.id);
});
