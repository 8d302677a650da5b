// @ts-check
import { spawn } from 'node:child_process';
import { ensureBuilt, ensureInstalled } from '../preflight.mjs';
import { findStack } from '../stack.mjs';
import { ROOT, dataDirFrom } from './paths.mjs';
import { Problem } from './problem.mjs';
import { readSecrets } from './secrets.mjs';
import { loadDotEnv } from './settings.mjs';

/** @param {string} entry below the checkout @param {string[]} args @returns {Promise<number>} the exit code */
export async function runCommand(entry, args) {
  try {
    loadDotEnv();
    await ensureInstalled();
    await ensureBuilt();
    const child = spawn(process.execPath, [entry, ...args], { cwd: ROOT, env: await environment(), stdio: 'inherit' });
    return await new Promise((resolve, reject) => child.once('error', reject).once('close', (code) => resolve(code ?? 1)));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    console.error(error.message);
    return 1;
  }
}

async function environment() {
  if (process.env.DATABASE_URL) return process.env;
  const dataDir = dataDirFrom(process.env.SOKO_DATA_DIR);
  const stack = await findStack(dataDir);
  if (!stack) throw new Problem('There is no database: set DATABASE_URL, or run npm start in another terminal first');
  const { JWT_SECRET, ENCRYPTION_KEYS } = await readSecrets(dataDir);
  return { JWT_SECRET, ENCRYPTION_KEYS, ...process.env, DATABASE_URL: stack.databaseUrl };
}
