import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import { MessageStore, type Receipt, SendQueue } from '@soko/messaging';
import { parallel, until } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TransportError } from '../transport.js';
import { ReceiptBatches } from './receipt-batches.js';
import { FIRST, nextNumber, setup, text } from '../../../../test/support/baileys.js';

const fateOf = async (sending: Promise<string>): Promise<[string, string]> => {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TransportError)) throw new Error(`no TransportError: ${String(error)}`);
  return [error.code, error.fate];
};

test('the same message sent twice arrives once', async () => {
  const { server, linked } = await setup();
  const { phone, session } = await linked();
  const rudo = server.customer(nextNumber());
  const message = text(rudo, 'Once');
  expect(await session.send(message)).toBe(message.waMessageId);
  expect(await session.send(message)).toBe(message.waMessageId);
  await until('both on the wire', () => rudo.arrivals.length === 2);
  await until('seen', async () => (await rudo.inbox()).length === 1);
  expect(phone.sent).toBe(2);
});

test('nobody acknowledges: it waits, the second time on a new connection, and arrives once', async () => {
  const { server, linked, state } = await setup();
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  const rudo = server.customer(nextNumber());
  phone.loseAcks = true;
  const message = text(rudo, 'Hello?');
  const sockets = phone.sockets.length;
  expect(await fateOf(session.send(message))).toEqual(['no_answer', 'wait']);
  expect(phone.sockets.length).toBe(sockets);
  expect(await fateOf(session.send(message))).toEqual(['no_answer', 'wait']);
  await until('a new connection', () => phone.sockets.length === sockets + 1 && state.readies === 2);
  phone.loseAcks = false;
  expect(await session.send(message)).toBe(message.waMessageId);
  expect((await rudo.inbox()).map(({ text: body }) => body)).toEqual(['Hello?']);
});

test('a connection that is lost while sending: the message waits', async () => {
  const { server, linked, state } = await setup({ timings: { ack: 10_000 } });
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  const rudo = server.customer(nextNumber());
  phone.loseAcks = true;
  const message = text(rudo, 'Hello?');
  const sending = fateOf(session.send(message));
  await until('on the wire', () => phone.sent === 1);
  phone.close(428);
  expect(await sending).toEqual(['connection_lost', 'wait']);
  expect(await fateOf(session.send(message))).toEqual(['channel_disconnected', 'wait']);
  phone.loseAcks = false;
  await until('connected again', () => state.readies === 2);
  await session.send(message);
  expect(await rudo.inbox()).toHaveLength(1);
});

test('whatever is being sent when the connection closes waits, and says so', async () => {
  const { server, linked, state } = await setup();
  const { phone, session } = await linked();
  const people = Array.from({ length: 5 }, () => server.customer(nextNumber()));
  for (const code of [503, 428, 500] as const) {
    await until('connected', () => session.sends);
    await session.send(text(people[0]!, 'first'));
    const { readies } = state;
    const sending = Array.from({ length: 40 }, async (_, n) => {
      await pause(n / 4);
      return session.send(text(people[n % 5]!, `${n}`)).then(
        () => 'sent',
        (error: unknown) => (error instanceof TransportError ? error.fate : String(error)),
      );
    });
    await pause(4);
    phone.close(code);
    const fates = new Set(await Promise.all(sending));
    expect([...fates].filter((fate) => fate !== 'sent')).toEqual(['wait']);
    await until('again', () => state.readies > readies);
  }
});

