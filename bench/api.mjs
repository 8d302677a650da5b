// @ts-check
// `npm run bench:api`: how much of the speed of a bare Fastify + pg handler is left when the api does the same SQL, with its guards,
// limits, checks and tenancy. Both run in turn, on one database, in one run: the ratio is the figure, the rest depends on the machine.
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { Client } from 'pg';
import { ensureBuilt, ensureInstalled } from '../scripts/preflight.mjs';
import { startStack } from '../scripts/stack.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const CONNECTIONS = 32;
const WANTED = 0.5;
const ROUTES = ['/api/auth/me', '/api/products?limit=50'];

await ensureInstalled();
await ensureBuilt();
const folder = await mkdtemp(join(tmpdir(), 'soko-bench-api-'));
const { PATH, HOME, REDIS_URL } = process.env;
const env = {
  PATH,
  HOME,
  ...(REDIS_URL && { REDIS_URL }),
  // Counted as ever; only that no merchant of a shop calls so often.
  RATE_LIMIT_STANDARD_API: '1000000000',
  LOG_LEVEL: 'info',
};
const stack = await startStack({ dataDir: folder, port: 0, env, log: () => undefined, seed: false });
try {
  const { token, merchantId, sessionId } = await fill();
  const bare = await startBare({ MERCHANT: merchantId, SESSION: sessionId });
  let worst = 1;
  for (const route of ROUTES) {
    const figures = { bare: /** @type {number[]} */ ([]), soko: /** @type {number[]} */ ([]) };
    const headers = { authorization: `Bearer ${token}` };
    for (let round = 0; round <= ROUNDS; round += 1) {
      const pair = [await load(bare.url + route, headers), await load(stack.url + route, headers)];
      // The first round warms both up.
      if (round > 0) [figures.bare, figures.soko].forEach((list, index) => list.push(pair[index] ?? 0));
    }
    const [bareRate, sokoRate] = [median(figures.bare), median(figures.soko)];
    const ratio = sokoRate / bareRate;
    worst = Math.min(worst, ratio);
    console.log(
      `GET ${route.padEnd(24)} bare ${bareRate.toFixed(0).padStart(6)} req/s   soko ${sokoRate.toFixed(0).padStart(6)} req/s   ratio ${ratio.toFixed(2)}`,
    );
  }
  bare.stop();
  console.log(`lowest ratio ${worst.toFixed(2)} (wanted: at least ${WANTED})`);
  if (worst < WANTED) process.exitCode = 1;
} finally {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
}

/** A merchant with 1,000 products, and the session that both sides are asked with. */
async function fill() {
  const response = await fetch(`${stack.url}/api/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'bench@example.com', password: 'correct-horse', name: 'Bench', merchant: { name: 'Bench' } }),
  });
  const { accessToken, merchant } = /** @type {any} */ (await response.json());
  const client = new Client({ connectionString: stack.databaseUrl });
  await client.connect();
  await client.query(
    `INSERT INTO products (merchant_id, sku, name, price_amount, currency, on_hand)
     SELECT $1, 'SKU-' || n, 'Product ' || n, n, 'USD', 100 FROM generate_series(1, 1000) AS n`,
    [merchant.id],
  );
  await client.query('ANALYZE');
  await client.end();
  const { sid } = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString());
  return { token: accessToken, merchantId: merchant.id, sessionId: sid };
}

/** @param {Record<string, string>} who @returns {Promise<{ url: string, stop: () => void }>} */
function startBare(who) {
  const child = fork(new URL('bare.mjs', import.meta.url), { env: { ...env, ...who, DATABASE_URL: stack.databaseUrl } });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message) => {
      const { port } = /** @type {{ port: number }} */ (message);
      resolve({ url: `http://127.0.0.1:${port}`, stop: () => child.disconnect() });
    });
  });
}

/** Requests per second. @param {string} url @param {Record<string, string>} headers @returns {Promise<number>} */
async function load(url, headers) {
  const result = await autocannon({ url, headers, connections: CONNECTIONS, duration: SECONDS });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url}: ${result.non2xx} refused, ${result.errors} failed`);
  return result.requests.average;
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
