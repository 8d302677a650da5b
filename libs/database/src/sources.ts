import type { Settings } from '@soko/config';
import type { Pool } from 'pg';
import { DataSource, getMetadataArgsStorage } from 'typeorm';
import { poolOptions } from './pool.js';

/** Statements of the system are short; most of them find out who calls. */
const SYSTEM_POOL = 4;

async function connect(settings: Settings, url: string, role: 'soko_app' | 'soko_system', max: number): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    url,
    extra: poolOptions(settings, role, max),
    // Every class that carries @Entity and was imported: no list to forget.
    entities: getMetadataArgsStorage().tables.map((table) => table.target as () => unknown),
    logging: false,
  });
  return source.initialize();
}

export const connectApp = (settings: Settings): Promise<DataSource> =>
  connect(settings, settings.DATABASE_APP_URL ?? settings.DATABASE_URL, 'soko_app', settings.DATABASE_POOL);

export const connectSystem = (settings: Settings): Promise<DataSource> =>
  connect(settings, settings.DATABASE_SYSTEM_URL ?? settings.DATABASE_URL, 'soko_system', SYSTEM_POOL);

/** TypeORM's own pool, for statements that are transactions by themselves: without a runner of TypeORM's for each. */
export const poolOf = (source: DataSource): Pool => (source.driver as unknown as { master: Pool }).master;
