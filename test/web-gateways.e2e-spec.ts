import { setTimeout as pause } from 'node:timers/promises';
import { until, withClient } from '@soko/testing';
import type { SupervisedChild } from '../scripts/launcher/child.mjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phoneNumber } from './support/customers.js';
import { baileysLine, type Networks, startNetworks, statusOf } from './support/networks.js';
import { openShop, openStall } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

let env: TestStack;
let networks: Networks;
let gateways: SupervisedChild[];
beforeAll(async () => {
  networks = await startNetworks();
  env = await startTestStack(networks.env);
  gateways = [env.stack.children['bot-gateway'], await another('second')];
});
afterAll(async () => {
  await env.stop();
  await networks.stop();
});

async function another(name: string): Promise<SupervisedChild> {
  // Its name stands on its connections too, for whoever asks the database who wrote.
  const child = env.stack.spawn(`bot-gateway-${name}`, 'bot-gateway', { PGAPPNAME: name });
  await child.ready;
  return child;
}

/** Other gateways in the place of those that were. */
async function renew(...names: string[]): Promise<void> {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  gateways = await Promise.all(names.map(another));
}

/** Messages that may wait for the gateway at once. */
const BACKLOG = 100;

/** A gateway that has just come gets its share of the shards: what moves, moves before this returns. */
const evenShares = (): Promise<unknown> =>
  until('even shares', async () => {
    const { rows } = await env.db.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM gateway_shards WHERE expires_at > now() GROUP BY holder',
    );
    return rows.map(({ n }) => n).join() === '2,2';
  });

/** The gateway that holds the shard of a channel now. */
async function holderOf(channelId: string): Promise<SupervisedChild> {
  return until('a holder', async () => {
    const { rows } = await env.db.query<{ holder: string }>(
      'SELECT s.holder FROM gateway_shards s JOIN channels c ON c.shard = s.shard WHERE c.id = $1 AND s.expires_at > now()',
      [channelId],
    );
    return gateways.find(({ pid }) => rows[0]?.holder.includes(`-${pid}-`));
  });
}

const pidOf = (name: string): number | undefined => gateways.find((gateway) => gateway.name === `bot-gateway-${name}`)!.pid;

/** Whether a gateway comes to wait for the table of sends, soon. */
const waits = (name: string): Promise<boolean> =>
  until(
    'a transaction that waits',
    async () => {
      const { rows } = await env.db.query(
        `SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock' AND query LIKE '%pending_sends%'`,
        [name],
      );
      return rows.length > 0;
    },
    1000,
  ).catch(() => false);

/** The worst moment: it is in the middle of a transaction, and holds its rows for as long as the database lets it. */
async function freezeInTransaction({ name, pid }: SupervisedChild): Promise<void> {
  await withClient(env.stack.databaseUrl, async (client) => {
    // What is claimed may be another's, who is frozen: then nothing comes to wait, and the table is let go again.
    await until(
      'a transaction that waits',
      async () => {
        await client.query('BEGIN; LOCK TABLE pending_sends IN SHARE ROW EXCLUSIVE MODE');
        const { rows } = await client.query('SELECT FROM pending_sends WHERE claimed_at IS NOT NULL');
        if (rows.length > 0 && (await waits(name.replace('bot-gateway-', '')))) return true;
        await client.query('ROLLBACK');
        return false;
      },
      60_000,
    );
    process.kill(pid!, 'SIGSTOP');
    await client.query('ROLLBACK');
  });
}

const inbound = async (channelId: string): Promise<{ phone: string; text: string }[]> =>
  (
    await env.db.query<{ phone: string; text: string }>(
      `SELECT c.phone, m.text FROM messages m JOIN chats h ON h.id = m.chat_id JOIN contacts c ON c.id = h.contact_id
       WHERE m.channel_id = $1 AND m.direction = 'inbound' ORDER BY m.id`,
      [channelId],
    )
  ).rows;

