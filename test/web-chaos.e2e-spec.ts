import { setTimeout as pause } from 'node:timers/promises';
import { seeded, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phoneNumber } from './support/customers.js';
import { baileysLine, type Networks, startNetworks } from './support/networks.js';
import { openStall } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const MESSAGES = 1_500;
const PER_SECOND = 50;
const KILLS = 10;
const CUSTOMERS = 30;
const AWAY_MS = 20_000;

let env: TestStack;
let networks: Networks;
beforeAll(async () => {
  networks = await startNetworks();
  env = await startTestStack({ ...networks.env, GATEWAY_LEASE_MS: '2000' });
});
afterAll(async () => {
  await env.stop();
  await networks.stop();
});

test('at least 1,500 messages at 50/s, the gateway killed ten times and once away for 20 s: none lost, none doubled, in order', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  // One for each of the two that draw, or the seed would not tell who gets which number.
  const [writers, moments] = [seeded(SEED), seeded(SEED + 1)];
  const { client } = await openStall(env.baseUrl, { name: 'Rice', stock: 5 });
  const { channelId, phone, handset } = await baileysLine(client, networks);
  const customers = Array.from({ length: CUSTOMERS }, (_, n) => handset(phoneNumber(100 + n)));
  const said = new Map<string, string[]>(customers.map(({ number }) => [number, []]));
  const chaos = new AbortController();
  const stream = (async () => {
    const begin = performance.now();
    for (let written = 0; written < MESSAGES || !chaos.signal.aborted; written++) {
      const due = begin + (written * 1_000) / PER_SECOND;
      if (due > performance.now()) await pause(due - performance.now());
      const { customer, number } = customers[Math.floor(writers() * CUSTOMERS)]!;
      said.get(number)!.push(`message ${written}`);
      await customer.write(phone, { text: `message ${written}` });
    }
  })();
  const gateway = env.stack.children['bot-gateway'];
  let kills = 0;
  while (kills < KILLS - 1) {
    // It dies at work, at a moment that the seed picks.
    await until('a gateway on line', () => phone.online, 60_000);
    await pause(moments() * 1_000);
    await gateway.kill('SIGKILL');
    await gateway.ready;
    kills += 1;
  }
  await until('a gateway on line', () => phone.online, 60_000);
  await Promise.all([gateway.kill('SIGKILL'), gateway.stop()]);
  kills += 1;
  await pause(AWAY_MS);
  await env.stack.spawn('bot-gateway-again', 'bot-gateway').ready;
  chaos.abort();
  await stream;
  await until('everything acknowledged', () => phone.unacknowledged.length === 0, 400_000);
  await settled(env.db, 400_000);
  console.log(`${kills} kills, ${phone.sockets.length} connections, ${[...said.values()].flat().length} messages`);

  const { rows } = await env.db.query<{ phone: string; direction: string; text: string; status: string }>(
    `SELECT c.phone, m.direction, m.text, m.status FROM messages m JOIN chats h ON h.id = m.chat_id JOIN contacts c ON c.id = h.contact_id
     WHERE m.channel_id = $1 ORDER BY m.id`,
    [channelId],
  );
  for (const { number, customer } of customers) {
    const stored = rows.filter((row) => row.phone === number && row.direction === 'inbound');
    expect(
      stored.map(({ text }) => text),
      number,
    ).toEqual(said.get(number));
    expect(customer.unreadable, number).toEqual([]);
    const answers = rows.filter((row) => row.phone === number && row.direction === 'outbound');
    expect(answers, number).toHaveLength(said.get(number)!.length);
    expect(
      answers.filter(({ status }) => !['sent', 'delivered', 'read'].includes(status)),
      number,
    ).toEqual([]);
  }
}, 900_000);
