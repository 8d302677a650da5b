import { newId } from '@soko/common';
import { holdShards, integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { ContactService } from './contact.service.js';
import type { MessageCategory } from './message.dto.js';
import { MessageStore } from './message.store.js';
import { ContactBlockedError, OptedOutError } from './messaging.errors.js';
import { MessagingModule } from './messaging.module.js';
import { SendQueue } from './send.queue.js';

const PHONE = '+263771000001';

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const lease = await holdShards(house.system);
  const [store, sends, answers] = [module.get(MessageStore), module.get(SendQueue), module.get(AnswerQueue)];
  const [contacts, chats] = [module.get(ContactService), module.get(ChatService)];
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM channels');
  const contact = async () => (await contacts.list(merchantId, { limit: 1 })).data[0]!;
  const chatId = async () => (await rows<{ id: string }>('SELECT id FROM chats'))[0]!.id;
  return {
    ...house,
    merchantId,
    rows,
    contacts,
    contact,
    chats,
    chatId,
    write: (body: string, waMessageId = newId()) =>
      tenancy.run(merchantId, (tx) =>
        store.receive(tx, channel.id, { waMessageId, from: { phone: PHONE }, content: { type: 'text', text: { body } } }),
      ),
    send: (category?: MessageCategory) =>
      tenancy.run(merchantId, (tx) =>
        store.queue(tx, { to: PHONE, category, content: { type: 'text', text: { body: 'Sale!' } } }),
      ),
    claim: async () => {
      const id = await chatId();
      return tenancy.run(merchantId, (tx) => sends.claim(tx, id, lease(shard), 'sim.'));
    },
    next: async () => {
      const id = await chatId();
      return tenancy.run(merchantId, (tx) => answers.next(tx, id));
    },
    settleRefused: () =>
      tenancy.run(merchantId, async (tx) => {
        const claim = await sends.claim(
          tx,
          (await tx.query<{ id: string }>('SELECT id FROM chats'))[0]!.id,
          lease(shard),
          'sim.',
        );
        await sends.settle(tx, claim!, { kind: 'failed', ...claim!.refused! });
        return claim!;
      }),
    block: async (blocked = true) => contacts.update(merchantId, (await contact()).id, { blocked }),
    stopMarketing: (stopped: boolean, phone = PHONE) =>
      tenancy.run(merchantId, (tx) => contacts.setMarketingStopped(tx, { phone }, stopped)),
    changes: async () =>
      (await rows<{ data: object }>(`SELECT data FROM events WHERE type = 'contact_consent_changed' ORDER BY id`)).map(
        ({ data }) => data,
      ),
  };
}

test('STOP is an opt-out, START takes it back; each is an event when it changes something, and reaches the bot', async () => {
  const { write, contact, changes, next, rows } = await setup();
  await write('hi');
  expect(await contact()).toMatchObject({ optedOut: false, marketingStopped: false, blocked: false });
  await write(' Stop ');
  expect((await contact()).optedOut).toBe(true);
  await write('stop');
  await write('START');
  expect((await contact()).optedOut).toBe(false);
  await write('start');
  const { id: contactId } = await contact();
  const told = { contactId, phone: PHONE, marketingStopped: false, blocked: false };
  expect(await changes()).toEqual([
    { ...told, optedIn: false, optedOut: true },
    { ...told, optedIn: true, optedOut: false },
  ]);
  expect(await rows('SELECT consent FROM pending_answers ORDER BY seq')).toEqual(
    [null, 'out', 'out', 'in', null].map((consent) => ({ consent })),
  );
  expect(await next()).toMatchObject({ content: { text: { body: 'hi' } }, consent: null });
});

test('a STOP that is handed over twice does not undo the START in between', async () => {
  const { write, contact } = await setup();
  await write('STOP', 'wamid.stop');
  await write('START');
  await write('STOP', 'wamid.stop');
  expect((await contact()).optedOut).toBe(false);
});

test('CANCEL is left to the bot, which knows what is going on; where no bot answers it is an opt-out', async () => {
  const { write, contact, chats, merchantId, chatId } = await setup();
  await write('cancel');
  expect((await contact()).optedOut).toBe(false);
  await chats.handover(merchantId, await chatId());
  await write('Cancel');
  expect((await contact()).optedOut).toBe(true);
});

