import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@soko/database';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../../scripts/postgres.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A cluster of the tests' own; `soko_template` in it is migrated. */
    clusterUrl: string;
  }
}

/** One PostgreSQL for all integration tests, with a migrated template from which each file copies a database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'soko-test-'));
  const postgres = await startPostgres({ dataDir, durable: false });
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('CREATE DATABASE soko_template');
  await client.end();
  await migrate(postgres.url.replace(/\/soko$/, '/soko_template'));
  project.provide('clusterUrl', postgres.url);
  return async () => {
    await postgres.destroy();
    await rm(dataDir, { recursive: true, force: true });
  };
}
