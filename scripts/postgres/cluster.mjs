// @ts-check
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Problem } from '../launcher/problem.mjs';
import { runOnce } from '../launcher/run-once.mjs';

/** The C locale is the one every system has; the database's own C.UTF-8 is built into PostgreSQL and is the same everywhere. */
const LOCALES = ['C.UTF-8', 'C'];

/** What initdb and the server see of our environment: the caller's may be empty, or set for another server. */
export const SERVER_ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** @typedef {import('./home.mjs').PostgresHome} PostgresHome */

/**
 * Makes the cluster unless it is there. It is made beside its place and renamed, so that what is in place is always whole.
 * @param {PostgresHome} home
 * @param {{ password: string, durable: boolean, log: (line: string) => void, signal?: AbortSignal | undefined }} options
 */
export async function ensureCluster(home, options) {
  const { data } = home;
  await removeHalfMade(data);
  if (await isWhole(data)) return;
  await setAsideRemains(data, options.log);
  options.log('preparing the database (once)');
  const work = `${data}.new-${randomUUID()}`;
  try {
    await mkdir(work, { mode: 0o700 });
    await writeFile(join(work, 'password'), `${options.password}\n`, { mode: 0o600 });
    if (home.runAs) for (const path of [work, join(work, 'password')]) await chown(path, home.runAs.uid, home.runAs.gid);
    await initdb(home, work, options);
    await rename(join(work, 'data'), data);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @param {string} data */
async function isWhole(data) {
  if (!existsSync(join(data, 'global', 'pg_control'))) return false;
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === '18') return true;
  throw new Problem(
    `${data} was made by PostgreSQL ${version || 'of an unknown version'} and this is 18: move that folder away, or choose another with SOKO_DATA_DIR`,
  );
}

/** What an interrupted start left behind. Its initdb may still be writing; then the next start removes it. @param {string} data */
async function removeHalfMade(data) {
  for (const name of await readdir(dirname(data)).catch(() => [])) {
    if (!name.startsWith(`${basename(data)}.new-`)) continue;
    await rm(join(dirname(data), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** No server can start on these remains, but they are not ours to delete. @param {string} data @param {(line: string) => void} log */
async function setAsideRemains(data, log) {
  const entries = await readdir(data).catch(() => undefined);
  if (!entries) return;
  if (entries.length === 0) return rm(data, { recursive: true });
  const aside = `${data}.broken`;
  await rm(aside, { recursive: true, force: true });
  await rename(data, aside);
  log(`${data} was only half made; it is now ${aside}`);
}

/** @param {PostgresHome} home @param {string} work @param {{ durable: boolean, signal?: AbortSignal | undefined }} options */
async function initdb(home, work, { durable, signal }) {
  let output = '';
  for (const locale of LOCALES) {
    const args = [
      `--pgdata=${join(work, 'data')}`,
      '--username=postgres',
      `--pwfile=${join(work, 'password')}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      `--locale=${locale}`,
      '--builtin-locale=C.UTF-8',
      ...(durable ? [] : ['--no-sync']),
    ];
    const options = { cwd: work, env: SERVER_ENV, ...home.runAs, ...(signal && { signal }) };
    const result = await runOnce(join(home.binaries, 'bin', 'initdb'), args, options);
    if (result.code === 0) return;
    output = result.output;
    if (!/locale/.test(result.stderr)) break;
    await rm(join(work, 'data'), { recursive: true, force: true });
  }
  const reason = /error: (.*)/.exec(output)?.[1] ?? 'see above';
  throw new Problem(
    `The embedded PostgreSQL could not be prepared (${reason}): put that right, or set DATABASE_URL to a PostgreSQL 18 of your own`,
    output,
  );
}
