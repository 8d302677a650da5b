import { newId } from '@soko/common';
import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import { SendQueue } from './send.queue.js';

const from = { phone: '+263771000001', lid: '1' };

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const receive = (waMessageId: string = newId()) =>
    tenancy.run(merchantId, (tx) =>
      module.get(MessageStore).receive(tx, channel.id, { waMessageId, from, content: { type: 'text', text: { body: 'hi' } } }),
    );
  await receive('wamid.1');
  await receive('wamid.2');
  const [{ id: chatId, shard } = { id: '', shard: -1 }] = await rows<{ id: string; shard: number }>(
    'SELECT h.id, c.shard FROM chats h JOIN channels c ON c.id = h.channel_id',
  );
  return {
    ...house,
    merchantId,
    chatId,
    shard,
    receive,
    rows,
    read: () => module.get(ChatService).markRead(merchantId, chatId),
    take: (merchant = merchantId) => tenancy.run(merchant, (tx) => module.get(SendQueue).takeReadMark(tx, chatId)),
  };
}

test('a chat that a person has read has nothing unread, and the gateway is woken to tell the network, once', async () => {
  const { read, take, rows, alarms, shard, merchantId, chatId, receive } = await setup();
  expect(await take()).toBeUndefined();
  await read();
  expect(await rows('SELECT unread FROM chats')).toEqual([{ unread: 0 }]);
  expect(await alarms(`message_sending-${shard}`, 1)).toEqual([{ merchantId, chatId, shard }]);
  expect(await take()).toEqual({ waMessageId: 'wamid.2', to: from });
  expect(await take()).toBeUndefined();
  // Nothing new: nothing to tell.
  await read();
  expect(await take()).toBeUndefined();
  await alarms(`message_sending-${shard}`, 1);
  await receive('wamid.3');
  await read();
  expect(await take()).toEqual({ waMessageId: 'wamid.3', to: from });
});

test('read twice before the gateway looked is read once, up to the newest', async () => {
  const { read, take, receive } = await setup();
  await read();
  await read();
  await receive('wamid.3');
  await read();
  expect(await take()).toMatchObject({ waMessageId: 'wamid.3' });
  expect(await take()).toBeUndefined();
});

test('another merchant takes nobody’s mark', async () => {
  const { read, take, shop } = await setup();
  await read();
  expect(await take(await shop())).toBeUndefined();
  expect(await take()).toBeDefined();
});
