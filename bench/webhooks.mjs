// @ts-check
// `npm run bench:webhooks`: from the commit of an event to the 200 of a partner, a process of its own on this machine, for one endpoint and for fifty,
// beside a bare loop that signs and posts the same bodies in the same run. Queues on PostgreSQL, or on Redis with REDIS_URL. BENCH_CALLS
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuMs, percentile, startBenchStack, until } from './support.mjs';

const CALLS = Number(process.env.BENCH_CALLS ?? 20_000);
const ENDPOINTS = 50;
const BATCH = 200;
const PER_SECOND = 100;
const SECONDS = 20;
const WANTED = { perSecond: process.env.REDIS_URL ? 1_500 : 700, p95: 150 };
const CORES = availableParallelism();
const TYPE = 'order_created';
const DATA = JSON.stringify({
  orderId: '01990000-0000-7000-8000-000000000001',
  number: 1001,
  status: 'pending',
  customer: { phone: '+263771234567', name: 'Rudo' },
  total: { amount: 2500, currency: 'USD' },
  items: [
    { sku: 'MAIZE-10', name: 'Maize meal 10 kg', quantity: 2, unitPrice: { amount: 1000, currency: 'USD' } },
    { sku: 'SALT-1', name: 'Salt 1 kg', quantity: 1, unitPrice: { amount: 500, currency: 'USD' } },
  ],
});

