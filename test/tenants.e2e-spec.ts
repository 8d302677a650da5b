import { ApiClient } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const forged = (key: unknown): string => Buffer.from(JSON.stringify(key)).toString('base64url');

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());

test('another merchant’s ids answer 404, whatever is asked of them', async () => {
  const theirs = await openShop(env.baseUrl, { name: 'Rice', stock: 10 });
  const mine = await openShop(env.baseUrl, { name: 'Beans', stock: 10 });
  const phone = '+263771234567';
  const order = await theirs.client.ok<{ id: string }>('POST', '/api/orders', {
    customer: { phone },
    items: [{ productId: theirs.productId, quantity: 1 }],
  });
  await theirs.client.ok('POST', '/api/whatsapp/send', { to: phone, message: 'hello' });
  await settled(env.db);
  const chats = await theirs.client.ok<{ data: { id: string; lastMessage: { id: string } }[] }>('GET', '/api/whatsapp/chats');
  const webhooks = await theirs.client.ok<{ data: { id: string }[] }>('GET', '/api/webhooks');
  const chat = chats.data[0]!;
  const webhook = webhooks.data[0]!.id;

  const calls: [string, string, unknown?][] = [
    ['GET', `/api/channels/${theirs.channelId}`],
    ['POST', `/api/channels/${theirs.channelId}/connect`],
    ['POST', `/api/channels/${theirs.channelId}/disconnect`],
    ['GET', `/api/whatsapp/status?channelId=${theirs.channelId}`],
    ['POST', '/api/whatsapp/send', { to: phone, message: 'x', channelId: theirs.channelId }],
    ['POST', '/api/whatsapp/send', { to: phone, message: 'x', replyTo: chat.lastMessage.id }],
    ['GET', `/api/whatsapp/messages/${chat.lastMessage.id}`],
    ['GET', `/api/whatsapp/chats/${chat.id}/messages`],
    ['POST', `/api/whatsapp/chats/${chat.id}/handover`],
    ['POST', `/api/whatsapp/chats/${chat.id}/release`],
    ['POST', `/api/whatsapp/chats/${chat.id}/read`],
    ['POST', `/api/simulator/channels/${theirs.channelId}/messages`, { from: phone, type: 'text', text: 'x' }],
    ['GET', `/api/simulator/channels/${theirs.channelId}/phones/${encodeURIComponent(phone)}/messages`],
    ['GET', `/api/products/${theirs.productId}`],
    ['PATCH', `/api/products/${theirs.productId}`, { name: 'mine now' }],
    ['GET', `/api/orders/${order.id}`],
    ['POST', `/api/orders/${order.id}/transitions`, { action: 'cancel' }],
    [
      'POST',
      '/api/orders',
      { customer: { phone }, items: [{ productId: mine.productId, quantity: 1 }], channelId: theirs.channelId },
    ],
    ['GET', `/api/webhooks/${webhook}`],
    ['PATCH', `/api/webhooks/${webhook}`, { active: false }],
    ['DELETE', `/api/webhooks/${webhook}`],
    ['GET', `/api/webhooks/${webhook}/logs`],
  ];
  for (const [method, path, body] of calls) {
    const answer = await mine.client.call(method, path, body);
    expect(answer.status, `${method} ${path}`).toBe(404);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  }
  for (const path of ['/api/orders', '/api/deliveries', '/api/whatsapp/chats']) {
    expect((await mine.client.ok<{ data: unknown[] }>('GET', path)).data, path).toEqual([]);
  }
  expect(await theirs.client.ok('GET', `/api/products/${theirs.productId}`)).toMatchObject({ name: 'Rice' });
  expect(await theirs.client.ok('GET', `/api/webhooks/${webhook}`)).toMatchObject({ active: true });
  await Promise.all([theirs.receiver.close(), mine.receiver.close()]);
});

