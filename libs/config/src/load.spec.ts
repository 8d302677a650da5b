import { ValidationError } from '@soko/common';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { databaseUrl, loadSettings, projectRoot } from './load.js';

const KEY = Buffer.alloc(32).toString('base64');
const REQUIRED = {
  DATABASE_URL: 'postgres://soko:secret@localhost:5432/soko',
  JWT_SECRET: 'x'.repeat(32),
  ENCRYPTION_KEYS: `k1:${KEY}`,
};
const load = (env: NodeJS.ProcessEnv = {}) => loadSettings({ ...REQUIRED, ...env });
const faultsOf = (env: NodeJS.ProcessEnv) => {
  try {
    loadSettings(env);
  } catch (error) {
    if (error instanceof ValidationError) return error.errors!;
    throw error;
  }
  return [];
};

describe('loadSettings', () => {
  it('needs a database and a secret, and has a default for the rest', () => {
    expect({ ...load() }).toMatchObject({
      ...REQUIRED,
      ENCRYPTION_KEYS: [REQUIRED.ENCRYPTION_KEYS],
      NODE_ENV: 'development',
      DATABASE_POOL: 10,
      QUEUE_PREFIX: 'soko',
      QUEUE_CONCURRENCY: 8,
      PORT: 3000,
      HOST: '127.0.0.1',
      CORS_ORIGINS: [],
      SOKO_DATA_DIR: '.soko',
      LOG_LEVEL: 'info',
      WEBHOOK_ALLOWED_CIDRS: [],
    });
    for (const name of ['DATABASE_APP_URL', 'DATABASE_SYSTEM_URL', 'REDIS_URL', 'PUBLIC_URL', 'SIMULATOR_ENABLED'] as const)
      expect(load()[name]).toBeUndefined();
  });

  it('names everything that is missing, at once', () => {
    expect(new Set(faultsOf({}).map((fault) => fault.path))).toEqual(new Set(['DATABASE_URL', 'JWT_SECRET', 'ENCRYPTION_KEYS']));
  });

  it('counts an empty variable as missing', () => {
    expect(load({ PORT: '', REDIS_URL: '', CORS_ORIGINS: '', NODE_ENV: '', SIMULATOR_ENABLED: '' })).toEqual(load());
    expect(faultsOf({ ...REQUIRED, JWT_SECRET: '' }).map((fault) => fault.path)).toEqual(['JWT_SECRET']);
  });

  it('ignores variables that are not ours, and never touches the environment', () => {
    const env = Object.freeze({ ...REQUIRED, PATH: '/bin', npm_config_x: '1', toString: 'no', PORT: '4000' });
    expect(loadSettings(env as unknown as NodeJS.ProcessEnv).PORT).toBe(4000);
    expect(load({ PATH: '/bin' })).toEqual(load());
  });

  it.each([
    ['PORT', '8080', 8080],
    ['PORT', '0', 0],
    ['PORT', ' 8080 ', 8080],
    ['DATABASE_POOL', '100', 100],
    ['QUEUE_CONCURRENCY', '1', 1],
    ['DATABASE_URL', 'postgresql://db/soko', 'postgresql://db/soko'],
    ['REDIS_URL', 'rediss://cache:6380', 'rediss://cache:6380'],
    ['PUBLIC_URL', 'http://localhost:3000', 'http://localhost:3000'],
    ['SIMULATOR_ENABLED', 'true', true],
    ['SIMULATOR_ENABLED', '1', true],
    ['SIMULATOR_ENABLED', 'false', false],
    ['SIMULATOR_ENABLED', '0', false],
    ['CORS_ORIGINS', 'https://a.example', ['https://a.example']],
    ['CORS_ORIGINS', ' https://a.example , https://b.example ,', ['https://a.example', 'https://b.example']],
    ['WEBHOOK_ALLOWED_CIDRS', '127.0.0.0/8, ::1/128', ['127.0.0.0/8', '::1/128']],
    ['WEBHOOK_ALLOWED_CIDRS', ',', []],
  ] as const)('reads %s=%j', (name, given, value) => {
    expect(load({ [name]: given })[name]).toEqual(value);
  });

  it.each([
    ['NODE_ENV', 'prod', /development.*production/],
    ['DATABASE_URL', 'mysql://db/soko', /postgres:\/\/user:password@host:5432\/soko/],
    ['DATABASE_URL', 'localhost', /must look like/],
    ['DATABASE_APP_URL', 'localhost', /must match/],
    ['DATABASE_SYSTEM_URL', 'localhost', /must match/],
    ['DATABASE_POOL', '0', /not be less than 1/],
    ['DATABASE_POOL', '101', /not be greater than 100/],
    ['DATABASE_POOL', 'many', /integer/],
    ['REDIS_URL', 'localhost:6379', /redis:\/\/host:6379/],
    ['QUEUE_PREFIX', 'Soko!', /must match/],
    ['QUEUE_PREFIX', 'a'.repeat(41), /must match/],
    ['QUEUE_CONCURRENCY', '201', /not be greater than 200/],
    ['QUEUE_CONCURRENCY', '1.5', /integer/],
    ['PORT', '65536', /not be greater than 65535/],
    ['PORT', '-1', /not be less than 0/],
    ['PORT', '3000abc', /integer/],
    ['PORT', ' ', /integer/],
    ['PUBLIC_URL', 'nowhere', /URL/],
    ['LOG_LEVEL', 'loud', /trace.*silent/],
    ['JWT_SECRET', 'x'.repeat(31), /at least 32 characters.*openssl rand -base64 32/],
    ['SIMULATOR_ENABLED', 'yes', /boolean/],
    ['WEBHOOK_ALLOWED_CIDRS', '10.0.0.0', /"10\.0\.0\.0" is not a CIDR such as 10\.0\.0\.0\/8/],
    ['WEBHOOK_ALLOWED_CIDRS', '127.0.0.0/8,10.0.0.0/33', /"10\.0\.0\.0\/33" is not a CIDR/],
    ['WEBHOOK_ALLOWED_CIDRS', 'localhost/8', /is not a CIDR/],
  ])('refuses %s=%j: the message names the variable and what it should be', (name, value, advice) => {
    const faults = faultsOf({ ...REQUIRED, [name]: value });
    expect(new Set(faults.map((fault) => fault.path))).toEqual(new Set([name]));
    expect(faults.map((fault) => fault.message).join('\n')).toMatch(advice);
  });

  it('does not print the secret or the database password in its complaint', () => {
    const faults = faultsOf({ DATABASE_URL: 'mysql://soko:hunter2@db/soko', JWT_SECRET: 'short-secret' });
    expect(JSON.stringify(faults)).not.toMatch(/hunter2|short-secret/);
  });
});

