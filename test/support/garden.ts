import { execFileSync } from 'node:child_process';
import { newId } from '@soko/common';
import { SCOPES } from '@soko/identity';
import { ApiClient, PASSWORD, until } from '@soko/testing';
import { openShop, type Shop } from './shop.js';
import type { TestStack } from './stack.js';
import { settled } from './verdict.js';

const PHONE = '+263771234567';
/** A picture of one pixel. */
const DOT = {
  filename: 'dot.png',
  mimeType: 'image/png',
  data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
};

/** A merchant with a row in every table, and somebody of every role. */
export interface Plot extends Shop {
  agent: ApiClient;
  driver: ApiClient;
  /** A client by an API key with these scopes. */
  key: (scopes: readonly string[]) => Promise<ApiClient>;
}

/** Grows one of everything through the public API: what tests about "every endpoint" need to stand on. */
export async function plant(env: TestStack): Promise<Plot> {
  const shop = await openShop(env.baseUrl, { name: 'Rice', stock: 100 });
  const { client, channelId, productId } = shop;
  await until(
    'the default templates',
    async () => (await client.ok<{ data: object[] }>('GET', '/api/templates')).data.length > 0,
  );
  const member = async (role: string): Promise<ApiClient> => {
    const email = `${newId()}@example.com`;
    await client.ok('POST', '/api/users', { email, name: role, role, password: PASSWORD });
    return ApiClient.signIn(env.baseUrl, email);
  };
  const key = async (scopes: readonly string[]): Promise<ApiClient> => {
    const made = await client.ok<{ key: string }>('POST', '/api/api-keys', { name: 'Test', scopes });
    return new ApiClient(env.baseUrl, made.key);
  };
  const wanted = { customer: { phone: PHONE }, items: [{ productId, quantity: 1 }] };
  const order = await client.ok<{ id: string }>('POST', '/api/orders', wanted);
  await until('its delivery', async () => (await client.ok<{ delivery?: object }>('GET', `/api/orders/${order.id}`)).delivery);
  const { id: prepaid } = await client.ok<{ id: string }>('POST', '/api/orders', { ...wanted, paymentMethod: 'transfer' });
  const payment = await client.ok<{ id: string }>('POST', `/api/orders/${prepaid}/payments`, { method: 'transfer' });
  await client.ok('POST', `/api/payments/${payment.id}/refunds`, { reason: 'Torn', amount: { amount: 1, currency: 'USD' } });
  await client.ok('POST', `/api/simulator/channels/${channelId}/messages`, { from: PHONE, type: 'text', text: 'hi' });
  await client.ok('POST', '/api/whatsapp/send', { to: PHONE, message: 'hello' });
  await client.ok('POST', '/api/merchant/inbound-secret');
  const file = await client.ok<{ id: string }>('POST', '/api/media/upload', DOT);
  await client.ok('POST', `/api/products/${productId}/media`, { mediaId: file.id });
  await client.ok('POST', '/api/broadcasts', { name: 'Hello', templateName: 'welcome', segment: {} });
  // What fails for good does so by a fault of ours: no call of the api makes one.
  await env.db.query(
    `WITH failed AS (INSERT INTO inbound_failures (merchant_id, channel_id, payload) VALUES ($1, $2, '{}') RETURNING id)
     INSERT INTO dead_letters (merchant_id, kind, reference, subject_id, reason, due_at) SELECT $1, 'inbound_message', id, $2, 'planted', now() FROM failed`,
    [shop.merchantId, channelId],
  );
  // Only what failed eight times stays.
  await env.db.query(
    `INSERT INTO webhook_deliveries (merchant_id, webhook_id, event_id, event_type, status)
     SELECT merchant_id, id, uuidv7(), 'order_created', 'dead' FROM webhooks WHERE merchant_id = $1`,
    [shop.merchantId],
  );
  await env.db.query(
    `INSERT INTO webhook_recoveries (merchant_id, webhook_id, since, status, ring_at, finished_at)
     SELECT merchant_id, id, now(), 'done', NULL, now() FROM webhooks WHERE merchant_id = $1`,
    [shop.merchantId],
  );
  const [agent, driver] = await Promise.all([member('agent'), member('driver')]);
  const { text } = await agent.ok<{ text: string }>('POST', '/api/users/me/phone-code');
  await client.ok('POST', `/api/simulator/channels/${channelId}/messages`, { from: '+263771234568', type: 'text', text });
  await key(SCOPES);
  await settled(env.db);
  return { ...shop, agent, driver, key };
}

/** Somebody of the platform's own team, added as an operator would. */
export async function addOps(env: TestStack): Promise<ApiClient> {
  const email = `${newId()}@soko.example`;
  execFileSync(process.execPath, ['dist/libs/identity/src/ops.cli.js', '--email', email, '--password', PASSWORD], {
    env: env.stack.env,
  });
  return ApiClient.signIn(env.baseUrl, email);
}

/** The ids of one merchant's rows by table: one of each table that has ids. */
export async function idsOf(env: TestStack, merchantId: string): Promise<Map<string, string>> {
  const { rows: tables } = await env.db.query<{ name: string }>(`
    SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype
      AND EXISTS (SELECT FROM pg_attribute m WHERE m.attrelid = c.oid AND m.attname = 'merchant_id') ORDER BY 1`);
  const ids = new Map<string, string>([['merchants', merchantId]]);
  for (const { name } of tables) {
    const { rows } = await env.db.query<{ id: string }>(
      `SELECT id FROM ${name} WHERE merchant_id = $1 ORDER BY id DESC LIMIT 1`,
      [merchantId],
    );
    if (!rows[0]) throw new Error(`no row in ${name}: plant one in test/support/garden.ts, so that tests know its ids`);
    ids.set(name, rows[0].id);
  }
  return ids;
}

/** All that a merchant has, to see that nothing of it was touched. */
export async function rowsOf(env: TestStack, merchantId: string): Promise<Record<string, object[]>> {
  const all: Record<string, object[]> = {};
  for (const table of [
    'merchants',
    'users',
    'logins',
    'sessions',
    'staff_phones',
    'api_keys',
    'channels',
    'chats',
    'messages',
    'products',
    'media_files',
    'product_media',
    'orders',
    'broadcasts',
    'delivery_tasks',
    'delivery_history',
    'webhooks',
    'audit_logs',
  ]) {
    const column = table === 'merchants' ? 'id' : 'merchant_id';
    all[table] = (await env.db.query(`SELECT * FROM ${table} WHERE ${column} = $1 ORDER BY 1, 2`, [merchantId])).rows;
  }
  return all;
}