test('what the bot makes of a message is kept: an opt-out, and a number to be called at, by which nobody is found', async () => {
  const { write, contact, next, tenancy, merchantId, module, rows, changes } = await setup();
  await write('cancel');
  const message = await next();
  await tenancy.run(merchantId, (tx) => module.get(AnswerQueue).done(tx, message!, { phone: '+263772000000', optedOut: true }));
  expect((await contact()).optedOut).toBe(true);
  expect(await changes()).toHaveLength(1);
  expect(await rows('SELECT phone, given_phone FROM contacts')).toEqual([{ phone: PHONE, given_phone: '+263772000000' }]);
  await rows(`UPDATE contacts SET phone = NULL, lid = '1'`);
  await write('hi');
  expect(await rows('SELECT phone FROM contacts ORDER BY id')).toEqual([{ phone: null }, { phone: PHONE }]);
});

test('who opted out, here or at WhatsApp, is queued no marketing, and everything else', async () => {
  const { write, send, stopMarketing, rows } = await setup();
  await write('STOP');
  await expect(send('marketing')).rejects.toThrow(OptedOutError);
  await expect(send('marketing')).rejects.toMatchObject({ status: 409, code: 'opted_out' });
  await write('START');
  await stopMarketing(true);
  await expect(send('marketing')).rejects.toThrow(OptedOutError);
  for (const category of [undefined, 'utility', 'authentication'] as const) await send(category);
  await stopMarketing(false);
  await send('marketing');
  expect(await rows(`SELECT category FROM messages WHERE direction = 'outbound' ORDER BY id`)).toEqual(
    ['utility', 'utility', 'authentication', 'marketing'].map((category) => ({ category })),
  );
});

test('who told WhatsApp to stop before we ever met gets no marketing either', async () => {
  const { stopMarketing, send, changes } = await setup();
  await stopMarketing(true);
  await stopMarketing(true);
  await expect(send('marketing')).rejects.toThrow(OptedOutError);
  expect(await changes()).toHaveLength(1);
});

test('a blocked customer is queued nothing; what they write is stored and no bot answers', async () => {
  const { write, send, block, rows, next, changes } = await setup();
  await write('before');
  await block();
  await expect(send()).rejects.toThrow(ContactBlockedError);
  await expect(send('authentication')).rejects.toMatchObject({ status: 409, code: 'contact_blocked' });
  await write('after');
  expect(await rows('SELECT text FROM messages ORDER BY id')).toEqual([{ text: 'before' }, { text: 'after' }]);
  expect(await rows(`SELECT 1 FROM events WHERE type = 'message_received'`)).toHaveLength(2);
  // What came in before the block is not answered either.
  expect(await rows('SELECT 1 FROM pending_answers')).toHaveLength(1);
  expect(await next()).toBeUndefined();
  expect(await rows('SELECT 1 FROM pending_answers')).toEqual([]);
  await block(false);
  await write('again');
  expect(await next()).toMatchObject({ content: { text: { body: 'again' } } });
  await send();
  expect(await changes()).toMatchObject([{ blocked: true }, { blocked: false }]);
});

test('consent is asked again when a message goes out: what was queued before a STOP, or a block, is refused', async () => {
  const { write, send, settleRefused, claim, block, rows } = await setup();
  await send('marketing');
  await send('utility');
  await send('utility');
  await write('STOP');
  expect((await settleRefused()).refused).toMatchObject({ code: 'opted_out' });
  const allowed = await claim();
  expect(allowed).toMatchObject({ category: 'utility', refused: null });
  await rows(`DELETE FROM pending_sends WHERE message_id = '${allowed!.messageId}'`);
  await block();
  expect((await settleRefused()).refused).toMatchObject({ code: 'contact_blocked' });
  expect(await rows(`SELECT status FROM messages WHERE direction = 'outbound' ORDER BY id`)).toEqual([
    { status: 'failed' },
    { status: 'sending' },
    { status: 'failed' },
  ]);
  expect(await rows(`SELECT data->>'code' AS code FROM events WHERE type = 'message_failed' ORDER BY id`)).toEqual([
    { code: 'opted_out' },
    { code: 'contact_blocked' },
  ]);
});
