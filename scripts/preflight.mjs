// @ts-check
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sourceFingerprint } from './launcher/fingerprint.mjs';
import { alone } from './launcher/lock.mjs';
import { installFromLock } from './launcher/npm.mjs';
import { ROOT, appEntry } from './launcher/paths.mjs';
import { Problem } from './launcher/problem.mjs';
import { runOnce } from './launcher/run-once.mjs';

/** @typedef {{ log?: (line: string) => void, signal?: AbortSignal }} PreflightOptions */

const MODULES = join(ROOT, 'node_modules');
const DIST = join(ROOT, 'dist');
const INSTALL_STAMP = join(MODULES, '.soko-install');
const BUILD_STAMP = join(DIST, '.soko-build.json');
const LOCK = join(ROOT, '.soko-preflight.lock');

/** Installs from the lock file when something is missing. Other processes that want the same wait. @param {PreflightOptions} [options] */
export async function ensureInstalled({ log = console.log, signal } = {}) {
  // Compiled packages are for one platform: a clone shared with a container would bring the wrong ones.
  const platform = `${process.platform}-${process.arch}`;
  const lockFile = await readFile(join(ROOT, 'package-lock.json'), 'utf8');
  const wanted = `${platform} ${createHash('sha256').update(lockFile).digest('hex')}`;
  if ((await readStamp(INSTALL_STAMP)) === wanted) return;
  await exclusively(signal, async () => {
    const stamp = await readStamp(INSTALL_STAMP);
    if (stamp === wanted) return;
    const samePlatform = stamp === '' || stamp.startsWith(`${platform} `);
    if (!(samePlatform && (await installedByHand(lockFile)))) {
      log('installing packages (npm ci; the first time takes a minute)');
      const { code, output } = await installFromLock(signal);
      if (code !== 0)
        throw new Problem(
          'npm ci failed, as shown above: check the network and the free space, then run npm start again',
          output,
        );
    }
    await writeFile(INSTALL_STAMP, wanted).catch(() => undefined);
  });
}

/** Builds when the sources are not those that were built last. @param {PreflightOptions} [options] */
export async function ensureBuilt({ log = console.log, signal } = {}) {
  if (await isBuilt((await sourceFingerprint()).hash)) return;
  await exclusively(signal, async () => {
    const { hash, files } = await sourceFingerprint();
    if (await isBuilt(hash)) return;
    log('building (only what changed)');
    const before = await readBuildStamp();
    const now = new Set(files);
    // The compiler never removes what it once wrote: output of a file that is gone would live on and might still be loaded.
    if (!before || before.files.some((file) => !now.has(file))) await rm(DIST, { recursive: true, force: true });
    await rm(BUILD_STAMP, { force: true });
    const nest = join(MODULES, '@nestjs', 'cli', 'bin', 'nest.js');
    const args = [nest, 'build', 'api', '--path', 'tsconfig.build.json'];
    const { code, output } = await runOnce(process.execPath, args, { cwd: ROOT, env: process.env, ...(signal && { signal }) });
    if (code !== 0) throw new Problem('The build failed, as shown above: correct the sources, then run npm start again', output);
    await mkdir(DIST, { recursive: true });
    await writeFile(BUILD_STAMP, JSON.stringify({ hash, files }));
  });
}

/** @param {AbortSignal | undefined} signal @param {() => Promise<void>} work */
async function exclusively(signal, work) {
  try {
    await alone(LOCK, signal, work);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') throw error;
    throw new Problem(
      `${ROOT} cannot be written (${code}): packages and build output go there, so give this user the rights to the clone`,
    );
  }
}

/** @param {string} file */
const readStamp = (file) => readFile(file, 'utf8').catch(() => '');

/** @returns {Promise<{ hash: string, files: string[] } | undefined>} */
async function readBuildStamp() {
  try {
    return JSON.parse(await readFile(BUILD_STAMP, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} hash */
async function isBuilt(hash) {
  return (await readBuildStamp())?.hash === hash && existsSync(appEntry('api'));
}

/** Whether `npm install` or `npm ci` by hand already did the work: npm lists what it installed, last of all, in a lock file of its own. @param {string} lockFile */
async function installedByHand(lockFile) {
  try {
    const wanted = /** @type {Record<string, { version?: string, optional?: boolean }>} */ (JSON.parse(lockFile).packages);
    const installed = JSON.parse(await readFile(join(MODULES, '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      return installed[path]
        ? installed[path].version === entry.version && existsSync(join(ROOT, path))
        : entry.optional === true;
    });
  } catch {
    return false;
  }
}
