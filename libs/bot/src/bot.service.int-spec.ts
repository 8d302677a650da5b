import type { InboundContent } from '@soko/contracts';
import { ContactService } from '@soko/messaging';
import { parallel, until } from '@soko/testing';
import { expect, test } from 'vitest';
import { PHONE, setupBot, tap, text } from './bot.fixture.js';

const ORDER = (productId: string) => [
  text('hi'),
  tap(`product:${productId}`),
  text('2'),
  tap('do:checkout'),
  text('12 Samora Machel Ave'),
  tap('order:confirm'),
];
const REPLIES = [
  /^Welcome to Shop!\n\nWhat would you like to order\?/,
  /^Maize meal, \$12\.50 each\. How many\?/,
  /^Your cart\n2 × Maize meal, \$25\.00\n\nTotal: \$25\.00$/,
  /^Where shall we deliver\?/,
  /2 × Maize meal, \$25\.00\n\nTotal: \$25\.00, cash on delivery\n\nDelivery to: 12 Samora Machel Ave/,
  /^Thank you! We are checking your order #1\.$/,
];

test('a conversation leads to a confirmed order, each message with its reply, in order', async () => {
  const { receive, product, replies, rows, inbound, channel } = await setupBot({ running: true });
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
  expect(await inbound()).toEqual(Array(6).fill('read'));
});

test('what was written in one go is answered in order, by whoever comes', async () => {
  const { receive, product, answer, replies, rows, inbound } = await setupBot();
  for (const content of ORDER(product.id)) await receive(content);
  await parallel(10, answer);
  expect(await replies()).toEqual(REPLIES.map((reply) => expect.stringMatching(reply)));
  expect(await rows('SELECT number FROM orders')).toEqual([{ number: 1 }]);
  expect(new Set(await inbound())).toEqual(new Set(['read']));
});

test('the same alarm ten times at once answers each message once', async () => {
  const { receive, answer, replies, rows } = await setupBot();
  for (const body of ['hi', 'menu', 'hello']) await receive(text(body));
  await parallel(10, answer);
  await answer();
  expect(await replies()).toHaveLength(3);
  expect(await rows('SELECT * FROM pending_answers')).toEqual([]);
});

test('a message that cannot be answered is put off, then left to a person, and the chat goes on', async () => {
  const { receive, answer, replies, rows, inbound, makeDue } = await setupBot();
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
  const { receive, answer, replies, rows, product, makeDue, merchantId, products } = await setupBot();
  for (const content of ORDER(product.id)) await receive(content);
  // There is no number left for the order.
  await rows(`INSERT INTO order_counters (merchant_id, last_number) VALUES ('${merchantId}', 9223372036854775807)`);
  await expect(answer()).rejects.toThrow(/bigint out of range/);
  expect(await replies()).toHaveLength(5);
  expect(await rows('SELECT * FROM orders')).toEqual([]);
  await rows('UPDATE order_counters SET last_number = 0');
  await makeDue();
  await answer();
  expect((await replies()).at(-1)).toMatch(/order #1/);
  expect((await products.get(merchantId, product.id)).stock).toBe(10);
});

test('a conversation stored in a shape that nobody knows starts anew', async () => {
  const { receive, answer, replies, rows, state, chatId, merchantId } = await setupBot();
  await receive(text('two, please'));
  await rows(
    `INSERT INTO conversations (merchant_id, chat_id, state) VALUES ('${merchantId}', '${await chatId()}', '{"step": "quantity", "productId": "x"}')`,
  );
  await answer();
  expect(await replies()).toEqual([expect.stringMatching(/^Welcome to Shop!/)]);
  expect(await state()).toMatchObject({ version: 2, step: 'choosing' });
});

test('a conversation that rested for a day starts anew', async () => {
  const { receive, answer, replies, rows, product } = await setupBot();
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
  const { receive, answer, replies, rows, product, products, merchantId } = await setupBot();
  for (const content of ORDER(product.id).slice(0, 5)) await receive(content);
  await answer();
  await products.update(merchantId, product.id, { active: false });
  await receive(tap('order:confirm'));
  await answer();
  expect((await replies()).at(-1)).toMatch(/Maize meal has sold out and is no longer in your cart/);
  expect(await rows('SELECT * FROM orders')).toEqual([]);
});

test('names and addresses are cut between characters, also where a character is two', async () => {
  const { receive, answer, replies, rows, products, merchantId } = await setupBot();
  await rows('UPDATE products SET active = false');
  await products.create(merchantId, {
    sku: 'EMOJI',
    name: `${'a'.repeat(22)}🌽🌽🌽`,
    description: `${'b'.repeat(63)}🌽🌽🌽`,
    price: { amount: 100, currency: 'USD' },
    stock: 5,
  });
  for (const content of [text('hi'), text('1'), text('1'), text('1'), text(`${'c'.repeat(499)}🌽`), text('yes')])
    await receive(content);
  await answer();
  expect(await replies()).toHaveLength(6);
  expect(await rows('SELECT delivery FROM orders')).toEqual([{ delivery: { address: 'c'.repeat(499) } }]);
});

test('a customer whose number is hidden is answered in the chat, asked for a number once, and hears of the order there', async () => {
  const { receive, answer, replies, rows, product, chatId } = await setupBot();
  const hidden = { lid: '111222333' };
  const order = async (...said: InboundContent[]) => {
    for (const content of said) {
      await receive(content, hidden);
      await answer();
    }
  };
  await order(text('hi'), text('1'), text('2'), text('checkout'), text('12 Samora Machel Ave'));
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
  await order(tap(`product:${product.id}`), text('1'), text('checkout'), text('Street 1'), text('yes'));
  expect((await replies()).at(-1)).toMatch(/your order #2/);
  expect(await rows('SELECT phone, lid, given_phone FROM contacts')).toEqual([
    { phone: null, lid: '111222333', given_phone: '+263772000000' },
  ]);
});

test('what is written back is what was offered: a number of the list, then of the buttons, then an address', async () => {
  const { receive, answer, replies, rows } = await setupBot();
  for (const said of ['hi', '1', '3', 'chekout', '3 Samora Machel Ave', 'confirn']) {
    await receive(text(said));
    await answer();
  }
  expect((await replies()).at(-1)).toMatch(/your order #1/);
  expect(await rows('SELECT delivery, total_amount FROM orders')).toEqual([
    { delivery: { address: '3 Samora Machel Ave' }, total_amount: 3_750 },
  ]);
  expect(await rows(`SELECT type FROM messages WHERE direction = 'inbound' ORDER BY seq`)).toEqual(
    ['text', 'reply', 'reply', 'reply', 'text', 'reply'].map((type) => ({ type })),
  );
});

test('STOP is answered once and ends the order; CANCEL without an order opts out, START brings back', async () => {
  const { receive, answer, replies, state, module, merchantId, rows } = await setupBot();
  const optedOut = async () => (await module.get(ContactService).list(merchantId, { limit: 1 })).data[0]!.optedOut;
  for (const said of ['hi', '1', 'stop']) await receive(text(said));
  await answer();
  expect(await optedOut()).toBe(true);
  expect((await replies()).slice(2)).toEqual([expect.stringMatching(/no more offers/)]);
  expect(await state()).toEqual({ version: 2, step: 'idle' });
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
