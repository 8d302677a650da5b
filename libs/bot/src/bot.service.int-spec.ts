import { Injectable } from '@nestjs/common';
import { CatalogModule, ProductService } from '@soko/catalog';
import { newId } from '@soko/common';
import { type InboundContent, processInbound } from '@soko/contracts';
import { MerchantService } from '@soko/identity';
import { AnswerQueue, ChannelService, type ContactAddress, ContactService, MessageStore, MessagingModule } from '@soko/messaging';
import { OrderProcessor, OrderService, OrdersModule } from '@soko/orders';
import { Handles } from '@soko/queues';
import { integration, parallel, until } from '@soko/testing';
import { expect, test } from 'vitest';
import { BotModule } from './bot.module.js';
import { BotService } from './bot.service.js';

const PHONE = '+263771000001';
const text = (body: string): InboundContent => ({ type: 'text', text: { body } });
const tap = (id: string): InboundContent => ({ type: 'reply', reply: { id, title: id } });

/** Stands for the handler in libs/whatsapp: what serves a queue must handle all its jobs. */
@Injectable()
class NoDeliveries {
  @Handles(processInbound)
  async run(): Promise<void> {}
}

/** A shop that sells one thing. Answers are given by `answer`, or by the queues with `running`. */
async function setup({ running = false } = {}) {
  const house = await integration({
    imports: [MessagingModule, CatalogModule, OrdersModule, ...(running ? [BotModule] : [])],
    providers: running ? [OrderProcessor, NoDeliveries] : [],
    serves: running ? ['inbound_processing', 'order_processing'] : [],
  });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const [store, products] = [module.get(MessageStore), module.get(ProductService)];
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const product = await products.create(merchantId, {
    sku: 'MAIZE',
    name: 'Maize meal',
    price: { amount: 1_250, currency: 'USD' },
    stock: 10,
  });
  const bot = new BotService(
    tenancy,
    module.get(AnswerQueue),
    store,
    products,
    module.get(OrderService),
    module.get(MerchantService),
  );
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const receive = (content: InboundContent, from: ContactAddress = { phone: PHONE }) =>
    tenancy.run(merchantId, (tx) => store.receive(tx, channel.id, { waMessageId: newId(), from, name: 'Rudo', content }));
  const chatId = async () => (await rows<{ id: string }>('SELECT id FROM chats'))[0]!.id;
  return {
    ...house,
    merchantId,
    channel,
    product,
    products,
    rows,
    receive,
    chatId,
    answer: async () => bot.answerChat({ merchantId, chatId: await chatId() }),
    replies: async () =>
      (await rows<{ text: string }>(`SELECT text FROM messages WHERE direction = 'outbound' ORDER BY seq`)).map(
        (row) => row.text,
      ),
    inbound: async () =>
      (await rows<{ status: string }>(`SELECT status FROM messages WHERE direction = 'inbound' ORDER BY seq`)).map(
        (row) => row.status,
      ),
    state: async () => (await rows<{ state: object }>('SELECT state FROM conversations'))[0]?.state,
    makeDue: () => rows('UPDATE pending_answers SET due_at = now()'),
  };
}

const ORDER = (productId: string) => [
  text('hi'),
  tap(`product:${productId}`),
  text('2'),
  text('12 Samora Machel Ave'),
  tap('order:confirm'),
];
const REPLIES = [
  /^Welcome to Shop!\n\nWhat would you like to order\?/,
  /^Maize meal, \$12\.50 each\. How many\?/,
  /^Where shall we deliver\?/,
  /2 × Maize meal\n\nTotal: \$25\.00, cash on delivery\n\nDelivery to: 12 Samora Machel Ave/,
  /^Thank you! We are checking your order #1\.$/,
];

test('a conversation leads to a confirmed order, each message with its reply, in order', async () => {
  const { receive, product, replies, rows, inbound, channel } = await setup({ running: true });
  for (const [n, content] of ORDER(product.id).entries()) {
    await receive(content);
    await until(`reply ${n + 1}`, async () => (await replies()).length === n + 1);
  }
  const said = await replies();
  expect(said).toEqual(REPLIES.map((reply) => expect.stringMatching(reply)));
  await until('the order to be confirmed', async () => {
    const [order] = await rows<{ status: string }>('SELECT status FROM orders');
    return order?.status === 'confirmed';
  });
  expect(await rows('SELECT customer_phone, customer_name, channel_id, delivery, total_amount FROM orders')).toEqual([
    {
      customer_phone: PHONE,
      customer_name: 'Rudo',
      channel_id: channel.id,
      delivery: { address: '12 Samora Machel Ave' },
      total_amount: 2_500,
    },
  ]);
  expect(await rows('SELECT reserved FROM products')).toEqual([{ reserved: 2 }]);
  expect(await inbound()).toEqual(['read', 'read', 'read', 'read', 'read']);
});

