import type { InboundContent } from '@soko/contracts';
import { MerchantService } from '@soko/identity';
import { AnswerQueue, ChatService, ContactService, MessageStore } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import { parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { PHONE, setupBot, tap, text } from './bot.fixture.js';
import { CartReminderService } from './cart-reminder.service.js';

async function setup() {
  const bot = await setupBot();
  const { module, merchantId, receive, answer, replies, rows } = bot;
  const merchants = module.get(MerchantService);
  return {
    ...bot,
    chats: module.get(ChatService),
    /** Says things one after the other, each answered. @returns the last reply. */
    say: async (...said: (string | InboundContent)[]) => {
      for (const each of said) {
        await receive(typeof each === 'string' ? text(each) : each);
        await answer();
      }
      return (await replies()).at(-1)!;
    },
    settings: (body: Parameters<MerchantService['update']>[1]) => merchants.update(merchantId, body),
    passes: (column: string, table: string, by: string) => rows(`UPDATE ${table} SET ${column} = ${column} - interval '${by}'`),
    cart: async () => (await rows<{ lines: { quantity: number }[] }>('SELECT lines FROM carts'))[0]?.lines,
  };
}

test('the cart outlives the conversation by days, and is gone after a week', async () => {
  const { say, passes, cart } = await setup();
  await say('hi', '1', '2');
  await passes('updated_at', 'conversations', '25 hours');
  expect(await say('hello')).toMatch(/^Welcome to Shop!/);
  expect(await say('cart')).toMatch(/2 × Maize meal, \$25\.00/);
  await passes('expires_at', 'carts', '7 days 1 second');
  expect(await say('cart')).toMatch(/Your cart is empty/);
  // What has expired counts for nothing, swept or not: a week begins with what is put in now.
  expect(await say('1', '1')).toMatch(/1 × Maize meal.*Total: \$12\.50/s);
  expect(await cart()).toMatchObject([{ quantity: 1 }]);
});

test('a cart becomes one order, however often it is confirmed', async () => {
  const { say, receive, answer, rows, cart, replies } = await setup();
  await say('hi', '1', '2', 'checkout', 'Street 1');
  for (let n = 0; n < 5; n += 1) await receive(tap('order:confirm'));
  await parallel(5, answer);
  expect(await rows('SELECT number, total_amount, payment_method FROM orders')).toEqual([
    { number: 1, total_amount: 2_500, payment_method: 'cash_on_delivery' },
  ]);
  expect(await cart()).toBeUndefined();
  expect((await replies()).filter((said) => said.includes('your order #1'))).toHaveLength(1);
});

test('the last orders are told and ordered again, to where the last one went, at what it costs today', async () => {
  const { say, products, merchantId, product, rows } = await setup();
  await say('hi', '1', '2', 'checkout', '12 Samora Machel Ave', 'yes');
  expect(await say('status')).toMatch(/Order #1: waiting for confirmation, \$25\.00/);
  await products.update(merchantId, product.id, { price: { amount: 2_000, currency: 'USD' }, stock: 1 });
  expect(await say('reorder')).toMatch(/Only 1 of Maize meal left: I have changed your cart\.\n\n1 × Maize meal, \$20\.00/);
  expect(await say(tap('do:checkout'))).toMatch(/Last time it was: 12 Samora Machel Ave/);
  await say(tap('address:same'), 'yes');
  expect(await rows('SELECT delivery, total_amount FROM orders ORDER BY number DESC LIMIT 1')).toEqual([
    { delivery: { address: '12 Samora Machel Ave' }, total_amount: 2_000 },
  ]);
});

test('nobody sees the orders of a number that they have merely told', async () => {
  const { receive, answer, replies, module, merchantId, product } = await setup();
  const body = { customer: { phone: PHONE }, items: [{ productId: product.id, quantity: 1 }], delivery: { address: 'My house' } };
  await module.get(OrderService).placeFor(merchantId, body, 'somebody');
  const hidden = { lid: '111222333' };
  for (const said of ['hi', '1', '1', 'checkout', 'Street 1', PHONE, 'cancel', 'status']) {
    await receive(text(said), hidden);
    await answer();
  }
  expect((await replies()).at(-1)).toMatch(/You have not ordered anything yet/);
});

test('what a customer speaks is made out, remembered, and followed when it is chosen', async () => {
  const { say, passes, rows, module, merchantId } = await setup();
  expect(await say('bonjour')).toMatch(/^Bienvenue chez Shop/);
  await passes('updated_at', 'conversations', '2 days');
  expect(await say('menu')).toMatch(/^Bienvenue/);
  expect(await say('language', '3')).toMatch(/أتحدث العربية/);
  expect(await say('hello')).toMatch(/^مرحبًا/);
  expect(await rows('SELECT language, language_chosen FROM contacts')).toEqual([{ language: 'ar', language_chosen: true }]);
  expect((await module.get(ContactService).list(merchantId, { limit: 1 })).data).toMatchObject([{ language: 'ar' }]);
});

test('who asks for a person has one: the bot is silent, until the time is over', async () => {
  const { say, receive, answer, replies, rows, chats, merchantId, settings, passes, inbound, chatId } = await setup();
  await settings({ handoverMinutes: 30 });
  await say('hi', '1', '2');
  for (const said of ['humna', 'are you there?']) await receive(text(said));
  await answer();
  expect((await replies()).at(-1)).toMatch(/A person will answer you here/);
  expect((await inbound()).at(-1)).toBe('received');
  const view = async () => (await chats.list(merchantId, { limit: 1 })).data[0]!;
  const [{ minutes }] = (await rows(
    'SELECT round(extract(epoch FROM bot_paused_until - now()) / 60)::int AS minutes FROM chats',
  )) as [{ minutes: number }];
  expect(minutes).toBe(30);
  expect(await view()).toMatchObject({ handover: true, handoverUntil: expect.any(String) });
  expect((await view()).handoverBy).toBeUndefined();
  expect(await rows(`SELECT data FROM events WHERE type = 'chat_handed_over'`)).toEqual([
    { data: { chatId: await chatId(), contactId: expect.any(String), until: expect.any(String) } },
  ]);
  const before = (await replies()).length;
  await say('menu');
  expect(await replies()).toHaveLength(before);
  expect((await chats.list(merchantId, { limit: 1, status: 'handover' })).data).toHaveLength(1);
  await passes('bot_paused_until', 'chats', '31 minutes');
  expect(await view()).toMatchObject({ handover: false });
  expect((await view()).handoverUntil).toBeUndefined();
  expect((await chats.list(merchantId, { limit: 1, status: 'handover' })).data).toEqual([]);
  expect(await say('cart')).toMatch(/2 × Maize meal/);
});

test('an agent takes a chat for as long as the merchant has set, for some minutes, or until it is released', async () => {
  const { say, replies, rows, chats, merchantId, settings, chatId } = await setup();
  await say('hi');
  const agent = '01990000-0000-7000-8000-000000000001';
  const until = async () =>
    (
      await rows<{ minutes: number | null }>(
        'SELECT round(extract(epoch FROM bot_paused_until - now()) / 60)::int AS minutes FROM chats',
      )
    )[0]!.minutes;
  await chats.handover(merchantId, await chatId(), {}, agent);
  expect(await until()).toBeNull();
  expect((await chats.list(merchantId, { limit: 1 })).data[0]).toMatchObject({ handover: true, handoverBy: agent });
  await chats.handover(merchantId, await chatId(), { minutes: 5 }, agent);
  expect(await until()).toBe(5);
  await settings({ handoverMinutes: 60 });
  await chats.handover(merchantId, await chatId(), {}, agent);
  expect(await until()).toBe(60);
  await say('menu');
  expect(await replies()).toHaveLength(1);
  await chats.release(merchantId, await chatId());
  expect(await say('menu')).toMatch(/^Welcome/);
  expect((await chats.list(merchantId, { limit: 1 })).data[0]).toMatchObject({ handover: false });
  expect((await chats.list(merchantId, { limit: 1 })).data[0]!.handoverBy).toBeUndefined();
});

test('outside the opening hours a customer is told so once a day, and can order all the same', async () => {
  const { say, replies, rows, settings } = await setup();
  const day = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'][(new Date().getUTCDay() + 3) % 7]!;
  await settings({ openingHours: { [day]: [{ from: '08:00', to: '17:00' }] } });
  await say('hi', '1', '1', 'checkout', 'Street 1', 'yes');
  const away = async () =>
    (await replies()).filter((said) => /^We are closed right now and open again on \w+day.*08:00/.test(said)).length;
  expect(await away()).toBe(1);
  expect((await replies())[0]).toMatch(/^We are closed/);
  expect(await rows('SELECT number FROM orders')).toEqual([{ number: 1 }]);
  await rows(`UPDATE conversations SET away_on = away_on - 1, updated_at = now() - interval '2 days'`);
  await say('hi', 'menu');
  expect(await away()).toBe(2);
  await settings({ openingHours: {} });
  await rows('UPDATE conversations SET away_on = away_on - 1');
  await say('hi');
  expect(await away()).toBe(2);
});

test('a customer is reminded of a cart that was left, once', async () => {
  const { say, settings, reminded, rows, replies } = await reminders();
  // Off, as it is.
  await say('hi', '1', '2');
  expect(await rows('SELECT due_at, ring_at FROM carts')).toEqual([{ due_at: null, ring_at: null }]);
  await settings({ cartReminderHours: 3 });
  await say('cart', 'add more', '1', '1');
  expect(await rows(`SELECT due_at > now() + interval '179 minutes' AS later, ring_at = due_at AS rings FROM carts`)).toEqual([
    { later: true, rings: true },
  ]);
  expect(await reminded(false)).toBe(0);
  expect(await reminded()).toBe(1);
  expect((await replies()).at(-1)).toMatch(
    /^Your cart is still waiting for you\.\n\n3 × Maize meal, \$37\.50\n\nTotal: \$37\.50/,
  );
  // Not a second time, whatever becomes of it.
  await say('cart', 'add more', '1', '1');
  expect(await rows('SELECT due_at, ring_at FROM carts')).toEqual([{ due_at: null, ring_at: null }]);
  expect(await reminded()).toBe(1);
  // What the button says is understood.
  expect(await say(tap('do:checkout'))).toMatch(/Where shall we deliver/);
});

test.each([
  ['has written STOP', `UPDATE contacts SET opted_out_at = now()`],
  ['is blocked', `UPDATE contacts SET blocked_at = now()`],
  ['is with a person', `UPDATE chats SET bot_paused = true`],
  ['wrote more than a day ago', `UPDATE chats SET last_inbound_at = now() - interval '24 hours 1 second'`],
  ['can have none of it any more', `UPDATE products SET active = false`],
])('a customer who %s is not reminded', async (_, sql) => {
  const { say, settings, reminded, rows } = await reminders();
  await settings({ cartReminderHours: 1 });
  await say('hi', '1', '2');
  await rows(sql);
  expect(await reminded()).toBe(0);
  expect(await rows('SELECT ring_at FROM carts')).toEqual([{ ring_at: null }]);
});

async function reminders() {
  const house = await setup();
  const { module, tenancy, conversations, products, rows, merchantId, chatId, replies } = house;
  const service = new CartReminderService(
    tenancy,
    conversations,
    module.get(MerchantService),
    products,
    module.get(MessageStore),
    module.get(AnswerQueue),
  );
  return {
    ...house,
    /** Rings for the cart, by default when it is due. @returns how often the customer has been reminded. */
    reminded: async (due = true) => {
      if (due) await rows('UPDATE carts SET due_at = now() WHERE due_at IS NOT NULL');
      await parallel(3, async () => service.remind({ merchantId, chatId: await chatId() }));
      return (await replies()).filter((said) => said.startsWith('Your cart is still waiting')).length;
    },
  };
}
