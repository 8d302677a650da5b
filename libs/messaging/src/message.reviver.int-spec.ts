import { DeadLetterRetry, DeadLetterService, DeadLettersModule } from '@soko/dead-letters';
import { holdShards, integration } from '@soko/testing';
import { newId } from '@soko/common';
import { expect, test } from 'vitest';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { MessageReviver } from './message.reviver.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import { SendQueue } from './send.queue.js';

const PHONE = '+263771000001';

async function setup() {
  const house = await integration({ imports: [MessagingModule, DeadLettersModule], providers: [MessageReviver] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const [store, sends, letters, chats] = [
    module.get(MessageStore),
    module.get(SendQueue),
    module.get(DeadLetterService),
    module.get(ChatService),
  ];
  const sent = await tenancy.run(merchantId, (tx) =>
    store.queue(tx, { to: PHONE, content: { type: 'text', text: { body: 'hello' } } }),
  );
  const [{ shard } = { shard: -1 }] = await tenancy.run(merchantId, (tx) =>
    tx.query<{ shard: number }>('SELECT shard FROM channels'),
  );
  const lease = (await holdShards(house.system))(shard);
  const claim = () => tenancy.run(merchantId, (tx) => sends.claim(tx, sent.chatId, lease));
  return {
    ...house,
    merchantId,
    channel,
    sent,
    store,
    sends,
    letters,
    claim,
    fail: async (code = 'refused') => {
      const claimed = await claim();
      await tenancy.run(merchantId, (tx) => sends.settle(tx, claimed!, { kind: 'failed', code, message: 'No such number.' }));
    },
    settle: async (waMessageId: string) => {
      const claimed = await claim();
      await tenancy.run(merchantId, (tx) => sends.settle(tx, claimed!, { kind: 'sent', waMessageId }));
    },
    receipt: (waMessageId: string, status: 'failed' | 'delivered', code = 'undeliverable') =>
      tenancy.run(merchantId, (tx) =>
        sends.receipts(tx, channel.id, [
          { waMessageId, status, ...(status === 'failed' ? { error: { code, message: 'Not there.' } } : {}) },
        ]),
      ),
    message: () => chats.message(merchantId, sent.id),
    dead: async () => (await letters.list({ limit: 10 })).data,
    retry: async () => {
      const [letter] = (await letters.list({ limit: 10, status: 'dead' })).data;
      await letters.ring(letter!.id);
      await module.get(DeadLetterRetry).retry({ merchantId, deadLetterId: letter!.id });
    },
  };
}

test('a message that failed for good is a dead letter; retried it waits again, and goes out', async () => {
  const { fail, dead, retry, settle, message, sent } = await setup();
  await fail();
  expect(await dead()).toMatchObject([
    { kind: 'outbound_message', reference: sent.id, subjectId: sent.chatId, reason: 'refused: No such number.', status: 'dead' },
  ]);
  await retry();
  expect(await message()).toMatchObject({ status: 'queued' });
  expect(await message()).not.toHaveProperty('error');
  await settle('wa-2');
  const { status, timeline, waMessageId } = await message();
  expect({ status, waMessageId }).toEqual({ status: 'sent', waMessageId: 'wa-2' });
  expect(timeline.map((entry) => entry.status)).toEqual(['queued', 'sending', 'failed', 'queued', 'sending', 'sent']);
  expect(await dead()).toMatchObject([{ status: 'retrying' }]);
});

test('one that fails again is the same letter with a try more', async () => {
  const { fail, dead, retry } = await setup();
  await fail();
  await retry();
  await fail('still_refused');
  expect(await dead()).toMatchObject([{ status: 'dead', attempts: 1, reason: 'still_refused: No such number.' }]);
});

test('what the network refuses later is one, too; what it says then of the old try is not about the new one', async () => {
  const { settle, receipt, dead, retry, message } = await setup();
  await settle('wa-1');
  await receipt('wa-1', 'failed');
  expect(await dead()).toMatchObject([{ reason: 'undeliverable: Not there.' }]);
  await retry();
  await receipt('wa-1', 'failed');
  expect(await message()).toMatchObject({ status: 'queued' });
  await settle('wa-2');
  await receipt('wa-2', 'delivered');
  expect(await message()).toMatchObject({ status: 'delivered' });
});

test('that a customer wants no marketing is no failure of ours', async () => {
  const { fail, dead } = await setup();
  await fail('marketing_stopped');
  expect(await dead()).toEqual([]);
});

test('one that was delivered after all is not sent again, and one whose channel is gone stays dead', async () => {
  const { settle, receipt, dead, retry, message } = await setup();
  await settle('wa-1');
  await receipt('wa-1', 'failed');
  await receipt('wa-1', 'delivered');
  await retry();
  expect(await message()).toMatchObject({ status: 'delivered' });
  expect(await dead()).toEqual([]);

  const other = await setup();
  await other.fail();
  await other.tenancy.run(other.merchantId, (tx) =>
    tx.query('UPDATE channels SET deleted_at = now() WHERE merchant_id = $1 AND id = $2', [other.merchantId, other.channel.id]),
  );
  await other.retry();
  expect(await other.dead()).toMatchObject([{ status: 'dead', attempts: 1, reason: 'its channel was deleted' }]);
});

test('what the bot could not answer is answered when it is asked for again', async () => {
  const { tenancy, merchantId, store, channel, module, dead, retry } = await setup();
  const answers = module.get(AnswerQueue);
  await tenancy.run(merchantId, (tx) =>
    store.receive(tx, channel.id, {
      waMessageId: newId(),
      from: { phone: PHONE },
      name: 'Rudo',
      content: { type: 'text', text: { body: 'hi' } },
    }),
  );
  const [chat] = await tenancy.run(merchantId, (tx) => tx.query<{ chat_id: string }>('SELECT chat_id FROM pending_answers'));
  const next = () => tenancy.run(merchantId, (tx) => answers.next(tx, chat!.chat_id));
  for (let n = 0; n < 6; n += 1) {
    await tenancy.run(merchantId, (tx) => tx.query('UPDATE pending_answers SET due_at = now()'));
    await answers.recordFailure((await next())!, new Error('no words'));
  }
  expect(await next()).toBeUndefined();
  expect(await dead()).toMatchObject([{ kind: 'unanswered_message', reason: 'no words', subjectId: chat!.chat_id }]);
  await retry();
  expect(await next()).toMatchObject({ attempts: 0, content: { type: 'text', text: { body: 'hi' } } });
});