test('what was written in one go is answered in order, by whoever comes', async () => {
  const { receive, product, answer, replies, rows, inbound } = await setup();
  for (const content of ORDER(product.id)) await receive(content);
  await parallel(10, answer);
  expect(await replies()).toEqual(REPLIES.map((reply) => expect.stringMatching(reply)));
  expect(await rows('SELECT number FROM orders')).toEqual([{ number: 1 }]);
  expect(new Set(await inbound())).toEqual(new Set(['read']));
});

test('the same alarm ten times at once answers each message once', async () => {
  const { receive, answer, replies, rows } = await setup();
  for (const body of ['hi', 'menu', 'hello']) await receive(text(body));
  await parallel(10, answer);
  await answer();
  expect(await replies()).toHaveLength(3);
  expect(await rows('SELECT * FROM pending_answers')).toEqual([]);
});

test('a message that cannot be answered is put off, then left to a person, and the chat goes on', async () => {
  const { receive, answer, replies, rows, inbound, makeDue } = await setup();
  await receive(text('poison'));
  await receive(text('hi'));
  await rows(`UPDATE messages SET content = '{"type": "text"}' WHERE text = 'poison'`);
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    await expect(answer()).rejects.toThrow(TypeError);
    // Not due: an alarm that comes early does nothing, and the message behind it waits.
    await answer();
    expect(await rows('SELECT attempts FROM pending_answers WHERE seq = 1')).toEqual([{ attempts: attempt }]);
    await makeDue();
  }
  expect(await replies()).toEqual([]);
  await expect(answer()).rejects.toThrow(TypeError);
  expect(await inbound()).toEqual(['failed', 'received']);
  await answer();
  expect(await replies()).toEqual([expect.stringMatching(/^Welcome to Shop!/)]);
  expect(await inbound()).toEqual(['failed', 'read']);
});

