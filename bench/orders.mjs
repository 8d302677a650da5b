// @ts-check
// `npm run bench:orders`: orders by REST until they are confirmed, and conversations from "hi" to "confirmed", beside a bare script that runs the
// same statements in the same run. Queues on PostgreSQL, or on Redis with REDIS_URL. BENCH_ORDERS, BENCH_TALKS
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool as PgPool } from 'pg';
import { percentile, register, spread, startBenchStack, until } from './support.mjs';

const ORDERS = Number(process.env.BENCH_ORDERS ?? 3_000);
const TALKS = Number(process.env.BENCH_TALKS ?? 100);
const POSTERS = 24;
const PER_SECOND = 20;
const SECONDS = 20;
const WANTED = { perSecond: process.env.REDIS_URL ? 120 : 60, replyP95: 150 };

const number = (/** @type {number} */ n) => `+2637720${String(n).padStart(5, '0')}`;
const bench = await startBenchStack({});
try {
  console.log(`queues on ${process.env.REDIS_URL ? 'Redis' : 'PostgreSQL'}`);
  const api = await register(bench.stack.url, 'orders');
  const product = await api('POST', '/api/products', {
    sku: 'RICE',
    name: 'Rice',
    price: { amount: 1250, currency: 'USD' },
    stock: 1_000_000,
  });
  const merchantId = (await api('GET', '/api/auth/me')).merchant.id;
  await flood(api, product.id, merchantId, 200); // Warm.
  const bare = await bareLoop(api, product.id, merchantId);
  const soko = await flood(api, product.id, merchantId, ORDERS);
  console.log(
    `orders by REST until confirmed: bare ${bare.toFixed(0)}/s  soko ${soko.perSecond.toFixed(0)}/s  ratio ${(soko.perSecond / bare).toFixed(2)}  accepted ${soko.accepted.toFixed(0)}/s  placed to confirmed p50 ${soko.p50.toFixed(0)} p95 ${soko.p95.toFixed(0)} ms`,
  );
  // What is left to do about the orders is theirs, and not the bot's.
  await quiet();
  const channel = await api('POST', '/api/channels', { name: 'phone', kind: 'simulator' });
  await steadily(api, channel.id, merchantId, 5); // Warm: the first answers of a process that has just begun take up to a second.
  const replies = await steadily(api, channel.id, merchantId, SECONDS);
  console.log(
    `the bot's reply at ${PER_SECOND} messages/s, from accepted to handed to the transport: p50 ${replies.p50.toFixed(0)} p95 ${replies.p95.toFixed(0)} ms`,
  );
  const talks = await converse(api, channel.id, product.id, merchantId);
  console.log(`conversations from "hi" to confirmed, all at once: ${talks.toFixed(1)}/s`);
  console.log(`wanted: at least ${WANTED.perSecond} orders/s, replies p95 below ${WANTED.replyP95} ms`);
  if (soko.perSecond < WANTED.perSecond || replies.p95 > WANTED.replyP95) process.exitCode = 1;
  await api.close();
} finally {
  if (process.env.BENCH_LOGS) console.log(bench.lines.join('\n'));
  await bench.stop();
}

/** As fast as they are accepted, until the last is confirmed. @param {Awaited<ReturnType<typeof register>>} api @param {string} productId @param {string} merchantId @param {number} count */
async function flood(api, productId, merchantId, count) {
  const since = new Date().toISOString();
  const begin = performance.now();
  await spread(count, POSTERS, (n) =>
    api('POST', '/api/orders', {
      customer: { phone: number(n) },
      items: [{ productId, quantity: 1 }],
      delivery: { address: 'Main street 1' },
    }),
  );
  const accepted = performance.now();
  await until(
    'all confirmed',
    async () => {
      const { rows } = await bench.db.query(
        `SELECT count(*)::int AS n FROM orders WHERE merchant_id = $1 AND status = 'pending'`,
        [merchantId],
      );
      return rows[0].n === 0;
    },
    600_000,
  );
  const end = performance.now();
  const { rows } = await bench.db.query(
    `SELECT extract(epoch FROM h.created_at - o.created_at)::float8 * 1000 AS ms FROM orders o
     JOIN order_history h ON h.merchant_id = o.merchant_id AND h.order_id = o.id AND h.to_status = 'confirmed'
     WHERE o.merchant_id = $1 AND o.created_at >= $2`,
    [merchantId, since],
  );
  const waits = rows.map(({ ms }) => ms);
  if (waits.length !== count) throw new Error(`${waits.length} of ${count} orders were confirmed`);
  return {
    perSecond: (count * 1_000) / (end - begin),
    accepted: (count * 1_000) / (accepted - begin),
    p50: percentile(waits, 0.5),
    p95: percentile(waits, 0.95),
  };
}

