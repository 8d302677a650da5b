import { newId } from '@soko/common';
import { ApiClient, PASSWORD, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop, phoneMessages, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';

const [CUSTOMER, AGENT, DRIVER] = ['+263771000001', '+263771000002', '+263771000003'];

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());

interface Member {
  id: string;
  client: ApiClient;
}

/** A shop with an agent and a driver who work from their phones, and a transfer order that waits for its money. */
async function setup() {
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 10 });
  const { client, channelId, productId } = shop;
  const heard = async (phone: string) => (await phoneMessages(env.db, channelId)).get(phone) ?? [];
  /** @returns the next message that the phone receives. */
  const say = async (from: string, body: Record<string, unknown> | string) => {
    const before = (await heard(from)).length;
    const message = typeof body === 'string' ? { type: 'text', text: body } : body;
    await client.ok('POST', `/api/simulator/channels/${channelId}/messages`, { from, ...message });
    return until(`an answer to ${JSON.stringify(body)}`, async () => (await heard(from))[before]);
  };
  const hire = async (name: string, role: string): Promise<Member> => {
    const email = `${newId()}@example.com`;
    const { id } = await client.ok<{ id: string }>('POST', '/api/users', { email, name, role, password: PASSWORD });
    return { id, client: await ApiClient.signIn(env.baseUrl, email) };
  };
  const link = async (from: string, { client: own }: Member) =>
    say(from, (await own.ok<{ text: string }>('POST', '/api/users/me/phone-code')).text);
  const [agent, driver] = [await hire('Farai', 'agent'), await hire('Tapiwa', 'driver')];
  const { id: orderId } = await client.ok<{ id: string }>('POST', '/api/orders', {
    customer: { phone: CUSTOMER, name: 'Rudo' },
    items: [{ productId, quantity: 2 }],
    paymentMethod: 'transfer',
    delivery: { address: '12 Samora Machel Ave' },
  });
  const order = () => client.ok('GET', `/api/orders/${orderId}`);
  await until('the goods to be kept', async () => (await order()).reservedUntil);
  await until('the templates', async () => (await client.ok<{ data: object[] }>('GET', '/api/templates')).data.length > 0);
  return { shop, agent, driver, say, link, heard, orderId, order };
}

const codeSentTo = (shop: Shop): Promise<string> =>
  until('the customer’s code', async () => {
    const texts = (await phoneMessages(env.db, shop.channelId)).get(CUSTOMER) ?? [];
    return texts.map((text) => /the code (\d{4})\./.exec(text)?.[1]).findLast(Boolean);
  });

