import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@soko/common';
import { ApiClient, parallel, PASSWORD, seeded, until } from '@soko/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../scripts/launcher/ports.mjs';
import { startTestStack, type TestStack } from './support/stack.js';
import { BEGINNING, SocketClient, SseClient, type StreamClient, type StreamOptions } from './support/streams.js';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

let env: TestStack;
let second: Awaited<ReturnType<typeof another>>;
beforeAll(async () => {
  env = await startTestStack({ REALTIME_HEARTBEAT_S: '1' });
  second = await another({});
});
afterAll(() => env?.stop());

async function another(settings: Record<string, string>) {
  const port = await freePort('127.0.0.1');
  const child = env.stack.spawn(`api-${port}`, 'api', { PORT: String(port), ...settings });
  await child.ready;
  return { child, url: `http://127.0.0.1:${port}` };
}

/** Into the outbox, as a commit of ours would leave it. */
const emit = (merchantId: string, count: number, { type = 'product_updated', text = '', db = env.db } = {}) =>
  db.query(
    `INSERT INTO events (merchant_id, type, subject, data)
     SELECT $1, $2, 's', json_build_object('n', n, 'text', $4::text) FROM generate_series(1, $3::int) n`,
    [merchantId, type, count, text],
  );
const bell = (db = env.db) => db.query('NOTIFY soko_events');

const history = async (merchantId: string): Promise<string[]> =>
  (
    await env.db.query<{ id: string }>(
      'SELECT id FROM events WHERE merchant_id = $1 AND position IS NOT NULL ORDER BY position',
      [merchantId],
    )
  ).rows.map(({ id }) => id);

const KINDS: [name: string, make: (options: StreamOptions) => StreamClient][] = [
  ['Socket.IO', (options) => new SocketClient(options, ['websocket'])],
  ['Socket.IO that begins by polling', (options) => new SocketClient(options)],
  ['Server-Sent Events', (options) => new SseClient(options)],
];

async function open(make: (options: StreamOptions) => StreamClient, options: StreamOptions, url = env.baseUrl) {
  const client = make(options);
  await client.connect(url);
  return client;
}
const idsOf = ({ events }: StreamClient) => events.map(({ id }) => id);

test('10,000 events to clients that reconnect at random while the api processes restart: each exactly once, in order', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const random = seeded(SEED);
  const EVENTS = 10_000;
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  const urls = [env.baseUrl, second.url];
  let written = 0;
  const told: { complete?: string[] } = {};

  const write = async (): Promise<void> => {
    const db = new Client({ connectionString: env.stack.databaseUrl });
    await db.connect();
    while (written < EVENTS) {
      const count = Math.min(1 + Math.floor(random() * 80), EVENTS - written);
      written += count;
      await db.query('BEGIN');
      await emit(merchantId, count, { db });
      // Some commit late: their ids are older than those of events that were sent before.
      if (random() < 0.2) await pause(random() * 300);
      await db.query('COMMIT');
      await bell(db);
      await pause(random() * 600);
    }
    await db.end();
  };
  let restarts = 0;
  const disturb = async (): Promise<void> => {
    while (!told.complete) {
      const child = random() < 0.5 ? env.stack.children.api : second.child;
      await child.ready;
      await pause(500 + random() * 1_500);
      if (told.complete) return;
      await child.kill(random() < 0.5 ? 'SIGKILL' : 'SIGTERM');
      restarts += 1;
    }
  };
  let connections = 0;
  const follow = async (make: (options: StreamOptions) => StreamClient): Promise<string[]> => {
    const follower = make({ token: client.token!, after: BEGINNING });
    while (!told.complete || follower.events.length < told.complete.length) {
      try {
        await follower.connect(urls[Math.floor(random() * 2)]!);
        connections += 1;
        const wanted = follower.events.length + 1 + Math.floor(random() * 1_500);
        const deadline = performance.now() + 500 + random() * 3_000;
        const enough = () =>
          !follower.connected ||
          follower.events.length >= Math.min(wanted, told.complete?.length ?? Infinity) ||
          performance.now() > deadline;
        await until('a reason to reconnect', enough);
      } catch {
        // The process is away: the other one, or it, will answer.
        await pause(50);
      }
      follower.drop();
    }
    return idsOf(follower);
  };

  const following = Promise.all([...KINDS, ...KINDS].map(([, make]) => follow(make)));
  const disturbing = disturb();
  await Promise.all([write(), write(), write()]);
  await expect
    .poll(async () => (await env.db.query('SELECT 1 FROM events WHERE position IS NULL')).rowCount, { timeout: 60_000 })
    .toBe(0);
  await expect.poll(() => restarts, { timeout: 120_000 }).toBeGreaterThanOrEqual(4);
  const complete = await history(merchantId);
  told.complete = complete;
  const seen = await following;
  await disturbing;
  console.log(`${connections} connections, ${restarts} restarts, ${complete.length} events`);
  expect(complete.length).toBeGreaterThan(EVENTS);
  expect(complete.toSorted()).not.toEqual(complete);
  for (const ids of seen) {
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(complete);
  }
  await Promise.all([env.stack.children.api.ready, second.child.ready]);
  const listed: string[] = [];
  let after: string | undefined;
  for (let more = true; more;) {
    const page = await client.ok<{ data: { id: string }[]; pagination: { hasMore: boolean; nextCursor: string } }>(
      'GET',
      `/api/events?limit=100${after ? `&after=${after}` : ''}`,
    );
    listed.push(...page.data.map(({ id }) => id));
    ({ hasMore: more, nextCursor: after } = page.pagination);
  }
  expect(listed).toEqual(complete);
}, 300_000);

