import { readdirSync, readFileSync } from 'node:fs';
import { newId } from '@soko/common';
import { ensureRoles } from '@soko/database';
import { Client } from 'pg';
import { inject } from 'vitest';

/** A database of the caller's own, migrated, on the tests' cluster. The URL is the superuser's. */
export async function createDatabase(): Promise<string> {
  const clusterUrl = inject('clusterUrl');
  const name = `test_${newId().replaceAll('-', '')}`;
  await withClient(clusterUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE soko_template STRATEGY file_copy`));
  return clusterUrl.replace(/\/soko$/, `/${name}`);
}

/** Runs `work` on a plain connection, as the superuser or, with `role`, as one of the serving roles. */
export async function withClient<R>(
  url: string,
  work: (client: Client) => Promise<R>,
  role?: 'soko_app' | 'soko_system',
): Promise<R> {
  const client = new Client({ connectionString: url, ...(role ? { options: `-c role=${role}` } : {}) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * A database as it was before the migration `before` (the beginning of its name); `update` brings it up to date. Migrations run as their
 * owner, each in a transaction. It goes with the cluster.
 */
export async function withOldDatabase(
  before: string,
  work: (client: Client, update: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const clusterUrl = inject('clusterUrl');
  const name = `old_${newId().replaceAll('-', '')}`;
  await withClient(clusterUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  const files = readdirSync('migrations')
    .filter((file) => file.endsWith('.sql'))
    .toSorted();
  await withClient(clusterUrl.replace(/\/soko$/, `/${name}`), async (client) => {
    const apply = async (names: string[]): Promise<void> => {
      for (const file of names)
        await client.query(`BEGIN; SET LOCAL ROLE soko_owner;\n${readFileSync(`migrations/${file}`, 'utf8')}\n; COMMIT`);
    };
    await ensureRoles(client);
    await apply(files.filter((file) => file < before));
    await work(client, () => apply(files.filter((file) => file >= before)));
  });
}
