import { until } from '@soko/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phoneNumber } from './support/customers.js';
import { openShop, phoneMessages } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const CHATS = 20;

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack({ GATEWAY_LEASE_MS: '3000' });
});
afterAll(() => env.stop());

test('a gateway killed after the phone has a message, and before it is written down, sends nothing twice', async () => {
  const { db } = env;
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 10 });
  await settled(db);
  // Writing down that a message was sent also writes its event: while nobody may, every send stands in its worst moment.
  const lock = new Client({ connectionString: env.stack.databaseUrl });
  await lock.connect();
  await lock.query('BEGIN; LOCK TABLE events IN SHARE MODE');
  const phones = Array.from({ length: CHATS }, (_, index) => phoneNumber(index));
  for (const to of phones) {
    for (const n of [1, 2]) await shop.client.ok('POST', '/api/whatsapp/send', { to, message: `news ${n}` });
  }
  await until('phones with a message that we do not know to be sent', async () => {
    const { rows } = await db.query<{ held: number; known: number }>(
      `SELECT (SELECT count(*) FROM simulator_messages)::int AS held,
              (SELECT count(*) FROM messages WHERE status IN ('sent', 'delivered', 'read'))::int AS known`,
    );
    return rows[0]!.held >= 4 && rows[0]!.known === 0;
  });
  await env.stack.children['bot-gateway'].kill('SIGKILL');
  await lock.query('ROLLBACK');
  await lock.end();
  await settled(db);

  const received = await phoneMessages(db, shop.channelId);
  for (const phone of phones) expect(received.get(phone), phone).toEqual(['news 1', 'news 2']);
  const { rows: sent } = await db.query(
    `SELECT data->>'messageId' AS id, count(*)::int AS n FROM events WHERE type = 'message_sent' GROUP BY 1`,
  );
  expect(sent).toHaveLength(2 * CHATS);
  expect(sent.filter(({ n }) => n !== 1)).toEqual([]);
  await shop.receiver.close();
});
