import { parallel, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phoneNumber } from './support/customers.js';
import { cloudLine, type Networks, startNetworks } from './support/networks.js';
import { openStall } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const DELIVERIES = 10_000;
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

let env: TestStack;
let networks: Networks;
beforeAll(async () => {
  networks = await startNetworks();
  networks.graph.seed = SEED;
  env = await startTestStack(networks.env);
});
afterAll(async () => {
  await env.stop();
  await networks.stop();
});

test(`${DELIVERIES} webhook deliveries, each twice, shuffled and in batches, a worker killed meanwhile: each once, right statuses, no reply doubled`, async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const shop = await openStall(env.baseUrl, { name: 'Maize meal', stock: 5 });
  const { channelId, number } = await cloudLine(shop.client, networks);
  number.statuses = 'manual';
  // Messages of ours first: what becomes of them comes between the customers' messages.
  const customers = Array.from({ length: 200 }, (_, n) => number.customer(phoneNumber(n)));
  await parallel(customers.length, async (n) => {
    await customers[n]!.write({ text: 'hi' });
    await until('an answer', () => customers[n]!.received.length === 1, 60_000);
  });
  await settled(env.db);
  const ours = customers.map(({ received }) => received[0]!.id);

  const made = number.makeDeliveries({
    messages: DELIVERIES - 2 * ours.length,
    customers: 500,
    statusesFor: ours,
    twice: true,
    shuffled: true,
    batch: 20,
    seed: SEED,
  });
  const posting = number.postDeliveries(made, { concurrency: 16 });
  await until('some of it stored', async () => (await count('messages', channelId)) > DELIVERIES / 8, 60_000);
  await env.stack.children.worker.kill('SIGKILL');
  const posted = await posting;
  expect(posted.lost).toBe(0);
  console.log(`answered in p50 ${posted.latency.p50.toFixed(1)} ms, p95 ${posted.latency.p95.toFixed(1)} ms`);
  await settled(env.db, 400_000);

  const { rows: stored } = await env.db.query<{ wa_message_id: string; text: string }>(
    `SELECT wa_message_id, text FROM messages WHERE channel_id = $1 AND direction = 'inbound' AND text <> 'hi'`,
    [channelId],
  );
  expect(stored.map(({ wa_message_id, text }) => `${wa_message_id} ${text}`).toSorted()).toEqual(
    made.messages.map(({ id, text }) => `${id} ${text}`).toSorted(),
  );
  // The highest that was told, whatever the order in which it came.
  const rank = ['sent', 'delivered', 'read'];
  const told = new Map<string, string>();
  for (const { id, status } of made.statuses) if (rank.indexOf(status) > rank.indexOf(told.get(id) ?? '')) told.set(id, status);
  const { rows: sent } = await env.db.query<{ wa_message_id: string; status: string }>(
    'SELECT wa_message_id, status FROM messages WHERE wa_message_id = ANY($1)',
    [ours],
  );
  expect(new Map(sent.map((row) => [row.wa_message_id, row.status]))).toEqual(told);
  // One answer for each message, and the network was asked for each of them once.
  const answers = [...number.customers.values()].reduce((sum, { received }) => sum + received.length, 0);
  expect(answers).toBe(made.messages.length + ours.length);
  const { rows: dead } = await env.db.query('SELECT reason FROM dead_letters');
  expect(dead).toEqual([]);
}, 700_000);

test('1,000 messages over 50 chats with random failures: in order within each chat, each once', async () => {
  const shop = await openStall(env.baseUrl, { name: 'Rice', stock: 5 });
  const { channelId, number } = await cloudLine(shop.client, networks);
  const customers = Array.from({ length: 50 }, (_, n) => number.customer(phoneNumber(1_000 + n)));
  await parallel(customers.length, async (n) => {
    await customers[n]!.write({ text: 'hi' });
    await until('an answer', () => customers[n]!.received.length === 1, 60_000);
  });
  number.failRandomly(0.1, [131000, 130429, 2, { code: 131016, status: 503 }]);
  for (let n = 1; n <= 20; n++) {
    await parallel(customers.length, (c) =>
      shop.client.ok('POST', '/api/whatsapp/send', { channelId, to: phoneNumber(1_000 + c), message: `news ${n}` }),
    );
  }
  await settled(env.db, 400_000);
  const news = Array.from({ length: 20 }, (_, n) => `news ${n + 1}`);
  for (const customer of customers) expect(customer.received.slice(1).map(({ text }) => text)).toEqual(news);
  expect(Object.keys(number.requests.codes).length).toBeGreaterThan(1);
  const { rows } = await env.db.query<{ status: string; n: number }>(
    `SELECT status, count(*)::int AS n FROM messages WHERE channel_id = $1 AND text LIKE 'news %' GROUP BY 1`,
    [channelId],
  );
  expect(rows.filter(({ status }) => !['sent', 'delivered', 'read'].includes(status))).toEqual([]);
}, 700_000);

async function count(table: 'messages', channelId: string): Promise<number> {
  const { rows } = await env.db.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table} WHERE channel_id = $1`, [
    channelId,
  ]);
  return rows[0]!.n;
}
