// @ts-check
import { signalTo, waitGone } from './processes.mjs';

/**
 * Every process we started and have not seen end, with the signal it gets when we must leave at once. Whatever way this process
 * ends short of SIGKILL, nothing may stay behind.
 * @type {Map<number, NodeJS.Signals>}
 */
const live = new Map();

process.once('exit', () => {
  for (const [pid, signal] of live) signalTo(pid, signal);
});

/** @param {number} pid @param {NodeJS.Signals} [atExit] PostgreSQL shall shut down in order even when nobody waits for it any more */
export function markLive(pid, atExit = 'SIGKILL') {
  live.set(pid, atExit);
}

/** @param {number} pid */
export function markGone(pid) {
  live.delete(pid);
}

/** The second Ctrl-C. PostgreSQL gets a moment of SIGQUIT: killed outright, its own children would outlive it by seconds. */
export async function killAllNow() {
  const pids = [...live.keys()];
  for (const [pid, signal] of live) signalTo(pid, signal === 'SIGKILL' ? 'SIGKILL' : 'SIGQUIT');
  await Promise.all(pids.map((pid) => waitGone(pid, 1_000)));
  for (const pid of pids) signalTo(pid, 'SIGKILL');
}
