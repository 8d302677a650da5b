import { newId } from '@soko/common';
import type { TenantTx } from '@soko/database';
import { holdShards, integration, parallel, seeded } from '@soko/testing';
import { expect, test } from 'vitest';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import type { ContactAddress } from './contact-address.js';
import { ContactService } from './contact.service.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';
import { SendQueue } from './send.queue.js';

const [PHONE, LID, USER] = ['+263771000001', '111222333', 'US.42'];

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channels = module.get(ChannelService);
  const [one, two] = [
    await channels.create(merchantId, { name: 'One', kind: 'simulator' }),
    await channels.create(merchantId, { name: 'Two', kind: 'simulator' }),
  ];
  const lease = await holdShards(house.system);
  const [store, sends, answers] = [module.get(MessageStore), module.get(SendQueue), module.get(AnswerQueue)];
  const run = <R>(work: (tx: TenantTx) => Promise<R>) => tenancy.run(merchantId, work);
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  const receive = (from: ContactAddress, body: string, channelId = one.id, name?: string) =>
    tenancy.run(merchantId, (tx) =>
      store.receive(tx, channelId, { waMessageId: newId(), from, name, content: { type: 'text', text: { body } } }),
    );
  const shardOf = async (channelId: string) =>
    (await rows<{ shard: number }>('SELECT shard FROM channels WHERE id = $1', [channelId]))[0]!.shard;
  return {
    ...house,
    merchantId,
    one,
    two,
    store,
    sends,
    answers,
    run,
    rows,
    receive,
    contacts: () =>
      rows<ContactAddress & { name: string | null }>('SELECT phone, lid, wa_user_id, name FROM contacts ORDER BY id'),
    chatOf: async (field: string, value: string) =>
      (
        await rows<{ id: string }>(
          `SELECT h.id FROM chats h JOIN contacts c ON c.id = h.contact_id WHERE c.${field} = $1 ORDER BY h.id LIMIT 1`,
          [value],
        )
      )[0]!.id,
    texts: async (chatId: string) =>
      (await module.get(ChatService).messages(merchantId, chatId, { limit: 100, offset: 0 })).data.map(({ text }) => text),
    send: (chatId: string, body: string) =>
      tenancy.run(merchantId, (tx) => store.queue(tx, { to: { chatId }, content: { type: 'text', text: { body } } })),
    claim: async (chatId: string, channelId = one.id) => {
      const held = lease(await shardOf(channelId));
      return tenancy.run(merchantId, (tx) => sends.claim(tx, chatId, held, 'sim.'));
    },
  };
}

test('a customer is one contact by number, lid and user id, each learnt when it comes along', async () => {
  const { receive, contacts, rows, merchantId, module } = await setup();
  await receive({ phone: PHONE }, '1');
  await receive({ phone: PHONE, lid: LID }, '2');
  await receive({ lid: LID, userId: USER }, '3');
  await receive({ userId: USER }, '4');
  expect(await contacts()).toEqual([{ phone: PHONE, lid: LID, wa_user_id: USER, name: null }]);
  expect(await rows('SELECT last_seq, unread FROM chats')).toEqual([{ last_seq: 4, unread: 4 }]);
  const [chat] = (await module.get(ChatService).list(merchantId, { limit: 10 })).data;
  expect(chat!.contact.phone).toBe(PHONE);
});

test('a customer whose number is hidden has none in views and events', async () => {
  const { receive, rows, merchantId, module, send, chatOf } = await setup();
  await receive({ lid: LID }, 'hi', undefined, 'Rudo');
  const [chat] = (await module.get(ChatService).list(merchantId, { limit: 10 })).data;
  expect(chat!.contact).toEqual({ id: expect.any(String), name: 'Rudo' });
  const queued = await send(await chatOf('lid', LID), 'hello');
  expect(queued).toEqual({ id: expect.any(String), chatId: chat!.id, status: 'queued' });
  const [event] = await rows<{ data: object }>(`SELECT data FROM events WHERE type = 'message_received'`);
  expect(event!.data).not.toHaveProperty('from');
  expect(event!.data).toMatchObject({ contactId: chat!.contact.id });
});

