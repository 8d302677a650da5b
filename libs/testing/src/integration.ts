import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { newId } from '@soko/common';
import { ConfigModule } from '@soko/config';
import type { QueueName } from '@soko/contracts';
import { DatabaseModule, SystemDb, Tenancy } from '@soko/database';
import { AuthService, IdentityModule, type SessionView } from '@soko/identity';
import { ObservabilityModule } from '@soko/observability';
import { QUEUE_SET, QueuesModule } from '@soko/queues';
import type { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { createDatabase } from './database.js';
import { until } from './until.js';

export interface IntegrationOptions extends Pick<ModuleMetadata, 'imports' | 'providers'> {
  /** Queues whose jobs this process handles; none when left out, so that alarms stay in their queues. */
  serves?: QueueName[];
  /** Queues with lanes, opened by hand. */
  laned?: QueueName[];
  /** A database to share with another `integration` of the same test; a new one when left out. */
  databaseUrl?: string;
  /** Settings of this test alone. */
  env?: Record<string, string>;
}

export interface Integration {
  module: TestingModule;
  /** Stops it as a signal would; the end of the test does so otherwise. */
  close: () => Promise<void>;
  tenancy: Tenancy;
  system: SystemDb;
  /** As the superuser: sees and may do everything. */
  databaseUrl: string;
  /** A new merchant with its owner. */
  merchant: () => Promise<SessionView>;
  /** The id of a new merchant without people: quicker than one that can sign in, and without an event. */
  shop: () => Promise<string>;
  /** A physical queue, by its name. */
  queue: (name: string) => Queue;
  /** Payloads of the alarms that wait in a physical queue, oldest first, as soon as there are `count` of them. */
  alarms: (name: string, count: number) => Promise<object[]>;
}

/**
 * Part of the system for real: PostgreSQL with row-level security, and queues on PostgreSQL or, with REDIS_URL set, on Redis.
 * Ends with the test.
 */
export async function integration({ imports = [], providers = [], ...options }: IntegrationOptions): Promise<Integration> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase());
  onTestFinished(() => rm(dataFolder(databaseUrl), { recursive: true, force: true }));
  const before = Object.keys(options.env ?? {}).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, {
    NODE_ENV: 'test',
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'fatal',
    JWT_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}`,
    RATE_LIMIT_ENABLED: 'false',
    DATABASE_URL: databaseUrl,
    DATABASE_POOL: '20',
    WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8',
    SOKO_DATA_DIR: dataFolder(databaseUrl),
    // One queue store, many tests: the database's name keeps them apart.
    QUEUE_PREFIX: databaseUrl.slice(databaseUrl.lastIndexOf('/') + 1),
    ...options.env,
  });
  onTestFinished(() => restore(before));
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule,
      ObservabilityModule.forApp('test'),
      DatabaseModule,
      QueuesModule.forApp({ serves: options.serves ?? [], laned: options.laned }),
      IdentityModule,
      ...imports,
    ],
    providers,
  }).compile();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= module.close());
  onTestFinished(close);
  await module.init();
  const auth = module.get(AuthService);
  const tenancy = module.get(Tenancy);
  const queue = (name: string) =>
    module.get<Map<string, Queue<{ payload: object; more?: { payload: object }[] }>>>(QUEUE_SET).get(name)!;
  return {
    module,
    close,
    databaseUrl,
    tenancy,
    system: module.get(SystemDb),
    merchant: () =>
      auth.register({ email: `${newId()}@example.com`, password: 'correct-horse', name: 'Owner', merchant: { name: 'Shop' } }),
    shop: async () => {
      const id = newId();
      await tenancy.run(id, (tx) =>
        tx.query(`INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, 'Shop', 'USD', 'UTC', 'en')`, [id]),
      );
      return id;
    },
    queue,
    alarms: async (name, count) => {
      const rung = await until(`${count} alarms in ${name}`, async () => {
        const waiting = await queue(name).getJobs(['waiting'], 0, -1, true);
        const rung = waiting.flatMap(({ data }) => [data, ...(data.more ?? [])]);
        return rung.length === count && rung;
      });
      return rung.map(({ payload }) => payload);
    },
  };
}

function restore(settings: (readonly [string, string | undefined])[]): void {
  for (const [name, value] of settings) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** Files of everybody who works on this database. */
const dataFolder = (databaseUrl: string): string => join(tmpdir(), `soko-data-${basename(databaseUrl)}`);