/**
 * The same rows without us: two transactions for each order, on as many connections as Soko has, over the same database. Their tables are those
 * of Soko, row-level security and triggers included.
 * @param {Awaited<ReturnType<typeof register>>} api @param {string} productId @param {string} merchantId
 */
async function bareLoop(api, productId, merchantId) {
  const pool = new PgPool({ connectionString: bench.stack.databaseUrl, max: POSTERS });
  /** @param {(client: import('pg').PoolClient) => Promise<void>} work */
  const transaction = async (work) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`SELECT set_config('app.merchant_id', $1, true), set_config('role', 'soko_app', true)`, [merchantId]);
      await work(client);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  };
  const orders = Math.min(ORDERS, 2_000);
  const begin = performance.now();
  await spread(orders, POSTERS, async (n) => {
    const id = randomUUID();
    await transaction(async (client) => {
      await client.query('SELECT id, sku, name, price_amount, currency FROM products WHERE merchant_id = $1 AND id = $2', [
        merchantId,
        productId,
      ]);
      await client.query(
        `WITH counter AS (INSERT INTO order_counters (merchant_id, last_number) VALUES ($1, 1)
           ON CONFLICT (merchant_id) DO UPDATE SET last_number = order_counters.last_number + 1 RETURNING last_number)
         INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency)
         SELECT $1, $2, last_number, 'pending', $3, 1250, 'USD' FROM counter`,
        [merchantId, id, number(n)],
      );
      await client.query(
        `INSERT INTO order_items (merchant_id, order_id, line, product_id, sku, name, quantity, unit_amount, total_amount) VALUES ($1, $2, 1, $3, 'RICE', 'Rice', 1, 1250, 1250)`,
        [merchantId, id, productId],
      );
      await client.query(
        `INSERT INTO order_history (merchant_id, order_id, to_status, actor) VALUES ($1, $2, 'pending', 'bare')`,
        [merchantId, id],
      );
      await client.query(`INSERT INTO events (merchant_id, id, type, subject, data) VALUES ($1, $2, 'bare', $3, '{}')`, [
        merchantId,
        randomUUID(),
        id,
      ]);
    });
    await transaction(async (client) => {
      await client.query('SELECT * FROM orders WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [merchantId, id]);
      await client.query('SELECT * FROM order_items WHERE merchant_id = $1 AND order_id = $2', [merchantId, id]);
      await client.query(
        `UPDATE products SET reserved = reserved + 1, movement = $3 WHERE merchant_id = $1 AND id = $2 AND on_hand - reserved >= 1`,
        [merchantId, productId, JSON.stringify({ orderId: id })],
      );
      await client.query('INSERT INTO delivery_tasks (merchant_id, id, order_id) VALUES ($1, $2, $3)', [
        merchantId,
        randomUUID(),
        id,
      ]);
      await client.query(`UPDATE orders SET status = 'confirmed', ring_at = NULL WHERE merchant_id = $1 AND id = $2`, [
        merchantId,
        id,
      ]);
      await client.query(
        `INSERT INTO order_history (merchant_id, order_id, from_status, to_status, actor) VALUES ($1, $2, 'pending', 'confirmed', 'bare')`,
        [merchantId, id],
      );
      await client.query(`INSERT INTO events (merchant_id, id, type, subject, data) VALUES ($1, $2, 'bare', $3, '{}')`, [
        merchantId,
        randomUUID(),
        id,
      ]);
    });
  });
  const took = performance.now() - begin;
  await pool.end();
  await quiet();
  return (orders * 1_000) / took;
}

