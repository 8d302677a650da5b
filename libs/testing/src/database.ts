import { newId } from '@soko/common';
import { Client } from 'pg';
import { inject } from 'vitest';

/** A database of the caller's own, migrated, on the tests' cluster. The URL is the superuser's. */
export async function createDatabase(): Promise<string> {
  const clusterUrl = inject('clusterUrl');
  const name = `test_${newId().replaceAll('-', '')}`;
  await withClient(clusterUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE soko_template`));
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