test('what the bot wrote in an answer that failed was never written', async () => {
  const { receive, answer, replies, rows, product, makeDue, merchantId, products } = await setup();
  for (const content of ORDER(product.id)) await receive(content);
  // There is no number left for the order.
  await rows(`INSERT INTO order_counters (merchant_id, last_number) VALUES ('${merchantId}', 9223372036854775807)`);
  await expect(answer()).rejects.toThrow(/bigint out of range/);
  expect(await replies()).toHaveLength(4);
  expect(await rows('SELECT * FROM orders')).toEqual([]);
  await rows('UPDATE order_counters SET last_number = 0');
  await makeDue();
  await answer();
  expect((await replies()).at(-1)).toMatch(/order #1/);
  expect((await products.get(merchantId, product.id)).stock).toBe(10);
});

test('a conversation stored in a shape that nobody knows holds up its chat for a while, not for good', async () => {
  const { receive, answer, replies, rows, makeDue, state, chatId, merchantId } = await setup();
  await receive(text('two, please'));
  await rows(
    `INSERT INTO conversations (merchant_id, chat_id, state) VALUES ('${merchantId}', '${await chatId()}', '{"step": "of another version"}')`,
  );
  for (let attempt = 1; attempt <= 6; attempt += 1) {
    await expect(answer()).rejects.toThrow(TypeError);
    await makeDue();
  }
  await receive(text('menu'));
  await answer();
  expect(await replies()).toHaveLength(1);
  expect(await state()).toMatchObject({ step: 'choosing' });
});

test('a conversation that rested for a day starts anew', async () => {
  const { receive, answer, replies, rows, product } = await setup();
  await receive(text('hi'));
  await receive(tap(`product:${product.id}`));
  await answer();
  await rows(`UPDATE conversations SET updated_at = now() - interval '23 hours 59 minutes'`);
  await receive(text('many'));
  await answer();
  expect((await replies()).at(-1)).toMatch(/Please write a number/);
  await rows(`UPDATE conversations SET updated_at = now() - interval '24 hours 1 second'`);
  await receive(text('2'));
  await answer();
  expect((await replies()).at(-1)).toMatch(/^Welcome to Shop!/);
});

test('a product that is gone when the customer confirms: nothing is ordered, and the customer is told', async () => {
  const { receive, answer, replies, rows, product, products, merchantId } = await setup();
  for (const content of ORDER(product.id).slice(0, 4)) await receive(content);
  await answer();
  await products.update(merchantId, product.id, { active: false });
  await receive(tap('order:confirm'));
  await answer();
  expect((await replies()).at(-1)).toMatch(/no longer sold/);
  expect(await rows('SELECT * FROM orders')).toEqual([]);
});

test('names and addresses are cut between characters, also where a character is two', async () => {
  const { receive, answer, replies, rows, products, merchantId } = await setup();
  await rows('UPDATE products SET active = false');
  await products.create(merchantId, {
    sku: 'EMOJI',
    name: `${'a'.repeat(22)}🌽🌽🌽`,
    description: `${'b'.repeat(63)}🌽🌽🌽`,
    price: { amount: 100, currency: 'USD' },
    stock: 5,
  });
  for (const content of [text('hi'), text('1'), text('1'), text(`${'c'.repeat(499)}🌽`), text('yes')]) await receive(content);
  await answer();
  expect(await replies()).toHaveLength(5);
  expect(await rows('SELECT delivery FROM orders')).toEqual([{ delivery: { address: 'c'.repeat(499) } }]);
});

test('a customer whose number is hidden is answered in the chat, asked for a number once, and hears of the order there', async () => {
  const { receive, answer, replies, rows, product, chatId } = await setup();
  const hidden = { lid: '111222333' };
  const order = async (...said: InboundContent[]) => {
    for (const content of said) {
      await receive(content, hidden);
      await answer();
    }
  };
  await order(text('hi'), text('1'), text('2'), text('12 Samora Machel Ave'));
  expect((await replies()).at(-1)).toMatch(/Which number may the driver call/);
  await order(text('no idea'), text('+263 77 200 0000'), text('yes'));
  expect((await replies()).slice(-3)).toEqual([
    expect.stringMatching(/not a phone number/),
    expect.stringMatching(/Is that right\?/),
    expect.stringMatching(/your order #1/),
  ]);
  expect(await rows('SELECT customer_phone, chat_id FROM orders')).toEqual([
    { customer_phone: '+263772000000', chat_id: await chatId() },
  ]);
  const [event] = await rows<{ data: object }>(`SELECT data FROM events WHERE type = 'order_created'`);
  expect(event!.data).toMatchObject({ chatId: await chatId(), customerPhone: '+263772000000' });
  // What was told is remembered, and is nobody's address.
  await order(tap(`product:${product.id}`), text('1'), text('Street 1'), text('yes'));
  expect((await replies()).at(-1)).toMatch(/your order #2/);
  expect(await rows('SELECT phone, lid, given_phone FROM contacts')).toEqual([
    { phone: null, lid: '111222333', given_phone: '+263772000000' },
  ]);
});

test('what is written back is what was offered: a number of the list, then of the buttons, then an address', async () => {
  const { receive, answer, replies, rows } = await setup();
  for (const said of ['hi', '1', '3', '3 Samora Machel Ave', 'confrim']) {
    await receive(text(said));
    await answer();
  }
  expect((await replies()).at(-1)).toMatch(/Is that right/);
  await receive(text('confirn'));
  await answer();
  expect((await replies()).at(-1)).toMatch(/your order #1/);
  expect(await rows('SELECT delivery, total_amount FROM orders')).toEqual([
    { delivery: { address: '3 Samora Machel Ave' }, total_amount: 3_750 },
  ]);
  expect(await rows(`SELECT type FROM messages WHERE direction = 'inbound' ORDER BY seq`)).toEqual(
    ['text', 'reply', 'reply', 'text', 'text', 'reply'].map((type) => ({ type })),
  );
});

test('STOP is answered once and ends the order; CANCEL without an order opts out, START brings back', async () => {
  const { receive, answer, replies, state, module, merchantId, rows } = await setup();
  const optedOut = async () => (await module.get(ContactService).list(merchantId, { limit: 1 })).data[0]!.optedOut;
  for (const said of ['hi', '1', 'stop']) await receive(text(said));
  await answer();
  expect(await optedOut()).toBe(true);
  expect((await replies()).slice(2)).toEqual([expect.stringMatching(/no more offers/)]);
  expect(await state()).toEqual({ step: 'idle' });
  await receive(text('START'));
  await answer();
  expect((await replies()).at(-1)).toMatch(/Welcome back/);
  expect(await optedOut()).toBe(false);
  await receive(text('hi'));
  await receive(text('cancel'));
  await answer();
  expect(await optedOut()).toBe(false);
  await receive(text('cancel'));
  await answer();
  expect(await optedOut()).toBe(true);
  expect((await replies()).slice(-2)).toEqual([
    expect.stringMatching(/Nothing was ordered/),
    expect.stringMatching(/no more offers/),
  ]);
  expect(await rows(`SELECT 1 FROM events WHERE type = 'contact_consent_changed'`)).toHaveLength(3);
});