describe('a bucket', () => {
  const keys = { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'secret' };

  it.each([
    ['nothing', {}],
    [
      'a region and a way of writing addresses, which do nothing by themselves',
      { S3_REGION: 'eu-west-1', S3_FORCE_PATH_STYLE: 'true' },
    ],
    ['a bucket alone: the machine has a role', { S3_BUCKET: 'files' }],
    ['a bucket with keys', { S3_BUCKET: 'files', ...keys }],
    ['a bucket elsewhere', { S3_BUCKET: 'files', S3_ENDPOINT: 'http://minio:9000', ...keys }],
  ])('may be set by %s', (_, env) => {
    expect(load(env).S3_BUCKET).toBe('S3_BUCKET' in env ? 'files' : undefined);
  });

  it.each<[string, object, string]>([
    ['the bucket', keys, 'S3_BUCKET'],
    ['the bucket', { S3_ENDPOINT: 'http://minio:9000' }, 'S3_BUCKET'],
    ['the secret', { S3_BUCKET: 'files', S3_ACCESS_KEY_ID: 'id' }, 'S3_SECRET_ACCESS_KEY'],
    ['the id', { S3_BUCKET: 'files', S3_SECRET_ACCESS_KEY: 'secret' }, 'S3_ACCESS_KEY_ID'],
  ])('is refused without %s, by the name of what is missing: %j', (_, env, missing) => {
    const [fault, ...more] = faultsOf({ ...REQUIRED, ...env });
    expect([fault!.path, more]).toEqual([missing, []]);
    expect(fault!.message).toContain(`${missing} is missing`);
    expect(fault!.message).not.toContain('secret');
  });

  it.each([
    ['S3_BUCKET', 'No Bucket', /name of a bucket/],
    ['S3_ENDPOINT', 'minio', /must look like https:/],
    ['S3_REGION', 'Europe!', /S3_REGION/],
    ['S3_FORCE_PATH_STYLE', 'maybe', /boolean/],
    ['MEDIA_CONCURRENCY', '0', /not be less than 1/],
  ])('%s=%j is refused', (name, value, advice) => {
    const faults = faultsOf({ ...REQUIRED, S3_BUCKET: 'files', [name]: value });
    expect(faults.map((fault) => fault.path)).toEqual([name]);
    expect(faults[0]!.message).toMatch(advice);
  });
});

describe('the simulator', () => {
  it.each([
    [{}, true],
    [{ NODE_ENV: 'development' }, true],
    [{ NODE_ENV: 'test' }, true],
    [{ NODE_ENV: 'production' }, false],
    [{ NODE_ENV: 'production', SIMULATOR_ENABLED: 'true' }, true],
    [{ NODE_ENV: 'development', SIMULATOR_ENABLED: 'false' }, false],
  ])('with %o is on: %s', (env, on) => {
    expect(load(env).simulator).toBe(on);
  });

  it('is off in production because production is known as such', () => {
    expect(load({ NODE_ENV: 'production' }).production).toBe(true);
    expect(load({ NODE_ENV: 'test' }).production).toBe(false);
  });
});

describe('databaseUrl', () => {
  it('is all that a migration needs', () => {
    expect(databaseUrl({ DATABASE_URL: 'postgres://db/soko' })).toBe('postgres://db/soko');
  });

  it.each([{}, { DATABASE_URL: '' }])('says what to set when it is missing: %o', (env) => {
    expect(() => databaseUrl(env)).toThrow(/set DATABASE_URL, for example postgres:\/\//);
  });
});

describe('projectRoot', () => {
  it('is the folder with the migrations', () => {
    expect(existsSync(join(projectRoot(), 'migrations'))).toBe(true);
    expect(existsSync(join(projectRoot(), 'package.json'))).toBe(true);
  });
});
