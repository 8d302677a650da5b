import type { ClientBase } from 'pg';

/**
 * Makes the three roles that the house stands on and lets the current login take each of them:
 * `soko_owner` runs migrations, `soko_app` serves one tenant at a time, `soko_system` does cross-tenant work.
 * None can log in by itself; an operator who wants separate logins grants a login one of them.
 * Needs CREATEROLE and ownership of the database.
 */
export async function ensureRoles(client: ClientBase): Promise<void> {
  for (const role of ['soko_owner', 'soko_app', 'soko_system']) {
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
    if (rowCount === 0) await client.query(`CREATE ROLE ${role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE`);
    await client.query(`GRANT ${role} TO CURRENT_USER`);
  }
  const { rows } = await client.query<{ name: string }>('SELECT quote_ident(current_database()) AS name');
  await client.query(`GRANT CREATE, CONNECT ON DATABASE ${rows[0]!.name} TO soko_owner`);
  await client.query('GRANT USAGE, CREATE ON SCHEMA public TO soko_owner');
  await client.query('GRANT USAGE ON SCHEMA public TO soko_app, soko_system');
}