test('lid and number that were two contacts become one: the chats on other channels follow, those on the same become one', async () => {
  const { receive, contacts, rows, one, two, texts, chatOf } = await setup();
  await receive({ phone: PHONE }, 'by number', one.id);
  await receive({ lid: LID }, 'by lid', one.id, 'Rudo');
  await receive({ lid: LID }, 'by lid again', one.id);
  await receive({ lid: LID }, 'on the other channel', two.id);
  const kept = await chatOf('phone', PHONE);
  await receive({ phone: PHONE, lid: LID }, 'as both', one.id);
  expect(await contacts()).toEqual([{ phone: PHONE, lid: LID, wa_user_id: null, name: 'Rudo' }]);
  expect(await texts(kept)).toEqual(['as both', 'by lid again', 'by lid', 'by number']);
  expect(await rows('SELECT channel_id, last_seq, unread FROM chats ORDER BY id')).toEqual([
    { channel_id: one.id, last_seq: 4, unread: 4 },
    { channel_id: two.id, last_seq: 1, unread: 1 },
  ]);
  const pending = await rows<{ chat_id: string; seq: number }>('SELECT chat_id, seq FROM pending_answers ORDER BY chat_id, seq');
  expect(pending.filter(({ chat_id }) => chat_id === kept).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect(await rows('SELECT DISTINCT chat_id FROM messages WHERE channel_id = $1', [one.id])).toEqual([{ chat_id: kept }]);
});

test('what waits in a chat that is merged away is looked at in the one that stays', async () => {
  const { receive, run, rows, chatOf, send, queue, alarms, merchantId, store, one } = await setup();
  await receive({ phone: PHONE }, 'hi');
  await receive({ lid: LID }, 'hi');
  await send(await chatOf('lid', LID), 'hello');
  const kept = await chatOf('phone', PHONE);
  const [{ shard } = { shard: -1 }] = await rows<{ shard: number }>('SELECT shard FROM pending_sends');
  await alarms('inbound_processing', 2);
  await alarms(`message_sending-${shard}`, 1);
  for (const name of ['inbound_processing', `message_sending-${shard}`]) await queue(name).obliterate({ force: true });
  // By itself this message would wake nobody.
  const content = { type: 'unsupported', unsupported: { what: 'undecryptable' } } as const;
  await run((tx) => store.receive(tx, one.id, { waMessageId: newId(), from: { phone: PHONE, lid: LID }, content }));
  expect(await alarms('inbound_processing', 1)).toEqual([{ merchantId, chatId: kept }]);
  expect(await alarms(`message_sending-${shard}`, 1)).toEqual([{ merchantId, chatId: kept, shard }]);
});

test('what was said last, read last and offered last is that of the merged chat', async () => {
  const { receive, rows, run, store, chatOf } = await setup();
  await receive({ phone: PHONE }, 'early');
  const old = await chatOf('phone', PHONE);
  await receive({ lid: LID }, 'late');
  const hidden = await chatOf('lid', LID);
  await run((tx) =>
    store.queue(tx, {
      to: { chatId: hidden },
      content: { type: 'buttons', buttons: { body: 'Which?', buttons: [{ id: 'a', title: 'Apples' }] } },
    }),
  );
  const [before] = await rows<object>(
    'SELECT last_message_id, last_inbound_at, last_inbound_wa_id, offer FROM chats WHERE id = $1',
    [hidden],
  );
  await run((tx) => tx.query(`UPDATE chats SET read_mark = 'wamid.x' WHERE id = $1`, [hidden]));
  await receive({ phone: PHONE, lid: LID }, 'both');
  const [after] = await rows<Record<string, unknown>>('SELECT * FROM chats');
  expect(after).toMatchObject({ id: old, read_mark: 'wamid.x', last_seq: 4, unread: 3 });
  expect(after!.offer).toEqual((before as { offer: unknown }).offer);
});

test('who was opted out, blocked or named under one address is so under both', async () => {
  const { receive, module, merchantId, rows } = await setup();
  await receive({ phone: PHONE }, 'hi');
  await receive({ lid: LID }, 'STOP', undefined, 'Rudo');
  const contacts = module.get(ContactService);
  const [hidden] = (await contacts.list(merchantId, { limit: 1 })).data;
  await contacts.update(merchantId, hidden!.id, { blocked: true, name: 'Rudo M.' });
  await receive({ phone: PHONE, lid: LID }, 'hi again');
  const all = (await contacts.list(merchantId, { limit: 10 })).data;
  expect(all).toEqual([expect.objectContaining({ phone: PHONE, optedOut: true, blocked: true, name: 'Rudo M.' })]);
  expect(await rows(`SELECT 1 FROM pending_answers p JOIN messages m ON m.id = p.message_id WHERE m.text = 'hi again'`)).toEqual(
    [],
  );
  const events = await rows<{ data: object }>(`SELECT data FROM events WHERE type = 'contact_consent_changed' ORDER BY id`);
  expect(events.at(-1)!.data).toEqual({
    contactId: all[0]!.id,
    phone: PHONE,
    optedIn: false,
    optedOut: true,
    marketingStopped: false,
    blocked: true,
  });
});

test('who agreed under one address has agreed under both, unless one of them wrote STOP; tags are put together', async () => {
  const { receive, module, merchantId } = await setup();
  const contacts = module.get(ContactService);
  for (const [phone, lid, stops] of [
    [PHONE, LID, false],
    ['+263771000002', '222', true],
  ] as const) {
    await receive({ phone }, 'hi');
    const [known] = (await contacts.list(merchantId, { limit: 1 })).data;
    await contacts.update(merchantId, known!.id, { tags: ['b', 'a'] });
    await receive({ lid }, 'hi');
    const [hidden] = (await contacts.list(merchantId, { limit: 1 })).data;
    await contacts.update(merchantId, hidden!.id, { optedIn: true, optInSource: 'Fair', tags: ['c', 'a'] });
    if (stops) await receive({ phone }, 'STOP');
    await receive({ phone, lid }, 'hi again');
    const one = await contacts.get(merchantId, known!.id);
    expect(one).toMatchObject({ optedOut: stops, tags: ['a', 'b', 'c'] });
    expect(one.optInSource).toBe(stops ? undefined : 'Fair');
  }
});

test('two recipients of a broadcast that turn out to be one get it once: who has a message already stands before who waits', async () => {
  const { receive, rows, merchantId, one, send, chatOf, module } = await setup();
  await receive({ phone: PHONE }, 'hi');
  await receive({ lid: LID }, 'hi');
  const { id: messageId } = await send(await chatOf('lid', LID), 'Sale');
  const [hidden, known] = (await module.get(ContactService).list(merchantId, { limit: 2 })).data.map(({ id }) => id);
  const ids = [newId(), newId(), newId()];
  for (const id of ids)
    await rows(
      `INSERT INTO broadcasts (merchant_id, id, name, status, channel_id, template_name, variables, category, segment)
       VALUES ($1, $2, 'Sale', 'running', $3, 'sale', '{}', 'marketing', '{}')`,
      [merchantId, id, one.id],
    );
  const [both, hiddenAlone, bothWait] = ids;
  for (const [broadcast, contact, position, message] of [
    [both, known, 1, null],
    [both, hidden, 2, messageId],
    [hiddenAlone, hidden, 1, null],
    [bothWait, known, 1, null],
    [bothWait, hidden, 2, null],
  ])
    await rows(
      `INSERT INTO broadcast_recipients (merchant_id, broadcast_id, contact_id, position, status, message_id)
       VALUES ($1, $2, $3, $4, CASE WHEN $5::uuid IS NULL THEN 'waiting' ELSE 'queued' END, $5)`,
      [merchantId, broadcast, contact, position, message],
    );
  await receive({ phone: PHONE, lid: LID }, 'it is me');
  expect(
    await rows(
      'SELECT broadcast_id, contact_id, message_id FROM broadcast_recipients ORDER BY array_position($1::uuid[], broadcast_id)',
      [ids],
    ),
  ).toEqual([
    { broadcast_id: both, contact_id: known, message_id: messageId },
    { broadcast_id: hiddenAlone, contact_id: known, message_id: null },
    { broadcast_id: bothWait, contact_id: known, message_id: null },
  ]);
});

test('a chat that a person has is theirs with all that is merged into it: no bot answers', async () => {
  const { receive, module, merchantId, rows, chatOf } = await setup();
  await receive({ phone: PHONE }, 'for the person');
  await module.get(ChatService).handover(merchantId, await chatOf('phone', PHONE));
  await receive({ lid: LID }, 'for the bot');
  await receive({ phone: PHONE, lid: LID }, 'both');
  expect(await rows('SELECT * FROM pending_answers')).toEqual([]);
  expect(await rows('SELECT bot_paused FROM chats')).toEqual([{ bot_paused: true }]);
});

test('a chat that a person had for a time that is over keeps nobody from being answered when it is merged', async () => {
  const { receive, module, merchantId, rows, chatOf } = await setup();
  await receive({ phone: PHONE }, 'for the person');
  await module.get(ChatService).handover(merchantId, await chatOf('phone', PHONE), { minutes: 5 });
  await rows(`UPDATE chats SET bot_paused_until = now() - interval '1 second'`);
  await receive({ lid: LID }, 'for the bot');
  await receive({ phone: PHONE, lid: LID }, 'both');
  expect(await rows('SELECT 1 FROM pending_answers')).toHaveLength(2);
  expect(await rows('SELECT bot_paused, bot_paused_until FROM chats')).toEqual([{ bot_paused: false, bot_paused_until: null }]);
});

test('the conversation that was had last goes on in the merged chat, and an order keeps its chat', async () => {
  const { receive, rows, run, chatOf, merchantId } = await setup();
  await receive({ phone: PHONE }, 'hi');
  await receive({ lid: LID }, 'hi');
  const [kept, hidden] = [await chatOf('phone', PHONE), await chatOf('lid', LID)];
  await run(async (tx) => {
    await tx.query(
      `INSERT INTO conversations (merchant_id, chat_id, state, updated_at) VALUES ($1, $2, '{"step":"idle"}', now() - interval '1 hour'),
         ($1, $3, '{"step":"quantity"}', now())`,
      [merchantId, kept, hidden],
    );
    await tx.query(
      `INSERT INTO carts (merchant_id, chat_id, lines, updated_at) VALUES ($1, $2, '["old"]', now() - interval '1 hour'), ($1, $3, '["new"]', now())`,
      [merchantId, kept, hidden],
    );
    await tx.query(`UPDATE contacts SET language = 'fr', language_chosen = true WHERE lid = $1`, [LID]);
    await tx.query(
      `INSERT INTO orders (merchant_id, number, status, customer_phone, total_amount, currency, chat_id) VALUES ($1, 1, 'pending', $2, 0, 'USD', $3)`,
      [merchantId, PHONE, hidden],
    );
  });
  await receive({ phone: PHONE, lid: LID }, 'both');
  expect(await rows('SELECT chat_id, state FROM conversations')).toEqual([{ chat_id: kept, state: { step: 'quantity' } }]);
  expect(await rows('SELECT chat_id, lines FROM carts')).toEqual([{ chat_id: kept, lines: ['new'] }]);
  expect(await rows('SELECT language, language_chosen FROM contacts')).toEqual([{ language: 'fr', language_chosen: true }]);
  expect(await rows('SELECT chat_id FROM orders')).toEqual([{ chat_id: kept }]);
});

test('a message that is on its way while its chat is merged away is settled once, and not sent a second time', async () => {
  const { receive, rows, run, sends, chatOf, send, claim } = await setup();
  await receive({ phone: PHONE }, 'hi');
  await receive({ lid: LID }, 'hi');
  const [kept, hidden] = [await chatOf('phone', PHONE), await chatOf('lid', LID)];
  await send(hidden, 'first');
  await send(hidden, 'second');
  const onItsWay = await claim(hidden);
  expect(onItsWay!.content).toEqual({ type: 'text', text: { body: 'first' } });
  await receive({ phone: PHONE, lid: LID }, 'both');
  expect(await claim(hidden)).toBeUndefined();
  // Taken up by the merged chat, it would go out twice.
  expect(await claim(kept)).toBeUndefined();
  await run((tx) => sends.settle(tx, onItsWay!, { kind: 'sent', waMessageId: onItsWay!.waMessageId! }));
  const next = await claim(kept);
  expect(next).toMatchObject({ content: { text: { body: 'second' } }, to: { phone: PHONE, lid: LID } });
  expect(await rows(`SELECT status, chat_id FROM messages WHERE text = 'first'`)).toEqual([{ status: 'sent', chat_id: kept }]);
  expect(await rows(`SELECT 1 FROM events WHERE type = 'message_sent'`)).toHaveLength(1);
});

test('a number that has gone over to somebody else’s account leaves the first one its own', async () => {
  const { receive, contacts } = await setup();
  await receive({ phone: PHONE, lid: '1' }, 'first');
  await receive({ phone: '+263771000002', lid: '2' }, 'second');
  await receive({ phone: PHONE, lid: '2' }, 'third');
  expect(await contacts()).toEqual([
    { phone: null, lid: '1', wa_user_id: null, name: null },
    { phone: PHONE, lid: '2', wa_user_id: null, name: null },
  ]);
});

test('messages under all addresses at once, with the bot and senders at work: one contact, one chat, nothing lost, no deadlock', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { receive, contacts, rows, run, answers, store, sends, tenancy, merchantId } = await setup();
  const addresses: ContactAddress[] = [{ phone: PHONE }, { lid: LID }, { userId: USER }];
  const any = (): ContactAddress => {
    const picked = addresses.filter(() => random() < 0.5);
    return Object.assign({}, ...(picked.length > 0 ? picked : [addresses[Math.floor(random() * 3)]!])) as ContactAddress;
  };
  const plan = Array.from({ length: 60 }, any);
  for (const address of addresses) await receive(address, 'begin');
  const chats = await rows<{ id: string }>('SELECT id FROM chats');
  const done = new AbortController();
  const bots = chats.map(async ({ id }) => {
    let answered = 0;
    while (!done.signal.aborted) {
      await tenancy.run(merchantId, async (tx) => {
        const message = await answers.next(tx, id);
        if (!message) return;
        await store.queue(tx, { to: { chatId: id }, content: { type: 'text', text: { body: 'reply' } }, answers: true });
        await answers.done(tx, message, { phone: '+263772000000' });
        answered += 1;
      });
      await run((tx) => sends.takeReadMark(tx, id));
    }
    return answered;
  });
  await parallel(60, (n) => receive(plan[n]!, `message ${n}`));
  await receive({ phone: PHONE, lid: LID, userId: USER }, 'end');
  done.abort();
  const answered = (await Promise.all(bots)).reduce((sum, each) => sum + each, 0);
  expect(await contacts()).toEqual([{ phone: PHONE, lid: LID, wa_user_id: USER, name: null }]);
  const [chat, ...more] = await rows<{ id: string; last_seq: number; unread: number }>('SELECT id, last_seq, unread FROM chats');
  expect(more).toEqual([]);
  expect(chat).toMatchObject({ last_seq: 64 + answered, unread: 64 });
  const messages = await rows<{ seq: number }>('SELECT seq FROM messages WHERE chat_id = $1 ORDER BY seq', [chat!.id]);
  expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 64 + answered }, (_, n) => n + 1));
  expect(await rows('SELECT 1 FROM pending_answers')).toHaveLength(64 - answered);
  expect(await rows('SELECT 1 FROM pending_sends WHERE chat_id = $1', [chat!.id])).toHaveLength(answered);
});
