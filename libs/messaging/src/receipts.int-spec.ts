import { newId } from '@soko/common';
import { holdShards, integration, parallel, seeded, ownIdOf } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import type { MessageStatus } from './message.dto.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import { type ClaimedSend, SendQueue } from './send.queue.js';

type Step = 'sending' | 'sent' | 'delivered' | 'read';
const STEPS: Step[] = ['sending', 'sent', 'delivered', 'read'];
const HEIGHT: MessageStatus[] = ['queued', 'sending', 'sent', 'delivered', 'read'];

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const lease = await holdShards(house.system);
  const [store, sends, chats] = [module.get(MessageStore), module.get(SendQueue), module.get(ChatService)];
  const [{ shard } = { shard: -1 }] = await tenancy.run(merchantId, (tx) =>
    tx.query<{ shard: number }>('SELECT shard FROM channels'),
  );
  let phone = 263771000000;
  /** A message in a chat of its own, and the steps that can be taken with it. */
  const message = async () => {
    const queued = await tenancy.run(merchantId, (tx) =>
      store.queue(tx, { to: `+${(phone += 1)}`, content: { type: 'text', text: { body: 'Hello' } } }),
    );
    const wireId = ownIdOf(queued.id);
    let claim: ClaimedSend | undefined;
    const take = (step: Step) =>
      tenancy.run(merchantId, async (tx) => {
        if (step === 'sending') claim = (await sends.claim(tx, queued.chatId, lease(shard), 'sim.')) ?? claim;
        else if (step !== 'sent') await sends.receipt(tx, channel.id, { waMessageId: wireId, status: step });
        else if (claim) await sends.settle(tx, claim, { kind: 'sent', waMessageId: wireId });
      });
    return {
      ...queued,
      wireId,
      take,
      settle: (outcome: Parameters<SendQueue['settle']>[2]) => tenancy.run(merchantId, (tx) => sends.settle(tx, claim!, outcome)),
      detail: () => chats.message(merchantId, queued.id),
    };
  };
  return { ...house, merchantId, channel, sends, message };
}

function* permutations<T>(items: T[]): Generator<T[]> {
  if (items.length < 2) yield items;
  else
    for (const [n, head] of items.entries())
      for (const tail of permutations(items.filter((_, other) => other !== n))) yield [head, ...tail];
}

test('in whatever order sending, sent, delivered and read come, and however often, the status only climbs', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { message } = await setup();
  const orders = [...permutations(STEPS)].map((order) => {
    // Some step comes once more, somewhere.
    const repeated = [...order];
    for (let n = 0; n < 2; n += 1) repeated.splice(Math.floor(random() * 6), 0, STEPS[Math.floor(random() * 4)]!);
    return repeated;
  });
  for (const order of orders) {
    const { take, detail } = await message();
    const seen: MessageStatus[] = [];
    // Receipts can only come for what was on its way.
    for (const step of ['sending' as const, ...order]) {
      await take(step);
      seen.push((await detail()).status);
    }
    const what = `${order.join(' ')}: ${seen.join(' ')}`;
    const heights = seen.map((status) => HEIGHT.indexOf(status));
    expect(heights, what).toEqual(heights.toSorted((a, b) => a - b));
    expect(seen.at(-1), what).toBe('read');
    const noted = (await detail()).timeline.map(({ status }) => HEIGHT.indexOf(status));
    expect(noted, what).toEqual([...new Set(noted)].toSorted((a, b) => a - b));
  }
});

test('receipts that come at once climb too', async () => {
  const { message } = await setup();
  for (let round = 0; round < 10; round += 1) {
    const { take, detail } = await message();
    await take('sending');
    const steps: Step[] = ['read', 'sent', 'delivered', 'delivered', 'read', 'sent'];
    await parallel(steps.length, (n) => take(steps[n]!));
    expect((await detail()).status).toBe('read');
  }
});

test('a receipt may come before we have written down that the message was sent', async () => {
  const { message, system } = await setup();
  const { take, detail, id } = await message();
  await take('sending');
  await take('delivered');
  await take('sent');
  const { status, timeline, waMessageId } = await detail();
  expect({ status, waMessageId, timeline: timeline.map((entry) => entry.status) }).toEqual({
    status: 'delivered',
    waMessageId: ownIdOf(id),
    timeline: ['queued', 'sending', 'delivered'],
  });
  expect(await system.run((tx) => tx.query('SELECT type FROM events'))).toEqual([{ type: 'message_sent' }]);
});

test('what the customer’s phone has received does not fail, however the sender’s next tries go', async () => {
  const { message } = await setup();
  const { take, detail, settle } = await message();
  await take('sending');
  await take('delivered');
  await settle({ kind: 'failed', code: 'closed', message: 'the connection was lost before an answer came' });
  expect((await detail()).status).toBe('delivered');
});

test('a message that failed stays failed', async () => {
  const { message } = await setup();
  const { take, detail, settle } = await message();
  await take('sending');
  await settle({ kind: 'failed', code: 'gone', message: 'no' });
  await take('sent');
  expect((await detail()).status).toBe('failed');
});

test('receipts for unknown ids, on other channels, of other merchants and for customers’ own messages change nothing', async () => {
  const { message, tenancy, module, merchantId, channel, sends, shop } = await setup();
  const { take, detail, wireId } = await message();
  await take('sending');
  await take('sent');
  const other = await shop();
  const channels = module.get(ChannelService);
  const [second, theirs] = [
    await channels.create(merchantId, { name: 'Second', kind: 'simulator' }),
    await channels.create(other, { name: 'Theirs', kind: 'simulator' }),
  ];
  await tenancy.run(merchantId, async (tx) => {
    await sends.receipt(tx, channel.id, { waMessageId: `sim.${newId()}`, status: 'read' });
    await sends.receipt(tx, second.id, { waMessageId: wireId, status: 'read' });
    await module.get(MessageStore).receive(tx, channel.id, {
      waMessageId: 'wamid.theirs',
      from: { phone: '+263772000000' },
      content: { type: 'text', text: { body: 'hi' } },
    });
    await sends.receipt(tx, channel.id, { waMessageId: 'wamid.theirs', status: 'read' });
  });
  await tenancy.run(other, async (tx) => {
    await sends.receipt(tx, theirs.id, { waMessageId: wireId, status: 'read' });
    await sends.receipt(tx, channel.id, { waMessageId: wireId, status: 'read' });
  });
  expect((await detail()).status).toBe('sent');
  const inbound = await tenancy.run(merchantId, (tx) => tx.query(`SELECT status FROM messages WHERE direction = 'inbound'`));
  expect(inbound).toEqual([{ status: 'received' }]);
});
