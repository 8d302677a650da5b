import { once } from 'node:events';
import { createServer } from 'node:net';
import { newId } from '@soko/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';

const TOKEN = `metrics-${newId()}`;
let env: TestStack;
beforeAll(async () => {
  env = await startTestStack({ METRICS_TOKEN: TOKEN });
});
afterAll(() => env?.stop());

const scrape = (base = env.baseUrl, token: string | undefined = TOKEN) =>
  fetch(`${base}/metrics`, { headers: token ? { authorization: `Bearer ${token}` } : {} });
const valueOf = (text: string, name: string, labels: string): number | undefined => {
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && labels.split(',').every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
};

test('the api answers whoever shows METRICS_TOKEN, and nobody else', async () => {
  expect((await scrape(env.baseUrl, '')).status).toBe(401);
  const wrong = await scrape(env.baseUrl, `${TOKEN}x`);
  expect(wrong.status).toBe(401);
  expect(await wrong.json()).toMatchObject({ code: 'metrics_token' });
  const answer = await scrape();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
});

test('what is told of the platform is so: requests by route, queues, the outbox, dead letters, channels', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Rice', stock: 1 });
  await shop.receiver.close();
  await shop.client.ok('GET', `/api/products/${shop.productId}`);
  await env.db.query(
    `INSERT INTO dead_letters (merchant_id, kind, reference, reason, due_at) VALUES ($1, 'reaction', 'a/1', 'planted', now())`,
    [shop.merchantId],
  );
  const text = await (await scrape()).text();
  expect(
    valueOf(text, 'soko_http_request_duration_seconds_count', 'route="/api/products/:id",method="GET",status="2xx"'),
  ).toBeGreaterThan(0);
  expect(valueOf(text, 'soko_dead_letters', 'kind="reaction"')).toBe(1);
  expect(valueOf(text, 'soko_dead_letters', 'kind="inbound_message"')).toBe(0);
  expect(valueOf(text, 'soko_outbox_lag_seconds', 'app="api"')).toBeGreaterThanOrEqual(0);
  expect(valueOf(text, 'soko_queue_jobs', 'queue="message_sending",state="waiting"')).toBeGreaterThanOrEqual(0);
  expect(valueOf(text, 'soko_metrics_missing', 'app="api"')).toBe(0);
  expect(valueOf(text, 'nodejs_eventloop_lag_p99_seconds', 'app="api"')).toBeGreaterThanOrEqual(0);
  expect(text).not.toContain(shop.merchantId);
  await expect
    .poll(async () => valueOf(await (await scrape()).text(), 'soko_channels', 'kind="simulator",status="connected"'))
    .toBeGreaterThan(0);
});

test('an event that nobody hands on shows as the lag of the outbox', async () => {
  const { rows } = await env.db.query<{ id: string }>(`SELECT id FROM merchants ORDER BY created_at DESC LIMIT 1`);
  await env.db.query('BEGIN');
  try {
    // The relay waits for whoever has its lock.
    await env.db.query('SELECT pg_advisory_xact_lock(7305002)');
    const other = await import('pg').then(({ Client }) => new Client({ connectionString: env.stack.databaseUrl }));
    await other.connect();
    await other.query(
      `INSERT INTO events (merchant_id, type, subject, data, created_at) VALUES ($1, 'bot_connected', 's', '{}', now() - interval '90 seconds')`,
      [rows[0]!.id],
    );
    await other.end();
    expect(valueOf(await (await scrape()).text(), 'soko_outbox_lag_seconds', 'app="api"')).toBeGreaterThan(85);
  } finally {
    await env.db.query('ROLLBACK');
  }
});

test('worker and gateway serve theirs on METRICS_PORT', async () => {
  for (const app of ['worker', 'bot-gateway'] as const) {
    const port = await freePort();
    const child = env.stack.spawn(`${app}-2`, app, { METRICS_PORT: String(port) });
    await child.ready;
    const base = `http://127.0.0.1:${port}`;
    expect((await scrape(base, '')).status).toBe(401);
    const answer = await scrape(base);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(new RegExp(`^process_resident_memory_bytes\\{app="${app}"\\} \\d`, 'm'));
    expect((await fetch(base)).status).toBe(404);
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
