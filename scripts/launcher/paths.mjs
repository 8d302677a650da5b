// @ts-check
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout, without a trailing slash. */
export const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** @param {string | undefined} setting SOKO_DATA_DIR: relative to the checkout, not to where npm was called */
export function dataDirFrom(setting) {
  return resolve(ROOT, setting || '.soko');
}

/** @param {'api' | 'bot-gateway' | 'worker'} app */
export function appEntry(app) {
  return join(ROOT, 'dist', 'apps', app, 'src', 'main.js');
}
