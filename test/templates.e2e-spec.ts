import { until } from '@soko/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cloudLine, type Networks, startNetworks } from './support/networks.js';
import { openShop, phoneMessages, type Shop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const PHONE = '+263771234567';
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let env: TestStack;
let networks: Networks;
let shop: Shop;
beforeAll(async () => {
  networks = await startNetworks();
  env = await startTestStack(networks.env);
  shop = await openShop(env.baseUrl, { name: 'Rice', stock: 5 });
});
afterAll(async () => {
  await env.stop();
  await networks.stop();
});

interface Saved {
  id: string;
  version: number;
}
interface Preview {
  rendered: object;
  payloads: { cloud: Record<string, unknown>; cloudTemplate?: Record<string, unknown>; baileys: object; text: string };
  missing: string[];
  warnings: string[];
  direction: string;
}

const NUMBER = { name: 'number', type: 'text', example: '1042' };
const create = (body: object) =>
  shop.client.ok<Saved>('POST', '/api/templates', { language: 'en', variables: [NUMBER], ...body });
const preview = (body: object) => shop.client.ok<Preview>('POST', '/api/templates/preview', body);
const send = (name: string, variables: object, more: object = {}) =>
  shop.client.call<{ id: string; code?: string; errors?: { path: string }[] }>('POST', '/api/whatsapp/send', {
    to: PHONE,
    type: 'template',
    template: { name, variables },
    ...more,
  });
const message = (id: string) =>
  shop.client.ok<{ status: string; template: object; content: object; error?: { code: string } }>(
    'GET',
    `/api/whatsapp/messages/${id}`,
  );

test('from a draft to a message that remembers its version, and back to the first text', async () => {
  const { id } = await create({
    name: 'order_ready',
    type: 'text',
    status: 'draft',
    content: { header: 'Order #{{number}}', body: 'It is ready, {{customer}}.' },
    variables: [NUMBER, { name: 'customer', type: 'text', example: 'Rudo' }],
  });
  expect((await send('order_ready', { number: 7, customer: 'Rudo' })).body).toMatchObject({ code: 'template_not_active' });
  await shop.client.ok('PATCH', `/api/templates/${id}`, { status: 'active', reason: 'Approved by the boss', version: 1 });
  expect((await shop.client.call('PATCH', `/api/templates/${id}`, { status: 'archived', version: 1 })).status).toBe(409);
  const refused = await send('order_ready', { number: 7, colour: 'red' });
  expect([refused.status, refused.body.errors!.map(({ path }) => path).toSorted()]).toEqual([
    422,
    ['template.variables.colour', 'template.variables.customer'],
  ]);
  const first = (await send('order_ready', { number: 7, customer: 'Rudo' })).body;
  await settled(env.db);
  expect((await phoneMessages(env.db, shop.channelId)).get(PHONE)).toEqual(['Order #7\n\nIt is ready, Rudo.']);
  expect(await message(first.id)).toMatchObject({ template: { id, version: 2 }, content: { type: 'text' } });

  await shop.client.ok('PATCH', `/api/templates/${id}`, {
    content: { body: 'Come, {{customer}}: {{number}}' },
    reason: 'Shorter',
  });
  const versions = await shop.client.ok<{ data: { version: number; reason?: string; actor: { type: string; role: string } }[] }>(
    'GET',
    `/api/templates/${id}/versions`,
  );
  expect(versions.data.map(({ version, reason, actor }) => [version, reason, actor.type, actor.role])).toEqual([
    [3, 'Shorter', 'user', 'owner'],
    [2, 'Approved by the boss', 'user', 'owner'],
    [1, undefined, 'user', 'owner'],
  ]);
  expect(await shop.client.ok('GET', `/api/templates/${id}/versions/diff?from=2&to=3`)).toMatchObject({
    changes: [{ path: 'content.body' }, { path: 'content.header' }],
  });
  expect(await shop.client.ok('POST', `/api/templates/${id}/rollback`, { version: 2 })).toMatchObject({
    version: 4,
    status: 'active',
  });
  const again = (await send('order_ready', { number: 8, customer: 'Rudo' })).body;
  expect(await message(again.id)).toMatchObject({ template: { id, version: 4 } });

  await shop.client.ok('PATCH', `/api/templates/${id}`, { status: 'archived' });
  expect((await send('order_ready', { number: 7, customer: 'Rudo' })).status).toBe(409);
  await shop.client.ok('DELETE', `/api/templates/${id}`);
  expect((await send('order_ready', { number: 7, customer: 'Rudo' })).status).toBe(404);
  expect(await message(first.id)).toMatchObject({ template: { id, version: 2 } });
});

test('a file of a template is not deleted, and goes out with its caption', async () => {
  const { id: mediaId } = await shop.client.ok<{ id: string }>('POST', '/api/media/upload', {
    filename: 'dot.png',
    mimeType: 'image/png',
    data: DOT,
  });
  const { id } = await create({ name: 'picture', type: 'media', content: { mediaId, caption: 'Order {{number}}' } });
  const kept = await shop.client.call<{ detail: string }>('DELETE', `/api/media/${mediaId}`);
  expect([kept.status, kept.body.detail]).toEqual([409, expect.stringContaining('the template picture (en)')]);
  const sent = (await send('picture', { number: 7 })).body;
  await until('it is sent', async () => (await message(sent.id)).status !== 'queued');
  expect((await message(sent.id)).content).toEqual({ type: 'media', media: { mediaId, caption: 'Order 7' } });
  expect(await preview({ templateId: id, variables: { number: 7 } })).toMatchObject({
    rendered: { mediaId, caption: 'Order 7' },
    payloads: { cloud: { type: 'image', image: { caption: 'Order 7' } }, baileys: { imageMessage: { caption: 'Order 7' } } },
    missing: [],
  });
  await shop.client.ok('DELETE', `/api/templates/${id}`);
  await settled(env.db);
  await shop.client.ok('DELETE', `/api/media/${mediaId}`);
});

describe('a preview', () => {
  const WORDS = {
    en: { body: 'How many, {{customer}}?', title: 'Two {{unit}}', ltr: true },
    fr: { body: 'Combien, {{customer}} ?', title: 'Deux {{unit}}', ltr: true },
    ar: { body: 'كم تريد يا {{customer}}؟', title: 'اثنان {{unit}}', ltr: false },
  };
  const variables = [
    { name: 'customer', type: 'text', example: 'Rudo' },
    { name: 'unit', type: 'text', example: 'kg' },
  ];

  test.each(Object.entries(WORDS))('in %s is what each kind of channel would carry, of every type', async (language, words) => {
    const shown = (type: string, content: object) =>
      preview({ template: { type, language, content, variables }, variables: { customer: 'Tino', unit: 'kg' } });
    const direction = words.ltr ? 'ltr' : 'rtl';
    const [name, unit] = words.ltr ? ['Tino', 'kg'] : ['\u2068Tino\u2069', '\u2068kg\u2069'];
    const body = words.body.replace('{{customer}}', name);
    const title = words.title.replace('{{unit}}', unit);

    const text = await shown('text', { body: words.body, footer: '{{unit}}' });
    expect(text).toMatchObject({
      direction,
      missing: [],
      rendered: { body, footer: 'kg' },
      payloads: {
        cloud: { messaging_product: 'whatsapp', type: 'text', text: { body: `${body}\n\nkg` } },
        baileys: { conversation: `${body}\n\nkg` },
        text: `${body}\n\nkg`,
      },
    });
    const buttons = await shown('buttons', { body: words.body, buttons: [{ id: '2', title: words.title }] });
    expect(buttons.payloads.cloud).toMatchObject({
      type: 'interactive',
      interactive: { type: 'button', body: { text: body }, action: { buttons: [{ reply: { id: '2', title } }] } },
    });
    expect(buttons.payloads.baileys).toEqual({ conversation: `${body}\n\n1. ${title}` });
    expect(buttons.warnings).toContainEqual(expect.stringContaining('shows these buttons as numbered text'));
    const list = await shown('list', { body: words.body, button: 'OK', sections: [{ rows: [{ id: '2', title: words.title }] }] });
    expect(list.payloads.cloud).toMatchObject({ interactive: { type: 'list', action: { sections: [{ rows: [{ title }] }] } } });
    expect(list.payloads.text).toBe(`${body}\n\n1. ${title}`);
    expect(list.warnings).toContainEqual(expect.stringContaining('shows this list as numbered text'));
  });

  test('names what is missing, and refuses what could not be sent', async () => {
    const template = { type: 'text', language: 'en', content: { body: 'Hi {{customer}}' }, variables: variables.slice(0, 1) };
    const { missing, rendered, warnings } = await preview({ template });
    expect([missing, rendered]).toEqual([['customer'], { body: 'Hi Rudo' }]);
    expect(warnings[0]).toMatch(/^customer has no value/);
    const long = await shop.client.call<{ errors: object[] }>('POST', '/api/templates/preview', {
      template,
      variables: { customer: 'x'.repeat(4_100) },
    });
    expect([long.status, long.body.errors]).toEqual([
      422,
      [expect.objectContaining({ path: 'template.content.body', code: 'tooLong', message: expect.stringMatching(/4103.*4096/) })],
    ]);
  });
});

test('when the window is closed the counterpart goes out, until Meta pauses it: then that is told', async () => {
  const { channelId, number } = await cloudLine(shop.client, networks);
  await shop.client.ok('PATCH', `/api/channels/${channelId}`, { config: { wabaId: number.wabaId } });
  number.enforceWindow = true;
  const atMeta = { name: 'order_moved', language: 'en_US', body: 'Order {{1}} has moved.' };
  number.templates.add(atMeta);
  const { id } = await create({
    name: 'moved',
    type: 'text',
    content: { body: 'Your order {{number}} has moved' },
    cloud: { name: 'order_moved', language: 'en_US', body: ['number'] },
  });
  const to = '+263772000001';
  const first = (await send('moved', { number: 7 }, { to, channelId })).body;
  await until('the customer has it', () => number.customer(to).received.length === 1);
  expect(number.customer(to).received[0]!.text).toBe('Order 7 has moved.');
  expect(await shop.client.ok('POST', '/api/templates/sync')).toMatchObject({
    checked: 1,
    changed: [{ templateId: id, previousState: 'unknown', state: 'approved' }],
    failed: [],
  });
  number.templates.add({ ...atMeta, status: 'PAUSED' });
  expect(await shop.client.ok('POST', '/api/templates/sync')).toMatchObject({ changed: [{ state: 'paused' }] });
  const second = (await send('moved', { number: 8 }, { to, channelId })).body;
  await until('it has failed', async () => (await message(second.id)).status === 'failed');
  expect((await message(second.id)).error).toMatchObject({ code: 'template_paused' });
  expect((await message(first.id)).status).not.toBe('failed');
  await settled(env.db);
  const told = shop.receiver.calls.map(({ body }) => JSON.parse(body) as { type: string; data: object });
  expect(told.filter(({ type }) => type === 'template_state_changed').map(({ data }) => data)).toMatchObject([
    { templateId: id, state: 'approved' },
    { templateId: id, previousState: 'approved', state: 'paused' },
  ]);
});
