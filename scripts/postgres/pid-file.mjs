// @ts-check
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isPostgresOn, signalTo, waitGone } from '../launcher/processes.mjs';

/** The lines of postmaster.pid: https://www.postgresql.org/docs/18/storage-file-layout.html @param {string} data */
export async function readPidFile(data) {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  return pid > 1 ? { pid, port: Number(lines[3]), ready: lines[7] === 'ready' } : undefined;
}

/**
 * The server that runs on this folder, if any. A pid file that names somebody else's process is removed: PostgreSQL itself would
 * refuse to start, which is how containers get stuck, where every start gives the same numbers again.
 * @param {string} data
 */
export async function runningServer(data) {
  const file = await readPidFile(data);
  if (!file) return undefined;
  if (isPostgresOn(file.pid, data)) return file;
  await rm(join(data, 'postmaster.pid'), { force: true });
  return undefined;
}

/**
 * Fast shutdown, then immediate, then by force. After force the server's own children notice by themselves.
 * @param {number} pid
 * @param {number} graceMs
 */
export async function endServer(pid, graceMs) {
  for (const [signal, patience] of /** @type {[NodeJS.Signals, number][]} */ ([
    ['SIGINT', graceMs],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 1_000],
  ])) {
    signalTo(pid, signal);
    if (await waitGone(pid, patience)) return;
  }
}

/** @param {string} data */
export async function endByPidFile(data) {
  const server = await runningServer(data);
  if (server) await endServer(server.pid, 5_000);
}
