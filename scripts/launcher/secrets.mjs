// @ts-check
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateJson } from './data-dir.mjs';
import { Problem } from './problem.mjs';

/** @typedef {{ postgresPassword: string, JWT_SECRET: string, ENCRYPTION_KEYS: string }} Secrets */

const random = () => randomBytes(32).toString('base64url');

/** What is missing is made once and kept: sessions and the database outlive a restart. @param {string} dataDir @returns {Promise<Secrets>} */
export async function readSecrets(dataDir) {
  const file = join(dataDir, 'secrets.json');
  /** @type {Partial<Secrets>} */
  let known = {};
  try {
    known = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'ENOENT')
      throw new Problem(
        `${file} cannot be read (${code ?? 'not JSON'}): give this user the rights to it or put it back from a copy`,
      );
  }
  const made = {
    postgresPassword: random(),
    JWT_SECRET: random(),
    ENCRYPTION_KEYS: `local:${randomBytes(32).toString('base64')}`,
  };
  const secrets = { ...made, ...known };
  if (Object.keys(made).some((name) => !(name in known))) await writePrivateJson(file, secrets);
  return secrets;
}