describe.each(KINDS)('%s', (_, make) => {
  test('tells what happens from now on, with the envelope of webhooks, and nobody of another merchant', async () => {
    const [mine, theirs] = [await ApiClient.register(env.baseUrl), await ApiClient.register(env.baseUrl)];
    await expect.poll(() => history(mine.merchantId)).toHaveLength(1);
    const [me, them] = [
      await open(make, { token: mine.client.token! }, second.url),
      await open(make, { token: theirs.client.token! }),
    ];
    const product = await mine.client.ok<{ id: string }>('POST', '/api/products', {
      sku: 'R',
      name: 'Rice',
      price: { amount: 100, currency: 'USD' },
      stock: 1,
    });
    await mine.client.ok('PATCH', `/api/products/${product.id}`, { name: 'Brown rice' });
    await expect.poll(() => me.events.map(({ type }) => type)).toContain('product_updated');
    const listed = await mine.client.ok<{ data: object[] }>('GET', '/api/events');
    expect(listed.data.slice(1)).toEqual(me.events);
    expect(me.events.at(-1)).toMatchObject({ merchantId: mine.merchantId, data: { productId: product.id } });
    expect(them.events.filter(({ merchantId }) => merchantId !== theirs.merchantId)).toEqual([]);
    me.drop();
    them.drop();
  });

  test('shows a key what its scopes let it read, of the types it asks for', async () => {
    const { client, merchantId } = await ApiClient.register(env.baseUrl);
    const key = async (...scopes: string[]) =>
      (await client.ok<{ key: string }>('POST', '/api/api-keys', { name: 'K', scopes })).key;
    const token = await key('events:read', 'orders:read', 'messages:read');
    const all = await open(make, { token: client.token! });
    const some = await open(make, { token });
    const one = await open(make, { token, types: ['order_held'] });
    for (const type of ['order_created', 'payment_received', 'order_held', 'message_sent']) await emit(merchantId, 1, { type });
    await bell();
    await expect.poll(() => all.events.map(({ type }) => type).slice(-4)).toHaveLength(4);
    await expect
      .poll(() => some.events.map(({ type }) => type).slice(-3))
      .toEqual(['order_created', 'order_held', 'message_sent']);
    expect(one.events.map(({ type }) => type)).toEqual(['order_held']);
    for (const each of [all, some, one]) each.drop();
    const refusal = (options: StreamOptions) =>
      open(make, options).then(
        () => 'let in',
        (error: { code: string }) => error.code,
      );
    const other = await ApiClient.register(env.baseUrl);
    await expect.poll(() => history(other.merchantId)).toHaveLength(1);
    const [foreign] = await history(other.merchantId);
    expect(await refusal({ token, types: ['payment_received'] })).toBe('event_hidden');
    expect(await refusal({ token, types: ['nothing_happened'] })).toBe('validation_failed');
    expect(await refusal({ token: await key('orders:read') })).toBe('forbidden');
    expect(await refusal({ token: 'sk_nobodys' })).toBe('unauthenticated');
    expect(await refusal({ token, after: foreign })).toBe('validation_failed');
    expect(await refusal({ token, after: newId() })).toBe('validation_failed');
    expect(await refusal({ token, after: 'x' })).toBe('validation_failed');
  });

  test('ends within seconds of a logout, a revoked key, a removed user or a changed role, and says so', async () => {
    const { client, email } = await ApiClient.register(env.baseUrl);
    const join = async () => {
      const person = { email: `${newId()}@example.com`, name: 'A', role: 'agent', password: PASSWORD };
      const { id } = await client.ok<{ id: string }>('POST', '/api/users', person);
      return { id, signedIn: await ApiClient.signIn(env.baseUrl, person.email) };
    };
    const [removed, promoted] = [await join(), await join()];
    const leaving = await ApiClient.signIn(env.baseUrl, email);
    const made = await client.ok<{ id: string; key: string }>('POST', '/api/api-keys', { name: 'K', scopes: ['events:read'] });
    const streams = await Promise.all(
      [leaving.token!, removed.signedIn.token!, made.key, promoted.signedIn.token!].map((token) =>
        open(make, { token }, second.url),
      ),
    );
    const staying = await open(make, { token: client.token! }, second.url);
    await leaving.call('POST', '/api/auth/logout');
    await client.ok('DELETE', `/api/users/${removed.id}`);
    await client.ok('DELETE', `/api/api-keys/${made.id}`);
    await client.ok('PATCH', `/api/users/${promoted.id}`, { role: 'owner' });
    await expect
      .poll(() => streams.map((stream) => stream.ended?.code))
      .toEqual(['session_ended', 'session_ended', 'session_ended', 'access_changed']);
    await expect.poll(() => streams.map((stream) => stream.connected)).toEqual([false, false, false, false]);
    expect([staying.connected, staying.ended]).toEqual([true, undefined]);
    staying.drop();
  });

  test('has a reason when the process stops', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    const third = await another({});
    const stream = await open(make, { token: client.token! }, third.url);
    const begun = performance.now();
    await third.child.stop();
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(stream.ended?.code).toBe('stopping');
    await expect.poll(() => stream.connected).toBe(false);
  });
});