test('errors are problem+json that says what to do, and tell nothing of the inside', async () => {
  const { client } = await ApiClient.register(env.baseUrl);
  const nobody = new ApiClient(env.baseUrl);
  const answers = [
    { status: 401, code: 'unauthenticated', answer: await nobody.call('GET', '/api/orders') },
    { status: 401, code: 'unauthenticated', answer: await new ApiClient(env.baseUrl, 'not-a-token').call('GET', '/api/orders') },
    { status: 404, code: 'route_not_found', answer: await client.call('GET', '/api/nothing') },
    { status: 422, code: 'validation_failed', answer: await client.call('GET', '/api/orders/not-an-id') },
    { status: 422, code: 'validation_failed', answer: await client.call('GET', '/api/orders?limit=101') },
    { status: 422, code: 'validation_failed', answer: await client.call('GET', '/api/orders?cursor=garbage') },
    { status: 422, code: 'validation_failed', answer: await client.call('POST', '/api/products', { sku: 'A', surprise: 1 }) },
    {
      status: 409,
      code: 'no_channel',
      answer: await client.call('POST', '/api/whatsapp/send', { to: '+263771234567', message: 'x' }),
    },
  ];
  for (const { status, code, answer } of answers) {
    expect(answer.body).toMatchObject({
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
      traceId: expect.any(String),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-request-id')).toBe(answer.body.traceId);
    expect(JSON.stringify(answer.body)).not.toMatch(/stack|node_modules|SELECT|pg_/);
  }
  const unreadable = await fetch(`${env.baseUrl}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"email": ',
  });
  expect(unreadable.status).toBe(400);
  expect(await unreadable.json()).toMatchObject({ code: 'bad_request' });
});

test('health, readiness with its parts, and the API’s description are open to everybody', async () => {
  const nobody = new ApiClient(env.baseUrl);
  expect(await nobody.ok('GET', '/health')).toEqual({ status: 'ok' });
  expect(await nobody.ok('GET', '/health/live')).toEqual({ status: 'ok' });
  expect(await nobody.ok('GET', '/health/ready')).toMatchObject({
    status: 'ok',
    parts: { database: { status: 'ok' }, queue: { status: 'ok' }, storage: { status: 'ok' } },
  });
  const { paths } = await nobody.ok<{ paths: Record<string, object> }>('GET', '/docs-json');
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/api/auth/register', '/api/orders', '/api/whatsapp/send']));
  expect((await fetch(`${env.baseUrl}/docs`)).status).toBe(200);
});

test('input that the database could not take is refused before it gets there', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Rice', stock: 10 });
  const { client, productId } = shop;
  const phone = '+263771234567';
  await client.ok('POST', '/api/whatsapp/send', { to: phone, message: 'hello' });
  const { data } = await client.ok<{ data: { id: string }[] }>('GET', '/api/whatsapp/chats');
  const messages = `/api/whatsapp/chats/${data[0]!.id}/messages`;
  const dear = await client.ok<{ id: string }>('POST', '/api/products', {
    sku: 'DEAR',
    name: 'Diamond',
    price: { amount: 1e12, currency: 'USD' },
    stock: 1e9,
  });
  const calls: [string, string, unknown?][] = [
    ['GET', `${messages}?before=2026-13-45`],
    ['GET', `${messages}?before=11111111-1111-1111-1111-111111111111`],
    ['GET', `${messages}?offset=-1`],
    ['GET', `/api/orders?cursor=${forged(['x'])}`],
    ['GET', `/api/products?cursor=${forged(['7'])}`],
    ['GET', `/api/whatsapp/chats?cursor=${forged(['yesterday', productId])}`],
    ['POST', '/api/whatsapp/send', { to: phone, message: 'x', sendAt: '2026-W99' }],
    ['POST', '/api/whatsapp/send', { to: phone, message: 'a\0b' }],
    ['POST', '/api/whatsapp/send', { to: phone, message: 'half \ud83d' }],
    ['POST', '/api/whatsapp/send', { to: phone, message: null }],
    ['PATCH', `/api/products/${productId}`, { name: null }],
    ['POST', '/api/orders', { customer: { phone }, items: [{ productId: dear.id, quantity: 10_000 }] }],
    ['POST', '/api/orders', { customer: { phone }, items: [[]] }],
    ['POST', `/api/simulator/channels/${shop.channelId}/messages`, { from: phone, type: 'text', text: 'a\0b' }],
  ];
  for (const [method, path, body] of calls) {
    const answer = await client.call(method, path, body);
    expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBe(422);
    expect(answer.body).toMatchObject({
      code: 'validation_failed',
      errors: expect.arrayContaining([expect.objectContaining({ path: expect.any(String) })]),
    });
  }
  await shop.receiver.close();
});
