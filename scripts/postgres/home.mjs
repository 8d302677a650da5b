// @ts-check
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Problem } from '../launcher/problem.mjs';
import { packagedBinaries } from './binaries.mjs';
import { endByPidFile } from './pid-file.mjs';
import { canExecute, canWrite, isRoot, postgresUser } from './run-as.mjs';

/** Where root keeps what the user `postgres` must reach when the clone is under a private home folder. */
const SYSTEM_HOME = '/var/lib/soko';

/** @typedef {{ data: string, binaries: string, runAs?: import('./run-as.mjs').Identity }} PostgresHome */

/** Decides which user runs the server, where its data is and which copy of the binaries it uses. @param {string} dataDir @param {(line: string) => void} log @returns {Promise<PostgresHome>} */
export async function chooseHome(dataDir, log) {
  const packaged = packagedBinaries();
  const inPlace = join(dataDir, 'postgres');
  if (!isRoot()) return { data: inPlace, binaries: packaged.folder };

  const found = await lstat(inPlace).catch(() => undefined);
  // A cluster that somebody else made stays theirs: they will want to start it without root again.
  const runAs = found?.isDirectory() && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : postgresUser();
  const binaries = canExecute(runAs, packaged.folder) ? packaged.folder : await sharedBinaries(packaged, runAs);
  if (found?.isSymbolicLink()) return { data: resolve(dataDir, await readlink(inPlace)), binaries, runAs };
  if (found?.isDirectory() && found.uid !== 0) {
    if (!canWrite(runAs, inPlace)) {
      throw new Problem(
        `The database in ${inPlace} belongs to user ${runAs.uid}, who cannot reach it: start as that user, or open the folders above it (chmod o+x)`,
      );
    }
    return { data: inPlace, binaries, runAs };
  }
  if (await wouldReach(runAs, dataDir)) return { data: inPlace, binaries, runAs };
  return { data: await systemData(dataDir, inPlace, log), binaries, runAs };
}

/** @param {import('./run-as.mjs').Identity} runAs @param {string} dataDir */
async function wouldReach(runAs, dataDir) {
  const probe = join(dataDir, `postgres.probe-${randomUUID()}`);
  try {
    await mkdir(probe, { mode: 0o700 });
    await chown(probe, runAs.uid, runAs.gid);
    return canWrite(runAs, probe);
  } catch {
    // Some mounts know no owners.
    return false;
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

/** The link in the data folder says where the data is, and its absence that the data folder was thrown away. @param {string} dataDir @param {string} inPlace @param {(line: string) => void} log */
async function systemData(dataDir, inPlace, log) {
  const folder = join(SYSTEM_HOME, createHash('sha256').update(dataDir).digest('hex').slice(0, 12));
  const data = join(folder, 'postgres');
  await mkdir(folder, { recursive: true });
  await chmod(SYSTEM_HOME, 0o755);
  await chmod(folder, 0o755);
  if (existsSync(data)) {
    const aside = `${data}.removed`;
    await endByPidFile(data);
    await rm(aside, { recursive: true, force: true });
    await rename(data, aside);
    log(`the database of an earlier ${dataDir} is kept as ${aside}`);
  }
  await rm(inPlace, { recursive: true, force: true });
  await symlink(data, inPlace);
  log(`the user postgres cannot reach ${dataDir}: the database is in ${data}`);
  return data;
}

/** One copy for every clone on the machine. @param {import('./binaries.mjs').Binaries} packaged @param {import('./run-as.mjs').Identity} runAs */
async function sharedBinaries(packaged, runAs) {
  const shared = join(SYSTEM_HOME, `postgresql-${packaged.version}-${packaged.platform}`);
  if (!(existsSync(shared) && canExecute(runAs, shared))) {
    await mkdir(SYSTEM_HOME, { recursive: true });
    await chmod(SYSTEM_HOME, 0o755);
    const half = `${shared}.${randomUUID()}`;
    // Static libraries are for compiling against, a quarter of nothing we need.
    await cp(packaged.folder, half, { recursive: true, verbatimSymlinks: true, filter: (source) => !source.endsWith('.a') });
    await openToAll(half);
    if (existsSync(shared)) await rm(shared, { recursive: true, force: true });
    // Whoever else made it in the meantime made the same.
    await rename(half, shared).catch(() => rm(half, { recursive: true, force: true }));
  }
  if (!canExecute(runAs, shared))
    throw new Problem(`The user postgres cannot run ${shared}/bin/postgres: start as another user, or set DATABASE_URL`);
  return shared;
}

/** A strict umask at install time must not shut the server's user out. @param {string} folder */
async function openToAll(folder) {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, 0o644 | ((await stat(path)).mode & 0o111 ? 0o111 : 0));
  }
}
