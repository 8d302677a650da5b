import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getMetadataStorage } from 'class-validator';
import { expect, test } from 'vitest';
import { loadSettings, projectRoot } from './load.js';
import { Settings } from './settings.js';

const lines = readFileSync(join(projectRoot(), '.env.example'), 'utf8').split('\n');
const documented = new Map(
  lines.flatMap((line) => [...line.matchAll(/^# ([A-Z0-9_]+)=(.*)$/g)].map(([, name, value]) => [name!, value!])),
);

test('.env.example names every setting, and none that does not exist', () => {
  const rules = getMetadataStorage().getTargetValidationMetadatas(Settings, '', false, false);
  expect([...documented.keys()].toSorted()).toEqual([...new Set(rules.map((rule) => rule.propertyName))].toSorted());
});

test('its examples are valid, and its defaults are the defaults', () => {
  const needed = { JWT_SECRET: 'x'.repeat(32), ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}` };
  const given = Object.fromEntries([...documented].filter(([, value]) => value !== ''));
  expect(() => loadSettings({ ...given, ...needed })).not.toThrow();
  const defaults = loadSettings({ ...needed, DATABASE_URL: given.DATABASE_URL });
  const limits = [...documented.keys()].filter((name) => name.startsWith('RATE_LIMIT_')) as (keyof typeof defaults)[];
  for (const name of [
    ...limits,
    'NODE_ENV',
    'LOG_LEVEL',
    'SOKO_DATA_DIR',
    'PORT',
    'HOST',
    'DATABASE_POOL',
    'DATABASE_TRANSACTION_IDLE_MS',
    'QUEUE_PREFIX',
    'QUEUE_CONCURRENCY',
    'MEDIA_CONCURRENCY',
    'S3_REGION',
    'S3_FORCE_PATH_STYLE',
  ] as const) {
    expect(String(defaults[name]), name).toBe(given[name]);
  }
  expect(String(defaults.GATEWAY_SHARDS)).toBe(given.GATEWAY_SHARDS);
  expect(String(defaults.GATEWAY_LEASE_MS)).toBe(given.GATEWAY_LEASE_MS);
});