const bench = await startBenchStack({ WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8' });
const receiver = fork(new URL('webhook-receiver.mjs', import.meta.url));
/** @returns {Promise<any>} */
const answer = () => new Promise((resolve) => receiver.once('message', resolve));
const { port } = await answer();
const ask = async (/** @type {'count' | 'calls'} */ question) => {
  const answered = answer();
  receiver.send(question);
  return answered;
};
const url = `http://127.0.0.1:${port}/hooks`;
const processes = {
  worker: bench.stack.children.worker.pid ?? 0,
  PostgreSQL: bench.stack.postgres?.pid ?? 0,
  receiver: receiver.pid ?? 0,
};
let short = false;
try {
  console.log(`queues on ${process.env.REDIS_URL ? 'Redis' : 'PostgreSQL'}, ${CALLS} calls each, ${CORES} cores`);
  const envelope = JSON.stringify({ id: '', type: TYPE, timestamp: new Date().toISOString(), merchantId: '', data: 0 });
  const body = envelope.replace('"data":0', `"data":${DATA}`);
  const bare = await bareLoop(body);
  console.log(`bare loop: ${bare.toFixed(0)}/s`);
  const shapes = [
    { name: 'one endpoint', merchants: 1, each: 1 },
    { name: `${ENDPOINTS} endpoints of as many merchants`, merchants: ENDPOINTS, each: 1 },
    { name: `${ENDPOINTS} endpoints of one merchant`, merchants: 1, each: ENDPOINTS },
  ];
  for (const { name, merchants, each } of shapes) {
    const ids = await subscribe(merchants, each);
    await flood(ids, each, Math.min(CALLS, 2_000)); // Warm.
    const calm = await steadily(ids, each);
    const full = await flood(ids, each, CALLS);
    short ||= full.perSecond < WANTED.perSecond || calm.p95 > WANTED.p95;
    console.log(
      [
        `${name}: ${full.perSecond.toFixed(0)}/s`,
        `ratio ${(full.perSecond / bare).toFixed(2)}`,
        `at ${PER_SECOND}/s commit to 200 p50 ${calm.p50.toFixed(0)} p95 ${calm.p95.toFixed(0)} ms`,
        `CPU ms for each call: ${Object.entries(full.cpu)
          .map(([process, ms]) => `${process} ${ms.toFixed(2)}`)
          .join(', ')}`,
        full.bound,
      ].join('  |  '),
    );
    await bench.db.query('DELETE FROM webhooks');
  }
  console.log(`wanted: at least ${WANTED.perSecond}/s, p95 at ${PER_SECOND}/s below ${WANTED.p95} ms`);
  if (short) process.exitCode = 1;
} finally {
  if (process.env.BENCH_LOGS) console.log(bench.lines.join('\n'));
  await bench.stop();
  receiver.disconnect();
}

/** Subscriptions to everything. @param {number} merchants @param {number} each @returns {Promise<string[]>} the merchants */
async function subscribe(merchants, each) {
  const { rows } = await bench.db.query(
    `INSERT INTO merchants (name, currency, timezone, locale) SELECT 'bench', 'USD', 'UTC', 'en' FROM generate_series(1, $1) RETURNING id`,
    [merchants],
  );
  const ids = rows.map(({ id }) => id);
  await bench.db.query(
    `INSERT INTO webhooks (merchant_id, url, events, secret)
     SELECT m, $2, '{*}', $3 FROM unnest($1::uuid[]) AS m, generate_series(1, $4)`,
    [ids, url, `plain.whsec_${randomBytes(32).toString('base64')}`, each],
  );
  return ids;
}

/** Events, spread over the merchants, in one transaction; the relay is told as a process of ours would. @param {string[]} merchants @param {number} count @returns {Promise<string[]>} */
async function emit(merchants, count) {
  const { rows } = await bench.db.query({
    name: 'emit',
    text: `INSERT INTO events (merchant_id, type, subject, data)
           SELECT ($1::uuid[])[1 + n % cardinality($1::uuid[])], $2, 'bench', $3 FROM generate_series(1, $4) AS n RETURNING id`,
    values: [merchants, TYPE, DATA, count],
  });
  await bench.db.query('NOTIFY soko_events');
  return rows.map(({ id }) => id);
}

/** As fast as they go. @param {string[]} merchants @param {number} each @param {number} calls */
async function flood(merchants, each, calls) {
  await quiet();
  const events = Math.ceil(calls / each);
  const [before, own, machine] = [await cpuMs(processes), process.cpuUsage(), busyMs()];
  const begin = performance.now();
  for (let made = 0; made < events; made += BATCH) await emit(merchants, Math.min(BATCH, events - made));
  await until('all calls', async () => (await ask('count')).count >= events * each, 600_000);
  const ms = performance.now() - begin;
  const [after, { user, system }] = [await cpuMs(processes), process.cpuUsage(own)];
  const { calls: made } = await ask('calls');
  if (made.length !== events * each) throw new Error(`${made.length} calls for ${events} events`);
  const all = { ...after, bench: (user + system) / 1_000 };
  const spent = Object.entries(all).map(([name, total]) => [name, total - (before[/** @type {'worker'} */ (name)] ?? 0)]);
  return {
    perSecond: (made.length * 1_000) / ms,
    cpu: Object.fromEntries(spent.map(([name, total]) => [name, Number(total) / made.length])),
    bound: boundBy(Object.fromEntries(spent), ms, busyMs() - machine),
  };
}

/** What all processors of the machine have done so far, whoever asked for it, in ms. */
function busyMs() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** What these figures say bounds the rate. @param {Record<string, number>} spent ms of processor @param {number} ms that it took @param {number} busy ms of processor of all that ran on the machine */
function boundBy(spent, ms, busy) {
  const total = Object.values(spent).reduce((sum, each) => sum + each, 0);
  const share = (/** @type {number} */ part) => `${((part * 100) / ms / CORES).toFixed(0)} %`;
  const [most, its] = Object.entries(spent).toSorted(([, a], [, b]) => b - a)[0] ?? ['nothing', 0];
  const others = Math.max(0, busy - total);
  const used = `${CORES} cores: ours ${share(total)}, of it ${most} ${share(its)}, others ${share(others)}`;
  if (spent.worker && spent.worker > 0.85 * ms) return `bound by the worker's one thread (${used})`;
  if (busy < 0.85 * ms * CORES) return `bound by waiting (${used})`;
  return others > total ? `bound by what else runs on this machine (${used})` : `bound by the processor (${used})`;
}

/** At a fixed rate of events. @param {string[]} merchants @param {number} each */
async function steadily(merchants, each) {
  await quiet();
  /** @type {Map<string, number>} */
  const committed = new Map();
  const events = Math.floor((PER_SECOND * SECONDS) / each);
  const begin = performance.now();
  for (let n = 0; n < events; n += 1) {
    const due = begin + (n * each * 1_000) / PER_SECOND;
    if (due > performance.now()) await pause(due - performance.now());
    const [merchant] = merchants.slice(n % merchants.length);
    for (const id of await emit([String(merchant)], 1)) committed.set(id, Date.now());
  }
  await until('all calls', async () => (await ask('count')).count >= events * each);
  const { calls } = await ask('calls');
  const waits = calls.map((/** @type {[string, number]} */ [id, at]) => at - (committed.get(id) ?? NaN));
  return { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95) };
}

/** Nothing is left to do, and nothing of before is counted. */
async function quiet() {
  await until('quiet', async () => {
    const { rows } = await bench.db.query(
      'SELECT (SELECT count(*) FROM events WHERE position IS NULL) + (SELECT count(*) FROM webhook_deliveries) AS left',
    );
    return Number(rows[0].left) === 0;
  });
  await ask('calls');
}

/** Calls per second of nothing but signing and posting, in a process of its own. @param {string} body @returns {Promise<number>} */
function bareLoop(body) {
  const child = fork(new URL('bare-webhooks.mjs', import.meta.url), [url, String(CALLS), body]);
  return new Promise((resolve, reject) => {
    child.once('message', (rate) => resolve(Number(rate)));
    child.once('exit', (code) => reject(new Error(`the bare loop ended (${code})`)));
  });
}