test('linked, killed, taken over within 15 s without a new QR, offline messages once, and logged out by the phone', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 5 });
  // A channel whose shard moves while it waits for the phone shows a second code, as it should.
  await evenShares();
  const { channelId, phone, handset } = await baileysLine(shop.client, networks);
  const rudo = handset(phoneNumber(1));
  await rudo.say({ text: 'hi' });
  await until('an answer', () => rudo.customer.received.length === 1);

  const first = await holderOf(channelId);
  const killedAt = performance.now();
  await first.kill('SIGKILL');
  const stopped = first.stop();
  const ids: string[] = [];
  for (let n = 0; n < 20; n++) ids.push(await rudo.customer.write(phone, { text: `offline ${n}` }));
  await until('the other gateway on line', () => phone.online, 15_000);
  console.log(`taken over after ${Math.round(performance.now() - killedAt)} ms`);
  await stopped;
  await until('acknowledged', () => ids.every((id) => phone.acknowledged.has(id)));
  await settled(env.db);
  expect((await inbound(channelId)).map(({ text }) => text)).toEqual([
    'hi',
    ...Array.from({ length: 20 }, (_, n) => `offline ${n}`),
  ]);
  expect(rudo.customer.received).toHaveLength(21);
  const events = async (type: string) =>
    (
      await env.db.query<{ data: { channelId: string; reason?: string } }>(
        'SELECT data FROM events WHERE type = $1 ORDER BY id',
        [type],
      )
    ).rows
      .map(({ data }) => data)
      .filter((data) => data.channelId === channelId);
  expect(await events('channel_linking')).toHaveLength(1);

  phone.removeDevice();
  await until('logged out', async () => (await statusOf(shop.client, channelId)) === 'logged_out');
  const { rows } = await env.db.query(
    'SELECT 1 FROM baileys_creds WHERE channel_id = $1 UNION ALL SELECT 1 FROM baileys_keys WHERE channel_id = $1',
    [channelId],
  );
  expect(rows).toEqual([]);
  expect((await events('bot_disconnected')).at(-1)!.reason).toMatch(/phone has removed this device/);
  await until('a webhook about it', () => shop.receiver.calls.some(({ body }) => body.includes('"bot_disconnected"')));
  await renew('one', 'other');
  await shop.receiver.close();
});

test('a gateway that is paused past its lease writes nothing when it goes on: the other one has the session', async () => {
  await renew('left', 'right');
  const stall = await openStall(env.baseUrl, { name: 'Soap', stock: 5 });
  const { channelId, phone, handset } = await baileysLine(stall.client, networks);
  const rudo = handset(phoneNumber(900));
  // Who wrote which key, and who held the shard then, as the database saw it.
  await env.db.query(`
    CREATE TABLE key_writes (wrote text, held text);
    GRANT INSERT ON key_writes TO soko_system;
    CREATE FUNCTION note_key_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      INSERT INTO key_writes SELECT current_setting('application_name'), s.holder
      FROM gateway_shards s JOIN channels c ON c.shard = s.shard WHERE c.id = NEW.channel_id;
      RETURN NULL;
    END $$;
    CREATE TRIGGER note_key_write AFTER INSERT OR UPDATE ON baileys_keys FOR EACH ROW EXECUTE FUNCTION note_key_write()`);
  let written = 0;
  const end = new AbortController();
  const stream = (async () => {
    while (!end.signal.aborted) {
      await rudo.customer.write(phone, { text: `message ${written++}` });
      // However slow the machine is, what waits stays what it can work off.
      while (phone.unacknowledged.length > BACKLOG && !end.signal.aborted) await pause(20);
      await pause(20);
    }
  })();
  const logins = (): number => phone.sockets.filter(({ loggedIn }) => loggedIn).length;
  let frozen = 0;
  for (const round of [1, 2, 3]) {
    await evenShares();
    const before = phone.acknowledged.size;
    await until(`traffic ${round}`, () => phone.online && phone.acknowledged.size > before + 20, 60_000);
    const held = await holderOf(channelId);
    const known = logins();
    await freezeInTransaction(held);
    frozen += 1;
    await until(`the other one on line ${round}`, () => logins() > known && phone.online, 60_000);
    process.kill(held.pid!, 'SIGCONT');
  }
  end.abort();
  await stream;
  await until('everything acknowledged', () => phone.unacknowledged.length === 0, 90_000);
  await settled(env.db);

  const { rows } = await env.db.query<{ wrote: string; held: string }>('SELECT DISTINCT wrote, held FROM key_writes');
  expect(rows.length).toBeGreaterThanOrEqual(2);
  for (const { wrote, held } of rows) expect(held).toContain(`-${pidOf(wrote)}-`);
  // Who is frozen cannot hang up: its socket may be found by the next login, and nobody else's.
  expect(phone.overlaps).toBeLessThanOrEqual(frozen);
  expect((await inbound(channelId)).map(({ text }) => text)).toEqual(Array.from({ length: written }, (_, n) => `message ${n}`));
  expect(rudo.customer.unreadable).toEqual([]);
  await env.db.query('DROP TRIGGER note_key_write ON baileys_keys');
}, 300_000);
