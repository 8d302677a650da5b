// @ts-check
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, dataDirFrom } from './paths.mjs';
import { freePort } from './ports.mjs';
import { Problem } from './problem.mjs';

/** What the launcher itself must know; everything else is the apps' to validate. The real environment wins over `.env`. */
export function loadDotEnv() {
  const file = join(ROOT, '.env');
  if (!existsSync(file)) return;
  try {
    process.loadEnvFile(file);
  } catch (error) {
    throw new Problem(
      `${file} cannot be read (${/** @type {NodeJS.ErrnoException} */ (error).code}): give this user the rights to it, or remove it`,
    );
  }
}

/** @param {NodeJS.ProcessEnv} env @returns {{ port: number, host: string, dataDir: string, seed: boolean }} */
export function readSettings(env) {
  const text = env.PORT || '3000';
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new Problem(`PORT must be a number from 0 (any free port) to 65535, and it is "${text}"`);
  const wanted = !env.DATABASE_URL || env.SOKO_SEED_DEMO === '1';
  return {
    port: Number(text),
    host: env.HOST || '127.0.0.1',
    dataDir: dataDirFrom(env.SOKO_DATA_DIR),
    seed: wanted && env.NODE_ENV !== 'production',
  };
}

/** @param {number} port @param {string} host */
export async function settlePort(port, host) {
  return port === 0 ? await freePort(host) : port;
}

/** Where this machine reaches an api that listens on `host`. @param {string} host @param {number} port */
export function localUrl(host, port) {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * @param {{ env: NodeJS.ProcessEnv, dataDir: string, host: string, port: number, secrets: { JWT_SECRET: string, ENCRYPTION_KEYS: string }, databaseUrl: string, embedded: boolean }} input
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment({ env, dataDir, host, port, secrets, databaseUrl, embedded }) {
  /** @type {NodeJS.ProcessEnv} */
  const result = {};
  for (const [name, value] of Object.entries(env)) {
    // A developer's PGHOST or PGSSLMODE is meant for another server, and the driver would apply it to ours.
    if (embedded && /^PG[A-Z]+$/.test(name)) continue;
    result[name] = value;
  }
  Object.assign(result, { DATABASE_URL: databaseUrl, PORT: String(port), HOST: host, SOKO_DATA_DIR: dataDir });
  result.JWT_SECRET = env.JWT_SECRET || secrets.JWT_SECRET;
  // A key that lies beside the data protects from less than an operator in production may think: there it must be given.
  if (env.NODE_ENV !== 'production') result.ENCRYPTION_KEYS = env.ENCRYPTION_KEYS || secrets.ENCRYPTION_KEYS;
  if (embedded) {
    result.SOKO_EMBEDDED = '1';
    // The C library's memory pools, one per thread by default, are most of what Node's helper threads hold.
    result.MALLOC_ARENA_MAX ??= '2';
    // A newcomer tries webhooks with a listener on the same machine; elsewhere such targets stay forbidden.
    result.WEBHOOK_ALLOWED_CIDRS ??= '127.0.0.0/8,::1/128';
  }
  return result;
}
