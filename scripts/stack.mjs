// @ts-check
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SupervisedChild } from './launcher/child.mjs';
import { openDataDir, writePrivateJson } from './launcher/data-dir.mjs';
import { lockHolder, takeLock } from './launcher/lock.mjs';
import { humanLine, prefixed } from './launcher/log-line.mjs';
import { ROOT, appEntry, dataDirFrom } from './launcher/paths.mjs';
import { assertPortFree } from './launcher/ports.mjs';
import { Problem } from './launcher/problem.mjs';
import { runOnce } from './launcher/run-once.mjs';
import { readSecrets } from './launcher/secrets.mjs';
import { childEnvironment, localUrl, readSettings, settlePort } from './launcher/settings.mjs';
import { startPostgres } from './postgres.mjs';
import { DEMO_OPS, seedDemo } from './seed.mjs';

const READY_PATIENCE_MS = 60_000;

/** @typedef {'api' | 'bot-gateway' | 'worker'} App */
/** @typedef {{ pid: number, url: string, databaseUrl: string }} StackFile */

/**
 * @typedef {object} Stack
 * @property {string} url base URL of the api as this machine reaches it
 * @property {string} databaseUrl
 * @property {string} dataDir
 * @property {NodeJS.ProcessEnv} env what the apps were started with
 * @property {import('./postgres.mjs').EmbeddedPostgres | undefined} postgres undefined when DATABASE_URL was set
 * @property {Record<App, SupervisedChild>} children
 * @property {boolean} seeded whether the demo account is there
 * @property {(name: string, app: App, extraEnv?: NodeJS.ProcessEnv) => SupervisedChild} spawn one more process of an app; wait for its `ready`
 * @property {() => Promise<void>} stop the apps, then PostgreSQL; within 10 s
 */

/**
 * The whole of Soko: database, migrations, api, bot-gateway, worker, demo data. Expects that everything is installed and built.
 * @param {object} [options] what is left out comes from `env`
 * @param {string} [options.dataDir]
 * @param {number} [options.port] 0 for any free port
 * @param {NodeJS.ProcessEnv} [options.env] without DATABASE_URL the embedded PostgreSQL is used
 * @param {(line: string) => void} [options.log] takes finished lines
 * @param {boolean} [options.colour]
 * @param {boolean} [options.durable] false only for tests
 * @param {boolean} [options.seed]
 * @param {AbortSignal} [options.signal] gives the start up; what was started is stopped
 * @returns {Promise<Stack>}
 */