/** Messages at a fixed rate. @param {Awaited<ReturnType<typeof register>>} api @param {string} channelId @param {string} merchantId @param {number} seconds */
async function steadily(api, channelId, merchantId, seconds) {
  const since = new Date().toISOString();
  const begin = performance.now();
  const calls = [];
  for (let n = 0; n < PER_SECOND * seconds; n += 1) {
    const due = begin + (n * 1_000) / PER_SECOND;
    if (due > performance.now()) await pause(due - performance.now());
    calls.push(say(api, channelId, number(50_000 + seconds * 1_000 + (n % 200)), { type: 'text', text: 'menu' }));
  }
  await Promise.all(calls);
  await quiet();
  const { rows } = await bench.db.query(
    // When it was sent, and not when the phone had it or read it.
    `SELECT extract(epoch FROM reply.sent_at - asked.created_at)::float8 * 1000 AS ms
     FROM messages asked JOIN LATERAL (
       SELECT (SELECT (entry ->> 'at')::timestamptz FROM jsonb_array_elements(r.timeline) AS entry WHERE entry ->> 'status' = 'sent') AS sent_at
       FROM messages r WHERE r.merchant_id = asked.merchant_id AND r.chat_id = asked.chat_id AND r.direction = 'outbound' AND r.seq > asked.seq
       ORDER BY r.seq LIMIT 1) reply ON true
     WHERE asked.merchant_id = $1 AND asked.direction = 'inbound' AND asked.created_at >= $2`,
    [merchantId, since],
  );
  const waits = rows.map(({ ms }) => ms);
  if (waits.some((ms) => ms === null)) throw new Error('a reply was not sent');
  if (waits.length !== PER_SECOND * seconds) throw new Error(`${waits.length} messages were answered`);
  return { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95) };
}

/** Many customers at once, each through the whole of it. @param {Awaited<ReturnType<typeof register>>} api @param {string} channelId @param {string} productId @param {string} merchantId */
async function converse(api, channelId, productId, merchantId) {
  const begin = performance.now();
  await spread(TALKS, 20, async (n) => {
    const from = number(90_000 + n);
    const phone = `/api/simulator/channels/${channelId}/phones/${encodeURIComponent(from)}/messages`;
    let heard = 0;
    for (const body of steps(productId)) {
      await say(api, channelId, from, body);
      await until('a reply', async () => {
        const { data } = await api('GET', phone);
        const more = data.length > heard;
        if (more) heard = data.length;
        return more;
      });
    }
  });
  await until(
    'all confirmed',
    async () => {
      const { rows } = await bench.db.query(
        `SELECT count(*)::int AS n FROM orders WHERE merchant_id = $1 AND chat_id IS NOT NULL AND status = 'confirmed'`,
        [merchantId],
      );
      return rows[0].n === TALKS;
    },
    120_000,
  );
  return (TALKS * 1_000) / (performance.now() - begin);
}

/** @param {string} productId */
function steps(productId) {
  return [
    { type: 'text', text: 'hi' },
    { type: 'list', replyId: `product:${productId}` },
    { type: 'button', replyId: 'quantity:2' },
    { type: 'button', replyId: 'do:checkout' },
    { type: 'text', text: 'Main street 1' },
    { type: 'button', replyId: 'order:confirm' },
  ];
}

/** @param {Awaited<ReturnType<typeof register>>} api @param {string} channelId @param {string} from @param {object} body */
function say(api, channelId, from, body) {
  return api('POST', `/api/simulator/channels/${channelId}/messages`, { from, ...body });
}

/** Nothing is left to do. */
async function quiet() {
  await until(
    'quiet',
    async () => {
      const { rows } = await bench.db.query(
        `SELECT (SELECT count(*) FROM events WHERE position IS NULL) + (SELECT count(*) FROM event_reactions) + (SELECT count(*) FROM pending_answers)
              + (SELECT count(*) FROM pending_sends) AS left`,
      );
      return Number(rows[0].left) === 0;
    },
    300_000,
  );
}
