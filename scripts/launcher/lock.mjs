// @ts-check
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './processes.mjs';

/** @typedef {{ pid: number, identity: string }} Holder */

/** @param {string} text @returns {Holder | undefined} undefined when the process that wrote it is gone */
function livingHolder(text) {
  try {
    const holder = /** @type {Holder} */ (JSON.parse(text));
    return holder.identity !== '' && identityOf(holder.pid) === holder.identity ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} file @returns {Promise<Holder | undefined>} who holds the lock now */
export async function lockHolder(file) {
  return livingHolder(await readFile(file, 'utf8').catch(() => ''));
}

/**
 * Takes a lock that dies with its holder.
 * @param {string} file
 * @returns {Promise<{ release: () => void } | { heldBy: Holder }>}
 */
export async function takeLock(file) {
  const own = `${file}.${randomUUID()}`;
  const text = JSON.stringify({ pid: process.pid, identity: identityOf(process.pid) });
  await writeFile(own, text, { mode: 0o644 });
  try {
    for (;;) {
      try {
        // A hard link appears whole or not at all: nobody ever reads a half-written lock.
        await link(own, file);
        return { release: () => releaseLock(file, text) };
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const found = await readFile(file, 'utf8').catch((error) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      const heldBy = livingHolder(found);
      if (heldBy) return { heldBy };
      await removeStale(file, found);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** @param {string} file @param {string} text */
function releaseLock(file, text) {
  try {
    if (readFileSync(file, 'utf8') === text) rmSync(file);
  } catch {
    // The folder was removed under us, and the lock with it.
  }
}

/** Between reading a stale lock and removing it another process may have put its own: look at what was moved before it goes. @param {string} file @param {string} stale */
async function removeStale(file, stale) {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
    if ((await readFile(aside, 'utf8')) !== stale) await link(aside, file).catch(() => undefined);
  } catch {
    // Already gone: the next try decides.
  }
  await rm(aside, { force: true });
}

/**
 * Runs `work` alone, waiting for whoever is at it.
 * @template T
 * @param {string} file
 * @param {AbortSignal | undefined} signal
 * @param {() => Promise<T>} work
 */
export async function alone(file, signal, work) {
  for (;;) {
    signal?.throwIfAborted();
    const lock = await takeLock(file);
    if ('release' in lock) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    await sleep(200);
  }
}
