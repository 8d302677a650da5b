// @ts-check
// `npm run bench:store`: what reading chats and their messages costs with 2,000,000 messages, beside what it costs with 20,000, through
// the real api, in one run. Every chat has 1,000 messages over half a year in both; what grows is how many such chats there are.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { ensureBuilt, ensureInstalled } from '../scripts/preflight.mjs';
import { startStack } from '../scripts/stack.mjs';

const PER_CHAT = 1_000;
const SMALL = Number(process.env.BENCH_SMALL ?? 20_000);
const LARGE = Number(process.env.BENCH_LARGE ?? 2_000_000);
const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 1_000);
const MERCHANTS = 5;
const WEEKS = 26;
/** So many of each chat's messages are written at a time, so that chats lie between each other as in life. */
const CHUNK = 25;
const WANTED = { p95: 15, ratio: 1.5 };
/** Of those that are asked for again and again by a dashboard. */
const HELD_TO_IT = ['chats', 'messages', 'messages, deep', 'messages, by time'];

/** @typedef {{ id: string, middle: string, time: string }} Chat a message from the middle of it, and when that was */
/** @typedef {{ p50: number, p95: number }} Figures in ms */

await ensureInstalled();
await ensureBuilt();
const folder = await mkdtemp(join(tmpdir(), 'soko-bench-store-'));
const { PATH, HOME, REDIS_URL } = process.env;
const env = { PATH, HOME, ...(REDIS_URL && { REDIS_URL }), RATE_LIMIT_ENABLED: 'false', LOG_LEVEL: 'warn' };
const stack = await startStack({ dataDir: folder, port: 0, env, log: () => undefined, seed: false });
const client = new Client({ connectionString: stack.databaseUrl });
try {
  await client.connect();
  const people = await Promise.all(Array.from({ length: MERCHANTS }, (_, n) => register(n)));
  const [me] = people;
  if (!me) throw new Error('nobody registered');
  // At first all chats are of the one who is measured: both sizes then show full pages.
  const small = SMALL / PER_CHAT;
  await fill([me], small);
  const before = await measure(me);
  await fill(people, (LARGE / PER_CHAT - small) / MERCHANTS);
  const after = await measure(me);
  report(before, after);
} finally {
  await client.end();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
}

/** A merchant with a channel. @param {number} n */
async function register(n) {
  const { accessToken, merchant } = await call('/api/auth/register', undefined, {
    email: `bench${n}@example.com`,
    password: 'correct-horse',
    name: 'Bench',
    merchant: { name: `Bench ${n}` },
  });
  const channel = await call('/api/channels', accessToken, { name: 'Phone', kind: 'simulator' });
  return { token: accessToken, merchantId: merchant.id, channelId: channel.id };
}

/** So many chats more for each, their messages spread evenly over half a year. @param {{ merchantId: string, channelId: string }[]} people @param {number} chats */
async function fill(people, chats) {
  const started = performance.now();
  // As the superuser and without checking each foreign key: what is measured is reading.
  await client.query('SET session_replication_role = replica');
  await client.query(`SELECT make_message_partitions(now() - interval '${WEEKS + 1} weeks', now())`);
  await client.query(
    'CREATE TEMP TABLE fresh (merchant_id uuid, channel_id uuid, id uuid DEFAULT uuidv7(), contact_id uuid DEFAULT uuidv7())',
  );
  for (const { merchantId, channelId } of people) {
    await client.query('INSERT INTO fresh SELECT $1, $2 FROM generate_series(1, $3)', [merchantId, channelId, chats]);
  }
  await client.query(`INSERT INTO contacts (merchant_id, id, phone, name)
    SELECT merchant_id, contact_id, '+26377' || lpad((row_number() OVER () + (SELECT count(*) FROM contacts))::text, 7, '0'), 'Customer ' || left(id::text, 13) FROM fresh`);
  await client.query(`INSERT INTO chats (merchant_id, id, channel_id, contact_id, last_seq, last_message_at)
    SELECT merchant_id, id, channel_id, contact_id, ${PER_CHAT}, now() - random() * interval '3 days' FROM fresh`);
  for (let from = 1; from <= PER_CHAT; from += CHUNK) {
    await client.query(
      `INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, created_at)
       SELECT merchant_id, id, chat_id, channel_id, n, CASE n % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, 'text',
              jsonb_build_object('type', 'text', 'text', jsonb_build_object('body', text)), text,
              CASE n % 2 WHEN 0 THEN 'received' ELSE 'read' END, jsonb_build_array(jsonb_build_object('status', 'received', 'at', now())),
              uuid_extract_timestamp(id)
       FROM (
         SELECT f.merchant_id, f.id AS chat_id, f.channel_id, n, 'Message ' || n || ' ' || repeat('of maize and oil ', 1 + n % 8) AS text,
                uuidv7(-(${PER_CHAT} - n + random()) * interval '${WEEKS} weeks' / ${PER_CHAT}) AS id
         FROM generate_series($1::int, $2::int) AS n CROSS JOIN fresh f ORDER BY n, f.id
       ) AS made`,
      [from, from + CHUNK - 1],
    );
  }
  await client.query(`UPDATE chats h SET last_message_id = (SELECT m.id FROM messages m
    WHERE m.merchant_id = h.merchant_id AND m.chat_id = h.id ORDER BY m.id DESC LIMIT 1) FROM fresh f WHERE h.merchant_id = f.merchant_id AND h.id = f.id`);
  await client.query('DROP TABLE fresh');
  await client.query('VACUUM (ANALYZE) messages');
  await client.query('VACUUM (ANALYZE) chats, contacts');
  const { rows } = await client.query('SELECT count(*)::int AS n FROM messages');
  console.log(`${rows[0].n.toLocaleString('en')} messages after ${((performance.now() - started) / 1_000).toFixed(0)} s`);
}

