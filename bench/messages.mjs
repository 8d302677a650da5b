// @ts-check
// `npm run bench:messages`: from `POST /api/whatsapp/send` to the transport's "sent", on each kind of channel, beside a bare loop on the
// same transport in the same run. Queues on PostgreSQL, or on Redis with REDIS_URL. BENCH_MESSAGES, BENCH_KINDS=simulator,cloud,baileys
import { fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { caller, cpuMs, percentile, register, spread, startBenchStack, startMock, until } from './support.mjs';

const MESSAGES = Number(process.env.BENCH_MESSAGES ?? 10_000);
const KINDS = (process.env.BENCH_KINDS ?? 'simulator,cloud,baileys').split(',');
const POSTERS = 24;
const STEADY_PER_SECOND = 100;
const STEADY_SECONDS = 20;
/** So many that WhatsApp's limit per person (45, then one in 6 s) is not what is measured. */
const CHATS = Math.max(50, Math.ceil((MESSAGES + STEADY_PER_SECOND * STEADY_SECONDS) / 40));
const WANTED = { perSecond: process.env.REDIS_URL ? 400 : 150, postP95: 20 };

const number = (/** @type {number} */ n) => `+2637710${String(n).padStart(5, '0')}`;

const graph = await startMock('graph-api');
const web = await startMock('whatsapp-web', ['--decrypt', 'never']);
const networks = { ...graph.env, ...web.env };
const bench = await startBenchStack(networks);
const ours = {
  api: bench.stack.children.api.pid ?? 0,
  gateway: bench.stack.children['bot-gateway'].pid ?? 0,
  worker: bench.stack.children.worker.pid ?? 0,
  postgres: bench.stack.postgres?.pid ?? 0,
};
let short = false;
try {
  console.log(`queues on ${process.env.REDIS_URL ? 'Redis' : 'PostgreSQL'}, ${MESSAGES} messages over ${CHATS} chats`);
  for (const kind of KINDS) {
    const api = await register(bench.stack.url, kind);
    const channel = await open(kind, api);
    await warm(kind, api, channel);
    const bare = await bareLoop(kind);
    const steady = await steadily(api, channel.id);
    const soko = await flood(api, channel.id, kind);
    short ||= soko.perSecond < WANTED.perSecond || steady.postP95 > WANTED.postP95;
    console.log(
      [
        kind.padEnd(9),
        `bare ${bare.toFixed(0)}/s`,
        `soko ${soko.perSecond.toFixed(0)}/s`,
        `ratio ${(soko.perSecond / bare).toFixed(2)}`,
        `| at ${STEADY_PER_SECOND}/s: POST p50 ${steady.postP50.toFixed(1)} p95 ${steady.postP95.toFixed(1)} ms,`,
        `accepted to sent p50 ${steady.sentP50.toFixed(0)} p95 ${steady.sentP95.toFixed(0)} ms`,
        `| flooded: accepted ${soko.accepted.toFixed(0)}/s, accepted to sent p50 ${soko.sentP50.toFixed(0)} p95 ${soko.sentP95.toFixed(0)} ms`,
        `| CPU ms for each message: ${soko.cpu}`,
      ].join('  '),
    );
    await api.close();
  }
  console.log(`wanted: at least ${WANTED.perSecond}/s, POST p95 at ${STEADY_PER_SECOND}/s below ${WANTED.postP95} ms`);
  if (short) process.exitCode = 1;
} finally {
  if (process.env.BENCH_LOGS) console.log(bench.lines.join('\n'));
  await bench.stop();
  graph.stop();
  web.stop();
}

/** @param {string} kind @param {ReturnType<typeof caller>} api @returns {Promise<{ id: string, mock?: string }>} */
async function open(kind, api) {
  if (kind === 'simulator') return api('POST', '/api/channels', { name: kind, kind });
  if (kind === 'cloud') {
    const mock = caller(String(networks.WHATSAPP_CLOUD_BASE_URL));
    const { phoneNumberId, accessToken, appSecret, verifyToken } = await mock('POST', '/_mock/numbers', {});
    const config = { phoneNumberId, accessToken, appSecret, verifyToken, messagesPerSecond: 1_000 };
    const channel = await api('POST', '/api/channels', { name: kind, kind, config });
    const path = `/_mock/numbers/${phoneNumberId}`;
    await mock('PATCH', path, { webhookUrl: `${bench.stack.url}/webhooks/whatsapp/${channel.id}`, statuses: 'none' });
    await mock.close();
    return { id: channel.id, mock: path };
  }
  const channel = await api('POST', '/api/channels', {
    name: kind,
    kind,
    config: { newChatGapSeconds: 0, newChatsPerDay: 100_000 },
  });
  await api('POST', `/api/channels/${channel.id}/connect`);
  const { qr } = await until('a QR code', () => api('GET', `/api/channels/${channel.id}/qr`).catch(() => undefined));
  const phone = caller(new URL(String(networks.WHATSAPP_WEB_URL)).origin.replace('ws', 'http'));
  await phone('POST', '/phones/+263770000001/scan', { qr });
  await phone.close();
  await until(
    'a connected channel',
    async () => (await api('GET', `/api/whatsapp/status?channelId=${channel.id}`)).status === 'connected',
  );
  return channel;
}

/** Every chat has begun, and its customer has written where a window must be open. @param {string} kind @param {ReturnType<typeof caller>} api @param {{ id: string, mock?: string }} channel */
async function warm(kind, api, { id, mock }) {
  if (mock) {
    const graphApi = caller(String(networks.WHATSAPP_CLOUD_BASE_URL));
    await spread(CHATS, 8, (n) => graphApi('POST', `${mock}/customers/${number(n)}/messages`, { text: 'hi' }));
    await graphApi.close();
  } else {
    await spread(CHATS, 8, (n) => api('POST', '/api/whatsapp/send', { channelId: id, to: number(n), message: 'hi' }));
  }
  await until(
    'warm chats',
    async () => (await count(id, `direction = 'outbound' AND status <> 'queued' AND status <> 'sending'`)) >= CHATS,
    300_000,
  );
  await quiet();
}

/** At a fixed rate. @param {ReturnType<typeof caller>} api @param {string} channelId */
async function steadily(api, channelId) {
  /** @type {number[]} */
  const posts = [];
  const calls = [];
  const begin = performance.now();
  for (let n = 0; n < STEADY_PER_SECOND * STEADY_SECONDS; n += 1) {
    const due = begin + (n * 1_000) / STEADY_PER_SECOND;
    if (due > performance.now()) await pause(due - performance.now());
    const at = performance.now();
    calls.push(send(api, channelId, n, 'steady').then(() => posts.push(performance.now() - at)));
  }
  await Promise.all(calls);
  await until('all sent', async () => (await count(channelId, `text = 'steady' AND status IN ('queued', 'sending')`)) === 0);
  const sent = await toSent(channelId, 'steady');
  return {
    postP50: percentile(posts, 0.5),
    postP95: percentile(posts, 0.95),
    sentP50: percentile(sent, 0.5),
    sentP95: percentile(sent, 0.95),
  };
}

/** As fast as they are accepted, until the last is sent. @param {ReturnType<typeof caller>} api @param {string} channelId @param {string} kind */
async function flood(api, channelId, kind) {
  const processes = { ...ours, ...(kind !== 'simulator' && { network: kind === 'cloud' ? graph.pid : web.pid }) };
  const [cpu, own] = [await cpuMs(processes), process.cpuUsage()];
  const begin = performance.now();
  await spread(MESSAGES, POSTERS, (n) => send(api, channelId, n, 'flood'));
  const accepted = performance.now();
  await until(
    'all sent',
    async () => (await count(channelId, `text = 'flood' AND status IN ('queued', 'sending')`)) === 0,
    600_000,
  );
  const end = performance.now();
  const [used, { user, system }] = [await cpuMs(processes), process.cpuUsage(own)];
  const spent = Object.entries(used).map(([name, ms]) => [name, ms - (cpu[name] ?? 0)]);
  const failed = await count(channelId, `text = 'flood' AND status = 'failed'`);
  if (failed > 0) throw new Error(`${failed} messages failed`);
  const sent = await toSent(channelId, 'flood');
  return {
    perSecond: (MESSAGES * 1_000) / (end - begin),
    accepted: (MESSAGES * 1_000) / (accepted - begin),
    sentP50: percentile(sent, 0.5),
    sentP95: percentile(sent, 0.95),
    cpu: [...spent, ['bench', (user + system) / 1_000]]
      .map(([name, ms]) => `${name} ${(Number(ms) / MESSAGES).toFixed(2)}`)
      .join(', '),
  };
}

/** @param {ReturnType<typeof caller>} api @param {string} channelId @param {number} n @param {string} message */
function send(api, channelId, n, message) {
  return api('POST', '/api/whatsapp/send', { channelId, to: number(n % CHATS), message });
}

/** ms from queued to sent of each message. @param {string} channelId @param {string} text @returns {Promise<number[]>} */
async function toSent(channelId, text) {
  const { rows } = await bench.db.query(
    `SELECT extract(epoch FROM (s.at - q.at)) * 1000 AS ms FROM messages m,
       LATERAL (SELECT (e ->> 'at')::timestamptz AS at FROM jsonb_array_elements(m.timeline) e WHERE e ->> 'status' = 'queued') q,
       LATERAL (SELECT (e ->> 'at')::timestamptz AS at FROM jsonb_array_elements(m.timeline) e WHERE e ->> 'status' = 'sent') s
     WHERE m.channel_id = $1 AND m.text = $2`,
    [channelId, text],
  );
  return rows.map(({ ms }) => Number(ms));
}

/** @param {string} channelId @param {string} where @returns {Promise<number>} */
async function count(channelId, where) {
  const { rows } = await bench.db.query(`SELECT count(*)::int AS n FROM messages WHERE channel_id = $1 AND ${where}`, [
    channelId,
  ]);
  return rows[0].n;
}

/** Nothing is left to do for anybody. */
async function quiet() {
  await until('quiet', async () => {
    const { rows } = await bench.db.query(
      'SELECT (SELECT count(*) FROM events WHERE position IS NULL) + (SELECT count(*) FROM pending_answers) + (SELECT count(*) FROM pending_sends) AS left',
    );
    return Number(rows[0].left) === 0;
  });
}

/** Messages per second of nothing but the transport, in a process of its own. @param {string} kind @returns {Promise<number>} */
function bareLoop(kind) {
  const child = fork(new URL('bare-transport.mjs', import.meta.url), [kind, String(Math.min(MESSAGES, 5_000))], {
    env: { ...process.env, ...networks, DATABASE_URL: bench.stack.databaseUrl },
  });
  return new Promise((resolve, reject) => {
    child.once('message', (rate) => resolve(Number(rate)));
    child.once('exit', (code) => reject(new Error(`the bare loop ended (${code})`)));
  });
}