test('463: the chat is refused, told once; no new chats are begun from then on, and standing ones go on', async () => {
  const { server, linked, reports, opened } = await setup();
  const { phone, session } = await linked();
  const [refused, stranger, regular] = [
    server.customer(nextNumber()),
    server.customer(nextNumber()),
    server.customer(nextNumber()),
  ];
  server.restrict(phone, refused);
  reports.length = 0;
  expect(await fateOf(session.send(text(refused, 'Hi', FIRST)))).toEqual(['chat_refused', 'failed']);
  expect(await fateOf(session.send(text(refused, 'Hi')))).toEqual(['chat_refused', 'failed']);
  const told = () => reports.filter(({ restrictedUntil }) => restrictedUntil);
  await until('told', () => told().length > 0);
  expect(told()[0]).toMatchObject({ status: 'connected', reason: expect.stringContaining('no new chats') });
  expect(told()[0]!.restrictedUntil!.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
  expect(await fateOf(session.send(text(stranger, 'Hi', FIRST)))).toEqual(['new_chats_paused', 'wait']);
  await session.send(text(regular, 'Your order is ready'));
  expect(told()).toHaveLength(1);
  // It stands for the next session too.
  await session.close();
  const next = await opened();
  expect(await fateOf(next.send(text(stranger, 'Hi', FIRST)))).toEqual(['new_chats_paused', 'wait']);
  await next.send(text(regular, 'Thank you'));
  expect(stranger.arrivals).toEqual([]);
});

test('another error code: failed, and the connection stays', async () => {
  const { server, linked } = await setup();
  const { phone, session } = await linked();
  const rudo = server.customer(nextNumber());
  phone.restrict(rudo.number, '479');
  const sockets = phone.sockets.length;
  for (let n = 0; n < 3; n += 1) expect(await fateOf(session.send(text(rudo, 'Hi')))).toEqual(['whatsapp_479', 'failed']);
  expect(phone.sockets.length).toBe(sockets);
});

test('who is not on WhatsApp is not reachable; each number is asked about once', async () => {
  const { server, linked } = await setup();
  const { phone, session } = await linked();
  const [absent, rudo] = [server.customer(nextNumber()), server.customer(nextNumber())];
  server.notOnWhatsapp.add(absent.number);
  const asked: string[] = [];
  const find = server.find.bind(server);
  vi.spyOn(server, 'find').mockImplementation((user) => {
    if (new Error().stack?.includes('usync')) asked.push(`+${user}`);
    return find(user);
  });
  for (let n = 0; n < 3; n += 1) {
    expect(await fateOf(session.send(text(absent, 'Hi', FIRST)))).toEqual(['recipient_unreachable', 'failed']);
    await session.send(text(rudo, 'Hi', FIRST));
  }
  expect(asked.filter((number) => number === absent.number)).toHaveLength(1);
  // Once whether it exists, once which devices it has.
  expect(asked.filter((number) => number === rudo.number)).toHaveLength(2);
  expect(phone.sent).toBe(3);
  // A standing chat is not looked up, but a message to nobody must not count as sent.
  expect(await fateOf(session.send(text(absent, 'Hi')))).toEqual(['recipient_unreachable', 'retry']);
  expect(phone.sent).toBe(3);
});

test('strangers are written to one after the other, and a second try takes no second place', async () => {
  const { server, linked, channel } = await setup();
  channel.config = { newChatGapSeconds: 0, newChatsPerDay: 2 };
  const { session } = await linked();
  const [rudo, farai, tendai] = [server.customer(nextNumber()), server.customer(nextNumber()), server.customer(nextNumber())];
  const first = text(rudo, 'Hi', FIRST);
  await session.send(first);
  await session.send(first);
  await session.send(text(farai, 'Hi', FIRST));
  expect(await fateOf(session.send(text(tendai, 'Hi', FIRST)))).toEqual(['new_chats_paced', 'wait']);
});

test('chats that were begun before a restart count, those that only wait for their turn do not', async () => {
  const { server, linked, opened, channel, tenancy, merchantId, id, module, state, system } = await setup();
  channel.config = { newChatGapSeconds: 0, newChatsPerDay: 2 };
  const { session } = await linked();
  await session.close();
  const [{ shard } = { shard: 0 }] = await system.query<{ shard: number }>('SELECT shard FROM channels WHERE id = $1', [id]);
  const people = Array.from({ length: 5 }, () => server.customer(nextNumber()));
  const queue = module.get(SendQueue);
  await tenancy.run(merchantId, async (tx) => {
    for (const [n, one] of people.entries()) {
      const content: OutboundContent = { type: 'text', text: { body: 'Hi' } };
      const { chatId } = await module.get(MessageStore).queue(tx, { to: one.number, content, channelId: id });
      const send = await queue.claim(tx, chatId, { ...state.lease!, shard }, '3EB0');
      // The others were claimed and put off.
      if (n === 0) await queue.settle(tx, send!, { kind: 'sent', waMessageId: send!.waMessageId! });
    }
  });
  const next = await opened();
  await next.send(text(people[1]!, 'Hi', FIRST));
  expect(await fateOf(next.send(text(people[2]!, 'Hi', FIRST)))).toEqual(['new_chats_paced', 'wait']);
});

test('receipts reach the queue: delivered, read, read alone, doubled, and earlier than the acknowledgement', async () => {
  const { server, linked, module } = await setup();
  const receipts: Receipt[] = [];
  vi.spyOn(module.get(SendQueue), 'receipts').mockImplementation(async (_tx, _id, some) => void receipts.push(...some));
  const { phone, session } = await linked();
  const rudo = server.customer(nextNumber());
  const of = (id: string | null) => receipts.filter(({ waMessageId }) => waMessageId === id).map(({ status }) => status);
  const delivered = text(rudo, 'one');
  await session.send(delivered);
  await until('delivered', () => of(delivered.waMessageId).length === 1);
  rudo.read(delivered.waMessageId!);
  rudo.read(delivered.waMessageId!);
  await until('read', () => of(delivered.waMessageId).length === 3);
  expect(of(delivered.waMessageId)).toEqual(['delivered', 'read', 'read']);
  rudo.autoReceipts = 'read-only';
  phone.lateAcks = true;
  const read = text(rudo, 'two');
  await session.send(read);
  await until('read', () => of(read.waMessageId).length === 1);
  expect(of(read.waMessageId)).toEqual(['read']);
});

test('receipts that came just before the session closes are written down', async () => {
  const { server, linked, module } = await setup();
  const written = vi.spyOn(module.get(SendQueue), 'receipts').mockResolvedValue();
  const { session } = await linked();
  const rudo = server.customer(nextNumber());
  const message = text(rudo, 'one');
  const came = vi.spyOn(ReceiptBatches.prototype, 'add');
  onTestFinished(() => came.mockRestore());
  await session.send(message);
  await until('the receipt has come', () => came.mock.calls.length > 0);
  await session.close();
  const ids = written.mock.calls.flatMap(([, , receipts]) => receipts.map(({ waMessageId }) => waMessageId));
  expect(ids).toContain(message.waMessageId);
});

const BUTTONS: OutboundContent = {
  type: 'buttons',
  buttons: {
    body: 'Right?',
    buttons: [
      { id: 'y', title: 'Yes' },
      { id: 'n', title: 'No' },
    ],
  },
};

test.each([
  ['text', { type: 'text', text: { body: 'Mhoro' } }, 'Mhoro'],
  ['buttons', BUTTONS, 'Right?\n\n1. Yes\n2. No'],
] as [string, OutboundContent, string][])(
  'a phone that cannot read a message gets it once more, from the store: %s',
  async (_, content, shown) => {
    const { server, linked, tenancy, merchantId, id, module, state, system } = await setup();
    const { phone, session } = await linked();
    const rudo = server.customer(nextNumber());
    const [{ shard } = { shard: 0 }] = await system.query<{ shard: number }>('SELECT shard FROM channels WHERE id = $1', [id]);
    const queue = module.get(SendQueue);
    const send = await tenancy.run(merchantId, async (tx) => {
      const { chatId } = await module.get(MessageStore).queue(tx, { to: rudo.number, content, channelId: id });
      return (await queue.claim(tx, chatId, { ...state.lease!, shard }, '3EB0'))!;
    });
    expect(send.waMessageId).toMatch(/^3EB0/);
    // Looked at only when the connection that sent it is gone, and with it what Baileys remembers.
    rudo.decrypt = 'lazy';
    await session.send(send);
    await until('told', () => state.readies === 1);
    phone.close(428);
    await until('again', () => state.readies === 2);
    rudo.failNext = 1;
    await rudo.inbox();
    await until('sent again', () => phone.sent === 2);
    await until('read', async () => (await rudo.inbox()).length === 1);
    expect(rudo.received[0]).toMatchObject({ id: send.waMessageId, text: shown });
  },
);

test('both ways at once with the same customers: nobody needs to ask for anything twice', async () => {
  const { server, linked, journalled } = await setup();
  const { phone, session } = await linked();
  const customers = Array.from({ length: 4 }, () => server.customer(nextNumber()));
  for (const one of customers) {
    const id = await one.write(phone, { text: 'first' });
    await until('acknowledged', () => phone.acknowledged.has(id));
    await session.send(text(one, 'first'));
  }
  const retries = customers.map((one) => vi.spyOn(one, 'retry'));
  const before = phone.sent;
  const written: string[] = [];
  await parallel(4, async (n) => {
    await Promise.all([
      (async () => {
        for (let k = 0; k < 25; k += 1) await session.send(text(customers[n]!, `out ${k}`, { chatId: newId() }));
      })(),
      (async () => {
        for (let k = 0; k < 25; k += 1) written.push(await customers[n]!.write(phone, { text: `in ${k}` }));
      })(),
    ]);
  });
  await until('all in', () => written.every((id) => phone.acknowledged.has(id)));
  for (const one of customers) await until('all out', async () => (await one.inbox()).length === 26);
  expect(new Set(await journalled()).size).toBe(104);
  expect(retries.flatMap(({ mock }) => mock.calls)).toEqual([]);
  expect(phone.sent - before).toBe(100);
});
