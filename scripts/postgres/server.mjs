// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { markGone, markLive } from '../launcher/live.mjs';
import { freePort } from '../launcher/ports.mjs';
import { Problem } from '../launcher/problem.mjs';
import { isAlive } from '../launcher/processes.mjs';
import { probe } from './client.mjs';
import { SERVER_ENV } from './cluster.mjs';
import { endServer, readPidFile, runningServer } from './pid-file.mjs';

/** @typedef {{ home: import('./home.mjs').PostgresHome, logFile: string, password: string, durable: boolean, log: (line: string) => void }} Site */
/** @typedef {{ pid: number, port: number }} Running */

const LOG_LIMIT_BYTES = 10_000_000;
/** Crash recovery after a kill can take a while on a slow disk. */
const START_PATIENCE_MS = 60_000;

/** @param {boolean} durable @returns {Record<string, string>} */
function serverSettings(durable) {
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Every queue worker and every pool of three processes; BullMQ keeps one LISTEN connection per worker.
    max_connections: '200',
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    io_method: 'sync',
    max_logical_replication_workers: '0',
    jit: 'off',
    // Queues and the outbox leave dead rows at the beginning of their indexes, where each look for the next row begins.
    autovacuum_naptime: '5s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    cluster_name: 'soko',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
}

/** A supervisor that was killed leaves its server running: take that one over if it answers, otherwise end it. @param {Site} site @returns {Promise<Running | undefined>} */
export async function takeOver({ home, password, log }) {
  const until = Date.now() + START_PATIENCE_MS;
  for (;;) {
    const found = await runningServer(home.data);
    if (!found) return undefined;
    const state = await probe({ port: found.port, password });
    if (state === 'answers') {
      log(`taking over the PostgreSQL that is still running (pid ${found.pid}, port ${found.port})`);
      markLive(found.pid, 'SIGINT');
      return { pid: found.pid, port: found.port };
    }
    if (state === 'wrong-password') throw wrongPassword(home.data);
    // One that starts, recovers or shuts down is busy for a while; one that is silent is not worth waiting for.
    if (state === 'silent' && found.ready) break;
    if (Date.now() > until) break;
    await sleep(100);
  }
  const stuck = await runningServer(home.data);
  if (stuck) {
    log(`ending a PostgreSQL that does not answer (pid ${stuck.pid})`);
    await endServer(stuck.pid, 5_000);
  }
  return undefined;
}

/** @param {string} data */
export function wrongPassword(data) {
  return new Problem(
    `The database in ${data} has another password than secrets.json beside it: put the old secrets.json back, or move the database away`,
  );
}

/** @param {Site} site @param {{ port?: number | undefined, signal?: AbortSignal | undefined }} options @returns {Promise<Running>} */
export async function launch(site, { port: wanted, signal }) {
  const until = Date.now() + START_PATIENCE_MS;
  for (;;) {
    signal?.throwIfAborted();
    const port = wanted ?? (await freePort());
    const logStart = rotateLog(site.logFile);
    const running = await spawnServer(site, port, signal);
    if (running) return running;
    const said = readFileSync(site.logFile).subarray(logStart).toString('utf8');
    const retry =
      // Another program took the free port first.
      (!wanted && /could not bind|Address already in use/.test(said)) ||
      // Children of a killed server take a moment to notice.
      /pre-existing shared memory block|lock file "postmaster\.pid"/.test(said);
    if (!retry || Date.now() > until) throw didNotStart(said, site.logFile);
    await sleep(300);
  }
}

/** @param {string} said @param {string} logFile */
function didNotStart(said, logFile) {
  const reason = said.match(/(?:FATAL|PANIC): {2}(.*)/)?.[1] ?? said.trim().split('\n').at(-1) ?? '';
  return new Problem(
    `PostgreSQL did not start (${reason || 'it said nothing'}): see ${logFile}`,
    said.split('\n').slice(-15).join('\n'),
  );
}

/** @param {string} file @returns {number} where this start's part begins */
function rotateLog(file) {
  const size = existsSync(file) ? statSync(file).size : 0;
  if (size < LOG_LIMIT_BYTES) return size;
  renameSync(file, `${file}.1`);
  return 0;
}

/** @param {Site} site @param {number} port @param {AbortSignal | undefined} signal @returns {Promise<Running | undefined>} undefined when it ended instead */
async function spawnServer({ home, logFile, durable }, port, signal) {
  const settings = Object.entries(serverSettings(durable)).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logFd = openSync(logFile, 'a', 0o600);
  // Detached, a session of its own: Ctrl-C at the terminal must not stop it before the apps have put their work away.
  const child = spawn(join(home.binaries, 'bin', 'postgres'), ['-D', home.data, '-p', String(port), ...settings], {
    ...home.runAs,
    cwd: home.data,
    env: SERVER_ENV,
    detached: true,
    stdio: ['ignore', logFd, logFd],
  });
  closeSync(logFd);
  /** @type {Error | undefined} */
  let failure;
  child.once('error', (error) => (failure = error));
  const pid = child.pid;
  if (!pid) {
    await sleep(0);
    throw new Problem(`PostgreSQL cannot be run here (${failure?.message}): set DATABASE_URL to a PostgreSQL 18 of your own`);
  }
  markLive(pid, 'SIGINT');
  child.once('exit', () => markGone(pid));
  const until = Date.now() + START_PATIENCE_MS;
  while (isAlive(pid)) {
    const file = await readPidFile(home.data);
    if (file?.pid === pid && file.ready) return { pid, port };
    if (signal?.aborted || Date.now() > until) {
      await endServer(pid, 3_000);
      signal?.throwIfAborted();
    }
    await sleep(20);
  }
  return undefined;
}