/** What each kind of call takes, one after the other, as one person's dashboard asks. @param {{ merchantId: string, token: string }} me */
async function measure({ merchantId, token }) {
  /** @type {{ rows: Chat[] }} */
  const { rows: chats } = await client.query(
    `SELECT h.id, m.id AS middle, to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS time
     FROM chats h JOIN messages m ON m.merchant_id = h.merchant_id AND m.chat_id = h.id AND m.seq = ${PER_CHAT / 2}
     WHERE h.merchant_id = $1 ORDER BY random() LIMIT 500`,
    [merchantId],
  );
  const second = (await call('/api/whatsapp/chats?limit=10', token)).pagination.nextCursor;
  /** @type {Record<string, (chat: Chat) => string>} */
  const calls = {
    chats: () => '/api/whatsapp/chats?limit=20',
    'chats, next page': () => `/api/whatsapp/chats?limit=10&cursor=${second}`,
    'chats, by name': () => '/api/whatsapp/chats?limit=20&q=customer',
    messages: ({ id }) => `/api/whatsapp/chats/${id}/messages`,
    'messages, deep': ({ id, middle }) => `/api/whatsapp/chats/${id}/messages?before=${middle}`,
    'messages, by time': ({ id, time }) => `/api/whatsapp/chats/${id}/messages?before=${time}`,
    'messages, offset 500': ({ id }) => `/api/whatsapp/chats/${id}/messages?offset=500`,
    'one message': ({ middle }) => `/api/whatsapp/messages/${middle}`,
  };
  /** @type {Map<string, number[]>} */
  const times = new Map(Object.keys(calls).map((name) => [name, []]));
  // In turn, so that whatever the machine does meanwhile hits all alike. The first tenth warms up.
  for (let n = -REQUESTS / 10; n < REQUESTS; n += 1) {
    const chat = chats[Math.floor(Math.random() * chats.length)];
    if (!chat) throw new Error('there are no chats');
    for (const [name, path] of Object.entries(calls)) {
      const started = performance.now();
      await call(path(chat), token);
      if (n >= 0) times.get(name)?.push(performance.now() - started);
    }
  }
  return new Map([...times].map(([name, all]) => [name, figures(all)]));
}

/** @param {number | undefined} value */
function ms(value) {
  return (value ?? 0).toFixed(1).padStart(7);
}

/** @param {Map<string, Figures>} before @param {Map<string, Figures>} after */
function report(before, after) {
  console.log(`${''.padEnd(22)}${SMALL.toLocaleString('en').padStart(15)}${LARGE.toLocaleString('en').padStart(19)}`);
  console.log(`${''.padEnd(22)}    p50     p95        p50     p95   ratio of p95`);
  for (const [name, now] of after) {
    const then = before.get(name);
    const ratio = now.p95 / (then?.p95 ?? 0);
    const held = HELD_TO_IT.includes(name);
    const missed = held && (now.p95 > WANTED.p95 || ratio > WANTED.ratio);
    if (missed) process.exitCode = 1;
    console.log(
      `${name.padEnd(22)}${ms(then?.p50)} ${ms(then?.p95)}    ${ms(now.p50)} ${ms(now.p95)}   ${ratio.toFixed(2).padStart(5)}${missed ? '   too much' : ''}`,
    );
  }
  console.log(`wanted of ${HELD_TO_IT.join('; ')}: p95 at most ${WANTED.p95} ms, ratio at most ${WANTED.ratio}`);
}

/** @param {number[]} all @returns {Figures} */
function figures(all) {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p95: at(0.95) };
}

/** @param {string} path @param {string} [token] @param {object} [body] @returns {Promise<any>} */
async function call(path, token, body) {
  const response = await fetch(stack.url + path, {
    method: body ? 'POST' : 'GET',
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
