import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validateInput, ValidationError } from '@soko/common';
import { getMetadataStorage } from 'class-validator';
import ipaddr from 'ipaddr.js';
import { Settings } from './settings.js';

/** Names of networks that Fastify knows. */
const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

/** The folder that holds `migrations/`: the same from the sources and from `dist/`. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'migrations'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the project folder (with migrations/) was not found above ' + import.meta.url);
    folder = parent;
  }
  return folder;
}

/**
 * The settings, checked. Empty variables count as missing; variables that are not ours are ignored.
 * @throws ValidationError naming each bad variable.
 */
export function loadSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const rules = getMetadataStorage().getTargetValidationMetadatas(Settings, '', false, false);
  const known = [...new Set(rules.map((rule) => rule.propertyName))];
  const values = Object.fromEntries(known.filter((name) => env[name]).map((name) => [name, env[name]]));
  const settings = validateInput(Settings, values);
  for (const cidr of settings.WEBHOOK_ALLOWED_CIDRS) {
    if (!ipaddr.isValidCIDR(cidr)) throw refused('WEBHOOK_ALLOWED_CIDRS', `"${cidr}" is not a CIDR such as 10.0.0.0/8`);
  }
  checkS3(settings);
  if (settings.production && settings.WHATSAPP_WEB_NOISE_ROOT)
    throw refused('WHATSAPP_WEB_NOISE_ROOT', 'WHATSAPP_WEB_NOISE_ROOT is for tests; remove it in production');
  if (Array.isArray(settings.trustProxy)) {
    for (const proxy of settings.trustProxy) {
      if (!ipaddr.isValid(proxy) && !ipaddr.isValidCIDR(proxy) && !NAMED_NETWORKS.includes(proxy))
        throw refused(
          'TRUST_PROXY',
          `"${proxy}" is no address, no CIDR such as 10.0.0.0/8, and none of ${NAMED_NETWORKS.join(', ')}`,
        );
    }
  }
  const ids = settings.ENCRYPTION_KEYS.map((entry) => entry.split(':')[0]);
  if (new Set(ids).size !== ids.length) throw refused('ENCRYPTION_KEYS', 'two keys have the same id; give each its own');
  return settings;
}

/** Half of what a bucket needs would leave files on this machine's disk, unseen, or fail at the first upload. */
function checkS3({ S3_BUCKET, S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY }: Settings): void {
  if (!S3_BUCKET && (S3_ENDPOINT || S3_ACCESS_KEY_ID || S3_SECRET_ACCESS_KEY))
    throw refused('S3_BUCKET', 'S3_BUCKET is missing: name the bucket for files, or remove the other S3 settings');
  if (S3_SECRET_ACCESS_KEY && !S3_ACCESS_KEY_ID)
    throw refused('S3_ACCESS_KEY_ID', 'S3_ACCESS_KEY_ID is missing: give it beside S3_SECRET_ACCESS_KEY, or neither of them');
  if (S3_ACCESS_KEY_ID && !S3_SECRET_ACCESS_KEY)
    throw refused('S3_SECRET_ACCESS_KEY', 'S3_SECRET_ACCESS_KEY is missing: give it beside S3_ACCESS_KEY_ID, or neither of them');
}

const refused = (path: string, message: string): ValidationError => new ValidationError([{ path, code: 'isSetting', message }]);

/** The one setting that a migration needs, for the one-shot container that has no others. */
export function databaseUrl(env: NodeJS.ProcessEnv = process.env): string {
  if (!env.DATABASE_URL) throw new Error('set DATABASE_URL, for example postgres://user:password@localhost:5432/soko');
  return env.DATABASE_URL;
}
