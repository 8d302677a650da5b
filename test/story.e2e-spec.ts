import { until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Customers, ORDER_REPLIES, orderSteps, phoneNumber } from './support/customers.js';
import { openShop, phoneMessages, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { expectWebhooks, settled } from './support/verdict.js';

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());

interface List<T> {
  data: T[];
}
interface Order {
  id: string;
  number: number;
  status: string;
}

async function ordered(shop: Shop, phone: string): Promise<Order> {
  const customers = new Customers(shop, env.db);
  await customers.converse(phone, orderSteps(shop.productId, phone));
  await customers.stop();
  const { data } = await shop.client.ok<List<Order>>('GET', `/api/orders?customer=${encodeURIComponent(phone)}`);
  return data[0]!;
}

test('from "hi" to a confirmed order, a delivery task, a confirmation by template and signed webhooks', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 10 });
  const phone = phoneNumber(1);
  const order = await ordered(shop, phone);
  await settled(env.db);

  const view = await shop.client.ok('GET', `/api/orders/${order.id}`);
  expect(view).toMatchObject({
    number: 1,
    status: 'confirmed',
    total: { amount: 2500, currency: 'USD' },
    customer: { phone, name: 'Rudo' },
    items: [{ productId: shop.productId, quantity: 2, unitPrice: { amount: 1250, currency: 'USD' } }],
    delivery: { status: 'pending', destination: { address: `House ${phone}` } },
    history: [
      { to: 'pending', actor: 'bot' },
      { from: 'pending', to: 'confirmed', actor: 'system' },
    ],
  });
  const { data: deliveries } = await shop.client.ok<List<object>>('GET', '/api/deliveries');
  expect(deliveries).toMatchObject([{ orderId: order.id, status: 'pending' }]);
  expect(await shop.client.ok('GET', `/api/products/${shop.productId}`)).toMatchObject({ stock: 10, available: 8 });

  const texts = (await phoneMessages(env.db, shop.channelId)).get(phone)!;
  ORDER_REPLIES.forEach((expected, index) => expect(texts[index]).toMatch(expected));
  expect(texts.at(-1)).toContain('$25.00');

  await expectWebhooks(env.db, shop);
  const types = new Set(shop.receiver.calls.map((call) => (JSON.parse(call.body) as { type: string }).type));
  expect([...types]).toEqual(
    expect.arrayContaining(['message_received', 'message_sent', 'order_created', 'order_status_changed']),
  );
  await shop.receiver.close();
});

test('the merchant’s chat shows both directions in order, with statuses that receipts lift', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Rice', stock: 10 });
  const phone = phoneNumber(2);
  await ordered(shop, phone);
  await settled(env.db);
  const { data: chats } = await shop.client.ok<List<{ id: string; unread: number }>>('GET', '/api/whatsapp/chats');
  expect(chats).toMatchObject([{ contact: { phone, name: 'Rudo' }, unread: 6, lastMessage: { direction: 'outbound' } }]);
  const path = `/api/whatsapp/chats/${chats[0]!.id}/messages`;
  const { data: messages } = await shop.client.ok<List<{ id: string; direction: string; status: string; waMessageId: string }>>(
    'GET',
    path,
  );
  expect(messages.toReversed().map((message) => `${message.direction} ${message.status}`)).toEqual([
    ...Array.from({ length: 6 }, () => ['inbound read', 'outbound sent']).flat(),
    'outbound sent',
  ]);
  const latest = messages[0]!;
  const phonePath = `/api/simulator/channels/${shop.channelId}/phones/${encodeURIComponent(phone)}`;
  for (const status of ['read', 'delivered', 'read']) {
    await shop.client.ok('POST', `${phonePath}/receipts`, { waMessageId: latest.waMessageId, status });
  }
  const detail = await shop.client.ok<{ status: string; timeline: { status: string }[] }>(
    'GET',
    `/api/whatsapp/messages/${latest.id}`,
  );
  expect(detail.status).toBe('read');
  expect(detail.timeline.map((entry) => entry.status)).toEqual(['queued', 'sending', 'sent', 'read']);
  await shop.client.ok('POST', `/api/whatsapp/chats/${chats[0]!.id}/read`);
  expect((await shop.client.ok<List<object>>('GET', '/api/whatsapp/chats')).data).toMatchObject([{ unread: 0 }]);
  await shop.receiver.close();
});

test('the same WhatsApp message delivered ten times at once is one message and one answer', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Salt', stock: 10 });
  const phone = phoneNumber(3);
  const hi = { from: phone, type: 'text', text: 'hi', waMessageId: 'wamid.same' };
  await Promise.all(
    Array.from({ length: 10 }, () => shop.client.ok('POST', `/api/simulator/channels/${shop.channelId}/messages`, hi)),
  );
  await until('an answer', async () => (await phoneMessages(env.db, shop.channelId)).has(phone));
  await settled(env.db);
  expect((await phoneMessages(env.db, shop.channelId)).get(phone)).toHaveLength(1);
  await shop.receiver.close();
});

test('messages of the merchant arrive in the order in which they were accepted', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Tea', stock: 10 });
  const to = phoneNumber(4);
  for (let n = 1; n <= 30; n++) await shop.client.ok('POST', '/api/whatsapp/send', { to, message: `news ${n}` });
  await settled(env.db);
  expect((await phoneMessages(env.db, shop.channelId)).get(to)).toEqual(Array.from({ length: 30 }, (_, n) => `news ${n + 1}`));
  await shop.receiver.close();
});

test('a chat that a person has taken is stored and not answered, until it is released', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Sugar', stock: 10 });
  const phone = phoneNumber(5);
  const customers = new Customers(shop, env.db);
  await customers.say(phone, { body: { type: 'text', text: 'hi' }, answered: 1 });
  const { data } = await shop.client.ok<List<{ id: string }>>('GET', '/api/whatsapp/chats');
  const chat = `/api/whatsapp/chats/${data[0]!.id}`;
  await shop.client.ok('POST', `${chat}/handover`);
  await customers.say(phone, { body: { type: 'text', text: 'is anybody there?' }, answered: 1 });
  await settled(env.db);
  expect((await shop.client.ok<List<object>>('GET', `${chat}/messages`)).data[0]).toMatchObject({
    text: 'is anybody there?',
    status: 'received',
  });
  await shop.client.ok('POST', `${chat}/release`);
  await customers.say(phone, { body: { type: 'text', text: 'menu' }, answered: 2 });
  await customers.stop();
  await shop.receiver.close();
});

test('the request id goes from the call through queue and event', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Soap', stock: 1 });
  const order = { customer: { phone: phoneNumber(6) }, items: [{ productId: shop.productId, quantity: 1 }] };
  const answer = await shop.client.call('POST', '/api/orders', order, { 'x-request-id': 'trace-me' });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('x-request-id')).toBe('trace-me');
  await settled(env.db);
  const { rows } = await env.db.query<{ type: string }>(
    `SELECT type FROM events WHERE request_id = 'trace-me' ORDER BY position`,
  );
  expect(rows.map((row) => row.type)).toEqual(['order_created', 'order_status_changed', 'message_sent']);
  await shop.receiver.close();
});
