// @ts-check
// `npm run bench:channels`: what a linked channel costs the gateway, and how many come back how fast after a restart.
// BENCH_CHANNELS=100. The mock server is a process of its own; what is measured is the gateway alone.
import { setTimeout as pause } from 'node:timers/promises';
import { caller, register, residentMb, spread, startBenchStack, startMock, until } from './support.mjs';

const CHANNELS = Number(process.env.BENCH_CHANNELS ?? 100);
const WANTED = { mbPerChannel: 8, backSeconds: 60 };

const web = await startMock('whatsapp-web', ['--decrypt', 'never']);
const bench = await startBenchStack(web.env);
const phones = caller(String(web.env.WHATSAPP_WEB_URL).replace(/^ws(.*)\/ws\/chat$/, 'http$1'));
const number = (/** @type {number} */ n) => `+2637790${String(n).padStart(5, '0')}`;
const gateway = bench.stack.children['bot-gateway'];
try {
  const api = await register(bench.stack.url, 'channels');
  await link(api, 0);
  const first = await settledMb();
  await spread(CHANNELS - 1, 4, (n) => link(api, n + 1));
  const linked = await settledMb();
  console.log(
    `linked:    ${CHANNELS} channels, ${linked.toFixed(0)} MB, of them the first ${first.toFixed(0)} MB: ${perChannel(first, linked)} MB for each more`,
  );

  // The restart is a crash: the leases must run out first, and nothing is warm.
  const before = await logins();
  const begin = performance.now();
  await gateway.kill('SIGKILL');
  await until('all back', async () => (await online()) === CHANNELS, 120_000);
  const seconds = (performance.now() - begin) / 1_000;
  const times = (await logins()).slice(before.length).toSorted((a, b) => a - b);
  const storm = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
  console.log(
    `restarted: all ${CHANNELS} back after ${seconds.toFixed(1)} s (the lease is 8 s of it), at most ${storm} logins in a second, ${times.length} logins in all`,
  );

  // One message to each, so that every session has done something.
  const { data } = await api('GET', '/api/channels?limit=100');
  await spread(data.length, 4, (n) =>
    api('POST', '/api/whatsapp/send', { channelId: data[n].id, to: '+263771234567', message: 'hi' }),
  );
  await until(
    'all sent',
    async () => (await bench.db.query(`SELECT 1 FROM messages WHERE status IN ('queued', 'sending') LIMIT 1`)).rows.length === 0,
  );
  const working = await settledMb();
  console.log(
    `working:   ${working.toFixed(0)} MB after a restart and a message by each: ${perChannel(first, working)} MB for each more than the first`,
  );
  console.log(
    `wanted: below ${WANTED.mbPerChannel} MB for each channel beyond the first, all back within ${WANTED.backSeconds} s`,
  );
  const most = Math.max(linked, working);
  if ((most - first) / (CHANNELS - 1) >= WANTED.mbPerChannel || seconds > WANTED.backSeconds) process.exitCode = 1;
  await api.close();
} finally {
  if (process.env.BENCH_LOGS) console.log(bench.lines.join('\n'));
  await phones.close();
  await bench.stop();
  web.stop();
}

/** @param {number} from @param {number} to */
function perChannel(from, to) {
  return ((to - from) / Math.max(1, CHANNELS - 1)).toFixed(2);
}

/** Links channel n. @param {ReturnType<typeof caller>} api @param {number} n */
async function link(api, n) {
  const config = { newChatGapSeconds: 0, newChatsPerDay: 1_000 };
  const { id } = await api('POST', '/api/channels', { name: `Channel ${n}`, kind: 'baileys', config });
  await api('POST', `/api/channels/${id}/connect`);
  const { qr } = await until('a QR code', () => api('GET', `/api/channels/${id}/qr`).catch(() => undefined));
  await phones('POST', `/phones/${number(n)}/scan`, { qr });
  await until('connected', async () => (await api('GET', `/api/whatsapp/status?channelId=${id}`)).status === 'connected');
}

/** Resident memory of the gateway, once it does not fall any more. */
async function settledMb() {
  let least = Infinity;
  for (let calm = 0; calm < 5;) {
    await pause(1_000);
    const now = await residentMb(gateway.pid ?? 0);
    calm = now < least - 1 ? 0 : calm + 1;
    least = Math.min(least, now);
  }
  return least;
}

/** @returns {Promise<number>} */
async function online() {
  const views = await Promise.all(Array.from({ length: CHANNELS }, (_, n) => phones('GET', `/phones/${number(n)}`)));
  return views.filter(({ online: is }) => is).length;
}

/** When each login of all phones was. @returns {Promise<number[]>} */
async function logins() {
  const views = await Promise.all(Array.from({ length: CHANNELS }, (_, n) => phones('GET', `/phones/${number(n)}`)));
  return views.flatMap(({ sockets }) =>
    sockets.filter((/** @type {any} */ { loggedIn }) => loggedIn).map((/** @type {any} */ { openedAt }) => openedAt),
  );
}
