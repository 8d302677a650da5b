import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '@soko/config';
import { runMigrations as runQueueMigrations } from 'bullmq';
import { Client } from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { ensureRoles } from './roles.js';

const LOCK = 7_305_001;

/** `migrations/20261121T1400-tenancy-foundation.sql` as a TypeORM migration: reviewed SQL, forward only. */
function sqlMigration(file: string, sql: string): new () => MigrationInterface {
  const [, stamp, intent] = /^(\d{8}T\d{4})-([a-z0-9-]+)\.sql$/.exec(file) ?? [];
  if (!stamp || !intent) throw new Error(`migrations/${file}: the name must look like 20261121T1400-what-it-does.sql`);
  // TypeORM reads the order from a JavaScript timestamp at the end of the name.
  const at = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:00Z'));
  return class implements MigrationInterface {
    name = `${intent}${at}`;
    async up(runner: QueryRunner): Promise<void> {
      await runner.query(sql);
    }
    async down(): Promise<void> {
      throw new Error('Migrations go forward only: write a new one that undoes this.');
    }
  };
}

function sqlMigrations(): (new () => MigrationInterface)[] {
  const folder = join(projectRoot(), 'migrations');
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  return files.toSorted().map((file) => sqlMigration(file, readFileSync(join(folder, file), 'utf8')));
}

/**
 * Brings a database to the present: roles, our tables, and BullMQ's own schema. Safe to run at once from several machines.
 * @returns the names of the migrations that ran now.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await ensureRoles(client);
    const ran = await runSqlMigrations(databaseUrl);
    // By default privileges, not by GRANT ON ALL: BullMQ makes sequences of its own at run time, which are not ours to grant.
    await client.query(`
      SET ROLE soko_owner;
      CREATE SCHEMA IF NOT EXISTS bullmq;
      GRANT USAGE, CREATE ON SCHEMA bullmq TO soko_system;
      ALTER DEFAULT PRIVILEGES IN SCHEMA bullmq GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO soko_system;
      ALTER DEFAULT PRIVILEGES IN SCHEMA bullmq GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO soko_system`);
    await runQueueMigrations(client, 'bullmq');
    return ran;
  } finally {
    await client.end();
  }
}

async function runSqlMigrations(databaseUrl: string): Promise<string[]> {
  const source = new DataSource({
    type: 'postgres',
    url: databaseUrl,
    extra: { options: '-c role=soko_owner' },
    migrations: sqlMigrations(),
    migrationsTableName: 'schema_migrations',
    migrationsTransactionMode: 'each',
  });
  await source.initialize();
  try {
    return (await source.runMigrations()).map((migration) => migration.name);
  } finally {
    await source.destroy();
  }
}
