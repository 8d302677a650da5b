// @ts-check
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Fields 3 and on of /proc/<pid>/stat: the state first, the start time (ticks since boot) at index 19. @param {number} pid */
function procStat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** @param {number} pid @param {string} column */
function ps(pid, column) {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

/** A zombie counts as gone: in a container without a reaper an adopted process stays one for ever. @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return !['Z', 'X'].includes(procStat(pid)[0] ?? '');
  } catch {
    return false;
  }
}

/** Tells a process from a later one with the same number. @param {number} pid @returns {string} empty when there is no such process */
export function identityOf(pid) {
  if (!isAlive(pid)) return '';
  if (process.platform !== 'linux') return ps(pid, 'lstart');
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${procStat(pid)[19]}`;
  } catch {
    return '';
  }
}

/** Whether `pid` is a PostgreSQL server on this data folder: a pid file alone may name whoever got the number since. @param {number} pid @param {string} folder */
export function isPostgresOn(pid, folder) {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return /postgres/.test(ps(pid, 'command'));
  try {
    // The server changes into its data folder, and the link follows the folder when it is renamed.
    return (
      readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder) && /postgres/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'))
    );
  } catch {
    return false;
  }
}

/** @param {number} pid @param {number} withinMs @returns {Promise<boolean>} whether it ended in time */
export async function waitGone(pid, withinMs) {
  const until = Date.now() + withinMs;
  while (isAlive(pid)) {
    if (Date.now() >= until) return false;
    await sleep(20);
  }
  return true;
}

/** Signalling what has just ended is no error. @param {number} pid @param {NodeJS.Signals} signal */
export function signalTo(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
