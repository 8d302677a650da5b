import { databaseUrl } from '@soko/config';
import { migrate } from './migrate.js';

try {
  const ran = await migrate(databaseUrl());
  console.log(ran.length > 0 ? `Migrated: ${ran.join(', ')}` : 'The database is up to date.');
} catch (error) {
  console.error(`Migration failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
