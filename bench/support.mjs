// @ts-check
// What the benches of channels share: the stack, the mock networks as processes of their own, and figures.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { Pool } from 'undici';
import { ROOT } from '../scripts/launcher/paths.mjs';
import { ensureBuilt, ensureInstalled } from '../scripts/preflight.mjs';
import { startStack } from '../scripts/stack.mjs';

/** @typedef {{ env: Record<string, string>, stop: () => void, pid: number }} Mock */

/** The mock network `name`, until `stop`. @param {'graph-api' | 'whatsapp-web'} name @param {string[]} args @returns {Promise<Mock>} */
export async function startMock(name, args = []) {
  const child = spawn(process.execPath, [join(ROOT, 'dist/libs/testing/src', name, 'cli.js'), '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const wanted = name === 'graph-api' ? ['WHATSAPP_CLOUD_BASE_URL'] : ['WHATSAPP_WEB_URL', 'WHATSAPP_WEB_NOISE_ROOT'];
  /** @type {Record<string, string>} */
  const env = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, key, value] = /(WHATSAPP_[A-Z_]+)=(\S+)/.exec(line) ?? [];
    if (key && value && wanted.includes(key)) env[key] = value;
    if (wanted.every((each) => env[each])) break;
  }
  child.stdout.resume();
  return { env, pid: child.pid ?? 0, stop: () => void child.kill() };
}

/** The three processes on a PostgreSQL of their own that keeps what it is told (or REDIS_URL for the queues). @param {Record<string, string>} extra */
export async function startBenchStack(extra) {
  await ensureInstalled();
  await ensureBuilt();
  const dataDir = await mkdtemp(join(tmpdir(), 'soko-bench-'));
  const { PATH, HOME, REDIS_URL } = process.env;
  const env = {
    PATH,
    HOME,
    ...(REDIS_URL && { REDIS_URL, QUEUE_PREFIX: `bench-${process.pid}` }),
    RATE_LIMIT_STANDARD_API: '1000000000',
    RATE_LIMIT_STANDARD_MESSAGES: '1000000000',
    RATE_LIMIT_IP: '1000000',
    RATE_LIMIT_AUTH: '1000',
    LOG_LEVEL: 'warn',
    ...extra,
  };
  /** @type {string[]} */
  const lines = [];
  const stack = await startStack({ dataDir, port: 0, env, log: (line) => lines.push(line), seed: false });
  const db = new Client({ connectionString: stack.databaseUrl });
  await db.connect();
  return {
    stack,
    db,
    lines,
    stop: async () => {
      await db.end();
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Calls of one merchant. @param {string} url @param {string} [token] */
export function caller(url, token) {
  const pool = new Pool(url, { connections: 32 });
  /** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  const call = async (method, path, body) => {
    const { statusCode, body: answer } = await pool.request({
      method,
      path,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    if (statusCode >= 400) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  return Object.assign(call, { close: () => pool.close() });
}

/** A new merchant's calls. @param {string} url @param {string} name */
export async function register(url, name) {
  const anyone = caller(url);
  const session = await anyone('POST', '/api/auth/register', {
    email: `${name}-${Date.now()}@example.com`,
    password: 'correct-horse',
    name,
    merchant: { name },
  });
  await anyone.close();
  return caller(url, session.accessToken);
}

/** @template T @param {string} what @param {() => Promise<T>} probe @param {number} [ms] @returns {Promise<NonNullable<T>>} */
export async function until(what, probe, ms = 120_000) {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    const found = await probe();
    if (found) return found;
    await pause(50);
  }
  throw new Error(`${what} did not come within ${ms} ms`);
}

/** `work` for 0..count-1, so many at once. @param {number} count @param {number} atOnce @param {(n: number) => Promise<unknown>} work */
export async function spread(count, atOnce, work) {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

/** @param {number[]} values @param {number} share */
export const percentile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

/** Resident memory of a process, in MB. @param {number} pid */
export async function residentMb(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Linux counts time in ticks of so many ms. */
const TICK_MS = 10;

/** CPU time that each process and all that it started has taken, in ms. @param {Record<string, number>} pids @returns {Promise<Record<string, number>>} */
export async function cpuMs(pids) {
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(timesOf));
  /** @param {number} pid @returns {number} */
  const ofTree = (pid) =>
    all.reduce((sum, each) => {
      if (each?.pid === pid) return sum + each.own + each.reaped;
      return each?.parent === pid ? sum + ofTree(each.pid) : sum;
    }, 0);
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, ofTree(pid)]));
}

/** @param {string} pid */
async function timesOf(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The name in brackets may hold anything: the fields are counted from behind it.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [own, reaped] = [fields.slice(11, 13), fields.slice(13, 15)].map(([user = 0, system = 0]) => (user + system) * TICK_MS);
  return { pid: Number(pid), parent: fields[1] ?? 0, own: own ?? 0, reaped: reaped ?? 0 };
}
