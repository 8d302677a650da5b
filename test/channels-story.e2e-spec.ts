import { until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ORDER_REPLIES } from './support/customers.js';
import { baileysLine, cloudLine, type Line, type Networks, type Said, simulatorLine, startNetworks } from './support/networks.js';
import { openShop, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { expectWebhooks, settled } from './support/verdict.js';

let env: TestStack;
let networks: Networks;
beforeAll(async () => {
  networks = await startNetworks();
  env = await startTestStack(networks.env);
});
afterAll(async () => {
  await env.stop();
  await networks.stop();
});

const LINES: [string, (shop: Shop) => Promise<Line>][] = [
  ['simulator', ({ client }) => simulatorLine(client, env.db)],
  ['cloud', ({ client }) => cloudLine(client, networks)],
  ['baileys', ({ client }) => baileysLine(client, networks)],
];

test.each(LINES)('the story by a channel of kind %s: from "hi" to a confirmed order and its webhooks', async (_, line) => {
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 5 });
  const opened = await line(shop);
  const { channelId } = opened;
  const phone = opened.handset('+263771234567');
  const steps: [Said, number][] = [
    [{ text: 'hi' }, 1],
    [{ pick: `product:${shop.productId}`, title: 'Maize meal', from: 'list' }, 2],
    [{ pick: 'quantity:2', title: '2', from: 'buttons' }, 3],
    [{ pick: 'do:checkout', title: 'Checkout', from: 'buttons' }, 4],
    [{ text: '7 Kaguvi Street' }, 5],
    [{ pick: 'order:confirm', title: 'Confirm', from: 'buttons' }, 7],
  ];
  for (const [said, answers] of steps) {
    await phone.say(said);
    await until(`${answers} answers`, async () => (await phone.texts()).length >= answers);
  }
  await settled(env.db);
  const texts = await phone.texts();
  expect(texts).toHaveLength(ORDER_REPLIES.length);
  texts.forEach((text, n) => expect(text).toMatch(ORDER_REPLIES[n]!));

  const orders = await shop.client.ok<{ data: { status: string; customer: object; items: object[] }[] }>('GET', '/api/orders');
  expect(orders.data).toMatchObject([{ status: 'confirmed', customer: { phone: phone.number } }]);
  const chats = await shop.client.ok<{ data: { id: string; contact: object }[] }>('GET', '/api/whatsapp/chats');
  const chat = chats.data.find(
    ({ contact }) => (contact as { phone: string }).phone === phone.number && chats.data.length === 1,
  )!;
  const { data } = await shop.client.ok<{ data: { direction: string; status: string; channelId: string }[] }>(
    'GET',
    `/api/whatsapp/chats/${chat.id}/messages`,
  );
  expect(data.filter(({ direction }) => direction === 'inbound')).toHaveLength(6);
  expect(new Set(data.map((message) => message.channelId))).toEqual(new Set([channelId]));
  expect(data.filter(({ status }) => status === 'failed')).toEqual([]);
  await expectWebhooks(env.db, shop);
  await shop.receiver.close();
});