export async function startStack({
  env = process.env,
  log = console.log,
  colour = false,
  durable = true,
  signal,
  ...options
} = {}) {
  const settings = readSettings(env);
  const dataDir = options.dataDir ? dataDirFrom(options.dataDir) : settings.dataDir;
  const { host } = settings;
  /** @param {string} line */
  const say = (line) => log(prefixed('soko', line, colour));
  /** Undone in reverse order. @type {(() => unknown)[]} */
  const undo = [];
  const stopAll = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    await openDataDir(dataDir);
    undo.push(await lockStack(dataDir));
    const wantedPort = options.port ?? settings.port;
    await assertPortFree(wantedPort, host);
    const port = await settlePort(wantedPort, host);
    const { postgresPassword, ...secrets } = await readSecrets(dataDir);
    const embedded = !env.DATABASE_URL;
    const common = { env, dataDir, host, port, secrets, embedded };

    const expected = env.DATABASE_URL || `postgres://postgres:${postgresPassword}@127.0.0.1:5432/soko`;
    await checkSettings(childEnvironment({ ...common, databaseUrl: expected }), signal);
    const postgres = embedded ? await startPostgres({ dataDir, durable, log: say, ...(signal && { signal }) }) : undefined;
    // The apps get 7 s of the 10 we promise.
    if (postgres) undo.push(() => postgres.stop({ graceMs: 2_000 }));
    const databaseUrl = postgres?.url ?? expected;
    const childEnv = childEnvironment({ ...common, databaseUrl });
    await migrate(childEnv, signal);

    /** @type {SupervisedChild[]} */
    const all = [];
    undo.push(() => Promise.all(all.map((child) => child.stop())));
    /** @type {Stack['spawn']} */
    const spawn = (name, app, extraEnv = {}) => {
      const child = new SupervisedChild({
        name,
        entry: appEntry(app),
        env: { ...childEnv, ...extraEnv },
        print: (line) => log(humanLine(name, line, colour)),
        log: say,
      });
      all.push(child);
      child.start().catch(() => undefined);
      return child;
    };
    say('starting api, bot-gateway and worker');
    const children = {
      api: spawn('api', 'api'),
      'bot-gateway': spawn('bot-gateway', 'bot-gateway'),
      worker: spawn('worker', 'worker'),
    };
    await allReady(Object.values(children), signal);

    const url = localUrl(host, port);
    const wantSeed = (options.seed ?? settings.seed) && env.NODE_ENV !== 'production';
    const seeded = wantSeed && (await trySeed(url, { dataDir, env: childEnv, say, signal }));
    signal?.throwIfAborted();
    const file = join(dataDir, 'stack.json');
    undo.push(() => rm(file, { force: true }));
    await writePrivateJson(file, { pid: process.pid, url, databaseUrl });

    /** @type {Promise<void> | undefined} */
    let stopped;
    return { url, databaseUrl, dataDir, env: childEnv, postgres, children, seeded, spawn, stop: () => (stopped ??= stopAll()) };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** The stack that runs on this data folder, for the demo and for a second `npm start`. @param {string} [dataDir] @returns {Promise<StackFile | undefined>} */
export async function findStack(dataDir = dataDirFrom(process.env.SOKO_DATA_DIR)) {
  if (!(await lockHolder(join(dataDir, 'stack.lock')))) return undefined;
  try {
    return JSON.parse(await readFile(join(dataDir, 'stack.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} dataDir @param {{ pid: number }} holder @param {StackFile} [stack] */
export function alreadyRunning(dataDir, holder, stack) {
  const where = stack ? `at ${stack.url} ` : '';
  return new Problem(
    `Soko is already running ${where}(pid ${holder.pid}) on ${dataDir}: use that one, end it, or choose another SOKO_DATA_DIR and PORT`,
  );
}

/** @param {string} dataDir @returns {Promise<() => void>} */
async function lockStack(dataDir) {
  const lock = await takeLock(join(dataDir, 'stack.lock'));
  if ('release' in lock) return lock.release;
  throw alreadyRunning(dataDir, lock.heldBy, await findStack(dataDir));
}

/** The one line that says why. @param {string} text */
function reasonIn(text) {
  const lines = text.trim().split('\n');
  return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? '').trim();
}

/** The apps know what they accept; asking them before anything starts turns three stack traces into one line. @param {NodeJS.ProcessEnv} env @param {AbortSignal | undefined} signal */
async function checkSettings(env, signal) {
  const check = join(ROOT, 'dist', 'libs', 'config', 'src', 'check.cli.js');
  if (!existsSync(check)) return;
  const { code, stderr } = await runOnce(process.execPath, [check], { cwd: ROOT, env, ...(signal && { signal }) });
  if (code !== 0)
    throw new Problem(stderr.trim() || `the settings were refused (exit code ${code}): see .env and the environment`);
}

/** @param {NodeJS.ProcessEnv} env @param {AbortSignal | undefined} signal */
async function migrate(env, signal) {
  const entry = join(ROOT, 'dist', 'libs', 'database', 'src', 'migrate.cli.js');
  const { code, stderr, output } = await runOnce(process.execPath, ['--enable-source-maps', entry], {
    cwd: ROOT,
    env,
    ...(signal && { signal }),
  });
  if (code !== 0)
    throw new Problem(
      `The database could not be migrated (${reasonIn(stderr || output) || `exit code ${code}`})`,
      stderr || output,
    );
}

/** @param {SupervisedChild[]} children @param {AbortSignal | undefined} signal */
async function allReady(children, signal) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {(() => void) | undefined} */
  let onAbort;
  /** @type {Promise<never>} */
  const givingUp = new Promise((_, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    timer = setTimeout(
      () => reject(new Problem(`The apps were not ready within ${READY_PATIENCE_MS / 1000} s: see their lines above`)),
      READY_PATIENCE_MS,
    );
  });
  try {
    await Promise.race([Promise.all(children.map((child) => child.ready)), givingUp]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Demo data is a convenience: a shop whose owner changed the demo password must start all the same.
 * @param {string} url @param {{ dataDir: string, env: NodeJS.ProcessEnv, say: (line: string) => void, signal: AbortSignal | undefined }} how
 */
async function trySeed(url, { dataDir, env, say, signal }) {
  try {
    const { created } = await seedDemo(url, dataDir, signal);
    if (created.includes('account')) await addOps(env, signal);
    if (created.length) say(`demo data added: ${created.join(', ')}`);
    return true;
  } catch (error) {
    say(`WARN the demo data could not be added: ${/** @type {Error} */ (error).message}`);
    return false;
  }
}

/** Nobody can register as ops: an operator's command adds them. @param {NodeJS.ProcessEnv} env @param {AbortSignal | undefined} signal */
async function addOps(env, signal) {
  const entry = join(ROOT, 'dist', 'libs', 'identity', 'src', 'ops.cli.js');
  const args = [entry, '--email', DEMO_OPS.email, '--password', DEMO_OPS.password];
  const { code, stderr } = await runOnce(process.execPath, args, { cwd: ROOT, env, ...(signal && { signal }) });
  if (code !== 0 && !/has an account already/.test(stderr)) throw new Error(stderr.trim());
}