test('an order from its confirmation to the door, by the phones of the people who work for the shop', async () => {
  const { shop, agent, driver, say, link, heard, orderId, order } = await setup();
  expect(await say(AGENT, 'order 1 confirm')).toMatch(/^Welcome to /);
  expect(await order()).toMatchObject({ status: 'pending' });
  expect(await link(AGENT, agent)).toMatch(/^Hello Farai, I know you from now on \(agent\)/);
  expect(await agent.client.ok('GET', `/api/users/${agent.id}/phone`)).toMatchObject({ phone: AGENT });
  expect(await say(AGENT, 'order 1 confirm')).toMatch(/^Order #1: confirmed/);
  expect(await order()).toMatchObject({
    status: 'confirmed',
    history: expect.arrayContaining([{ from: 'pending', to: 'confirmed', actor: agent.id, at: expect.any(String) }]),
  });
  const { data: trail } = await shop.client.ok<{ data: object[] }>('GET', `/api/audit?entity=order:${orderId}&actor=${agent.id}`);
  expect(trail).toHaveLength(1);

  expect(await link(DRIVER, driver)).toMatch(/^Hello Tapiwa/);
  const { data } = await shop.client.ok<{ data: { id: string }[] }>('GET', '/api/deliveries');
  await shop.client.ok('POST', `/api/deliveries/${data[0]!.id}/assign`, { driverId: driver.id });
  await until('the news of it', async () => (await heard(DRIVER)).at(-1) === 'Order #1 is yours to bring.\n\nRudo');
  expect(await say(DRIVER, 'deliveries')).toBe('1 delivery is yours');
  expect(await say(DRIVER, { type: 'button', replyId: 'work:start:1' })).toMatch(/^You are on your way with order #1/);
  const code = await codeSentTo(shop);
  expect(await say(DRIVER, { type: 'location', location: { latitude: -17.8, longitude: 31.03 } })).toBe(
    'The customer sees where you are.',
  );
  expect(await say(DRIVER, `done 1 ${code === '0000' ? '1111' : '0000'}`)).toMatch(/4 tries left/);
  expect(await say(DRIVER, code)).toMatch(/^Order #1 is delivered/);
  expect(await order()).toMatchObject({
    status: 'delivered',
    delivery: { status: 'delivered', proof: 'code', driver: { id: driver.id } },
  });
  expect(await shop.client.ok('GET', `/api/products/${shop.productId}`)).toMatchObject({ stock: 8, available: 8 });
  await shop.receiver.close();
});

test('who is taken out of the team, or has a new password, is a customer on that phone', async () => {
  const { shop, agent, driver, say, link } = await setup();
  await link(AGENT, agent);
  await link(DRIVER, driver);
  expect((await driver.client.call('GET', `/api/users/${agent.id}/phone`)).status).toBe(403);
  await shop.client.ok('PATCH', `/api/users/${agent.id}`, { password: 'staple-correct' });
  expect((await shop.client.call('GET', `/api/users/${agent.id}/phone`)).body).toMatchObject({ code: 'phone_not_found' });
  await shop.client.ok('DELETE', `/api/users/${driver.id}`);
  expect(await say(AGENT, 'orders')).toMatch(/^(?:Welcome to |You have not ordered)/);
  expect(await say(DRIVER, 'help')).toBe('What can I do for you?');
  await shop.receiver.close();
});

test('an offer to the customers who agreed, from the phone of an agent', async () => {
  const { shop, agent, driver, say, link, heard } = await setup();
  const { client } = shop;
  await link(AGENT, agent);
  await link(DRIVER, driver);
  const [agreed, silent] = ['+263771000004', '+263771000005'];
  await say(agreed, 'START');
  await say(silent, 'hi');
  expect(await say(AGENT, 'broadcast')).toMatch(/^There is no template for broadcasts yet/);
  await client.ok('POST', '/api/templates', {
    name: 'sale',
    type: 'text',
    language: 'en',
    category: 'marketing',
    content: { body: 'SALE: {{what}}' },
    variables: [{ name: 'what', type: 'text', example: 'Rice' }],
  });
  expect(await say(DRIVER, 'broadcast')).toMatch(/^That is not for drivers/);
  expect(await say(AGENT, 'broadcast sale')).toMatch(/who shall get it/);
  expect(await say(AGENT, { type: 'list', replyId: 'to:all' })).toMatch(/What shall stand for “what”/);
  expect(await say(AGENT, 'maize meal at half price')).toBe('SALE: maize meal at half price');
  await until('the question', async () => /goes to 1 customer \(/.test((await heard(AGENT)).at(-1)!));
  expect(await say(AGENT, 'yes')).toMatch(/^It goes out now, to 1 customer\./);
  await until('the offer', async () => (await heard(agreed)).at(-1) === 'SALE: maize meal at half price');
  const { data } = await client.ok<{ data: { id: string }[] }>('GET', '/api/broadcasts');
  await until('its end', async () => (await client.ok('GET', `/api/broadcasts/${data[0]!.id}`)).status === 'done');
  expect((await heard(silent)).filter((text) => text.startsWith('SALE'))).toEqual([]);
  const { data: trail } = await client.ok<{ data: object[] }>(
    'GET',
    `/api/audit?entity=broadcast:${data[0]!.id}&actor=${agent.id}`,
  );
  expect(trail.length).toBeGreaterThan(0);
  await shop.receiver.close();
});
