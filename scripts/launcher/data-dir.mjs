// @ts-check
import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Problem } from './problem.mjs';

/** Makes the data folder when it is missing and proves that it can be written. @param {string} dataDir an absolute path */
export async function openDataDir(dataDir) {
  try {
    await makeFolder(dataDir);
    const probe = join(dataDir, `.probe-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
    const { uid, mode } = await stat(dataDir);
    // As root the database runs as another user, who must pass through; what is secret in here has mode 0600 of its own.
    if (process.getuid?.() === 0 && uid === 0 && (mode & 0o001) === 0) await chmod(dataDir, (mode & 0o777) | 0o011);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new Problem(
      `The data folder ${dataDir} cannot be written (${code}): give this user the rights to it, or choose another with SOKO_DATA_DIR=/some/folder npm start`,
    );
  }
}

/** Not with `recursive`: under /proc and the like Node 20 tries for ever. @param {string} folder */
async function makeFolder(folder) {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder, { mode: 0o711 }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Whole or not at all, for this user only. @param {string} file @param {unknown} value */
export async function writePrivateJson(file, value) {
  const half = `${file}.${process.pid}.tmp`;
  await rm(half, { force: true });
  await writeFile(half, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(half, file);
}
