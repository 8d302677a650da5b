import { parallel, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phoneNumber } from './support/customers.js';
import { openShop, phoneMessages } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { expectWebhooks, settled } from './support/verdict.js';

const CUSTOMERS = 60;
/** Of ten customers, one has agreed to nothing, and one has changed their mind. */
const neverAgreed = (n: number): boolean => n % 10 === 0;
const changedMind = (n: number): boolean => n % 10 === 1;

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env?.stop());

interface Broadcast {
  id: string;
  status: string;
  recipients: number;
  counts: Record<string, number>;
}

/** A shop that 60 customers have written to, and a template for all who agreed. */
async function setup() {
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 10 });
  const { client, channelId } = shop;
  await client.ok('POST', '/api/templates', {
    name: 'sale',
    type: 'text',
    language: 'en',
    category: 'marketing',
    status: 'active',
    content: { body: 'SALE, {{customer}}: {{what}}' },
    variables: [
      { name: 'customer', type: 'text', example: 'Rudo', default: 'dear customer' },
      { name: 'what', type: 'text', example: 'Rice' },
    ],
  });
  const say = (phone: string, text: string) =>
    client.ok('POST', `/api/simulator/channels/${channelId}/messages`, { from: phone, name: 'Rudo', type: 'text', text });
  const phones = Array.from({ length: CUSTOMERS }, (_, n) => phoneNumber(n));
  await parallel(CUSTOMERS, async (n) => {
    await say(phones[n]!, neverAgreed(n) ? 'hi' : 'START');
    if (changedMind(n)) await say(phones[n]!, 'STOP');
  });
  await settled(env.db);
  return {
    shop,
    client,
    phones,
    say,
    agreed: phones.filter((_, n) => !neverAgreed(n) && !changedMind(n)),
    /** How often each phone has been told of the sale. */
    told: async () => {
      const held = await phoneMessages(env.db, channelId);
      return new Map(phones.map((phone) => [phone, (held.get(phone) ?? []).filter((text) => text.startsWith('SALE')).length]));
    },
    get: (id: string) => client.ok<Broadcast>('GET', `/api/broadcasts/${id}`),
    take: (id: string, action: string) => client.ok<Broadcast>('POST', `/api/broadcasts/${id}/${action}`),
  };
}

test('paused, resumed, with a STOP in the middle and a worker that dies: who agreed gets it once, and nobody else', async () => {
  const { shop, client, phones, say, agreed, told, get, take } = await setup();
  const wanted = { templateName: 'sale', variables: { what: 'maize meal, 10 % off' }, segment: {} };
  expect(await client.ok('POST', '/api/broadcasts/preview', wanted)).toMatchObject({
    recipients: agreed.length,
    excluded: { notOptedIn: 6, optedOut: 6 },
    examples: [{ text: expect.stringMatching(/^SALE, .*Rudo.*: .*maize meal, 10 % off/) as string }, {}, {}],
  });
  const { id } = await client.ok<Broadcast>('POST', '/api/broadcasts', { name: 'Sale', ...wanted });
  await take(id, 'start');
  await until('the first message', async () => [...(await told()).values()].some((times) => times > 0));
  const paused = await take(id, 'pause');
  expect(paused.counts.waiting).toBeGreaterThan(0);
  await settled(env.db);
  expect((await get(id)).counts).toMatchObject({ waiting: paused.counts.waiting, queued: 0 });

  const soFar = await told();
  const stops = agreed.find((phone) => soFar.get(phone) === 0)!;
  await say(stops, 'STOP');
  await take(id, 'resume');
  await until('more of it', async () => (await get(id)).counts.waiting! < paused.counts.waiting!);
  await env.stack.children.worker.kill('SIGKILL');
  const done = await until(
    'its end',
    async () => {
      const now = await get(id);
      return now.status === 'done' && now;
    },
    120_000,
  );
  await settled(env.db);

  const times = await told();
  for (const phone of phones) expect(times.get(phone), phone).toBe(agreed.includes(phone) && phone !== stops ? 1 : 0);
  expect(done).toMatchObject({
    recipients: agreed.length,
    counts: { sent: agreed.length - 1, skipped: 1, waiting: 0, queued: 0 },
  });
  const { data: skipped } = await client.ok<{ data: object[] }>('GET', `/api/broadcasts/${id}/recipients?status=skipped`);
  expect(skipped).toMatchObject([{ phone: stops, why: { code: 'opted_out' } }]);
  await expectWebhooks(env.db, shop);
  const types = shop.receiver.calls.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  expect(types.filter((type) => type === 'broadcast_finished').length).toBeGreaterThan(0);
  await shop.receiver.close();
});

test('one with a time starts by itself, and one that is cancelled writes to nobody any more', async () => {
  const { shop, client, agreed, told, get, take } = await setup();
  const make = (more: object) =>
    client.ok<Broadcast>('POST', '/api/broadcasts', {
      name: 'Sale',
      templateName: 'sale',
      variables: { what: 'rice' },
      segment: {},
      ...more,
    });
  const later = await make({ sendAt: new Date(Date.now() + 3_600_000).toISOString() });
  expect((await take(later.id, 'cancel')).status).toBe('cancelled');
  const soon = await make({ sendAt: new Date(Date.now() + 500).toISOString() });
  expect(soon.status).toBe('scheduled');
  await until('its end', async () => (await get(soon.id)).status === 'done', 60_000);
  const times = await told();
  expect([...times.values()].filter((each) => each === 1)).toHaveLength(agreed.length);
  expect([...times.values()].filter((each) => each > 1)).toEqual([]);
  await shop.receiver.close();
});
