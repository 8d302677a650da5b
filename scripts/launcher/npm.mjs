// @ts-check
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './paths.mjs';
import { runOnce } from './run-once.mjs';

/** npm as this Node brings it: a PATH may hold another one, or none. @returns {[string, ...string[]]} */
function npmCommand() {
  const prefix = dirname(dirname(process.execPath));
  const candidates = [
    process.env.npm_execpath,
    join(prefix, 'lib/node_modules/npm/bin/npm-cli.js'),
    join(prefix, 'node_modules/npm/bin/npm-cli.js'),
  ];
  const cli = candidates.find((path) => path?.endsWith('npm-cli.js') && existsSync(path));
  return cli ? [process.execPath, cli] : ['npm'];
}

/** A home folder that is missing or read-only must not stop an install. */
function npmEnvironment() {
  const cache = process.env.npm_config_cache || join(homedir(), '.npm');
  try {
    mkdirSync(cache, { recursive: true });
    accessSync(cache, constants.W_OK);
    return process.env;
  } catch {
    return { ...process.env, npm_config_cache: join(tmpdir(), `soko-npm-cache-${process.getuid?.() ?? 0}`) };
  }
}

/** @param {string[]} task @param {AbortSignal | undefined} signal */
function npm(task, signal) {
  const [command, ...args] = npmCommand();
  // The build needs the development packages, also where NODE_ENV=production would leave them out.
  const all = [...args, ...task, '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  return runOnce(command, all, { cwd: ROOT, env: npmEnvironment(), ...(signal && { signal }) });
}

/** Exactly what the lock file says. @param {AbortSignal | undefined} signal */
export const installFromLock = (signal) => npm(['ci'], signal);