test('a client of Socket.IO that comes back by itself goes on where it was when its process is killed', async () => {
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  const stream = new SocketClient({ token: client.token!, after: BEGINNING }, ['websocket'], true);
  await stream.connect(second.url);
  await emit(merchantId, 5);
  await bell();
  await expect.poll(() => stream.events.length).toBe(6);
  await second.child.kill('SIGKILL');
  await emit(merchantId, 5);
  await bell();
  await expect.poll(() => stream.events.length, { timeout: 60_000 }).toBe(11);
  expect(idsOf(stream)).toEqual(await history(merchantId));
  stream.drop();
});

test('Server-Sent Events are what clients and proxies expect, and show that they live', async () => {
  const { client } = await ApiClient.register(env.baseUrl);
  const stream = new SseClient({ token: client.token! });
  await stream.connect(env.baseUrl);
  expect(Object.fromEntries(stream.headers!)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.any(String),
  });
  await expect.poll(() => stream.comments).toBeGreaterThan(1);
  expect(stream.retry).toBe(1_000);
  stream.drop();
  const head = await fetch(`${env.baseUrl}/api/events/stream`, { method: 'HEAD', headers: client.headers });
  expect(head.status).toBe(200);
});

/** A client that connects and then reads nothing. @returns what ends it */
const STUCK: [name: string, connect: (url: string, token: string) => Promise<() => void>][] = [
  [
    'Server-Sent Events',
    async (url, token) => {
      const stop = new AbortController();
      // Nobody reads the body.
      await fetch(`${url}/api/events/stream`, { headers: { authorization: `Bearer ${token}` }, signal: stop.signal });
      return () => stop.abort();
    },
  ],
  [
    'Socket.IO',
    async (url, token) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
      socket.on('error', () => undefined);
      await new Promise<void>((resolve) => {
        socket.on('message', (data: Buffer) => {
          const text = data.toString();
          if (text.startsWith('0')) socket.send(`40/realtime,${JSON.stringify({ token })}`);
          if (text.startsWith('40/realtime')) resolve();
        });
      });
      socket.pause();
      return () => socket.terminate();
    },
  ],
];

test.each(STUCK)('a client of %s that does not read is cut off, and holds up nobody', async (_, connect) => {
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  const small = await another({ REALTIME_BUFFER_BYTES: '65536', REALTIME_STREAMS: '2' });
  const quick = new SseClient({ token: client.token! });
  await quick.connect(small.url);
  const close = await connect(small.url, client.token!);
  const third = new SseClient({ token: client.token! });
  await expect(third.connect(small.url)).rejects.toThrow('too_many_streams');
  // More than the kernel keeps for a connection.
  for (let n = 0; n < 40; n += 1) {
    await emit(merchantId, 10, { text: 'x'.repeat(50_000) });
    await bell();
  }
  await expect.poll(() => quick.events.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(400);
  expect(quick.ended).toBeUndefined();
  // The cut one has made room.
  await expect
    .poll(() =>
      third.connect(small.url).then(
        () => 'let in',
        (error: Error) => error.message,
      ),
    )
    .toBe('let in');
  for (const each of [quick, third]) each.drop();
  close();
  await small.child.stop();
});

test('a connect counts as a request of the merchant', async () => {
  const limited = await another({ RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_STANDARD_API: '3' });
  const { client } = await ApiClient.register(env.baseUrl);
  const tries = await parallel(5, () =>
    open(KINDS[0]![1], { token: client.token! }, limited.url).then(
      (stream) => (stream.drop(), 'let in'),
      (error: { code: string }) => error.code,
    ),
  );
  expect(tries.toSorted()).toEqual(['let in', 'let in', 'let in', 'rate_limited', 'rate_limited']);
});
