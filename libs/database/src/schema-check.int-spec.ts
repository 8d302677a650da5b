import { schemaFaults, type SystemDb } from '@soko/database';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';

const faults = (system: SystemDb): Promise<string[]> => system.run(schemaFaults);

test('every table of the schema is forced under a tenant policy, and its keys lead with the merchant', async () => {
  const { system } = await integration({});
  expect(await faults(system)).toEqual([]);
});

test('a table without a policy, a loose key, a bypassing role: each is named', async () => {
  const { system, databaseUrl } = await integration({});
  await withClient(databaseUrl, async (client) => {
    await client.query('CREATE TABLE naked (merchant_id uuid, id uuid, PRIMARY KEY (merchant_id, id))');
    await client.query(`CREATE TABLE loose (merchant_id uuid, id uuid PRIMARY KEY); SELECT protect_tenant_table('loose')`);
  });
  expect(await faults(system)).toEqual([
    'unique key loose_pkey does not lead with merchant_id',
    'table naked does not force row-level security',
    'table naked has no tenant policy',
  ]);
});

const vault = (name: string, grants: string) => `
  CREATE TABLE ${name} (merchant_id uuid, id uuid, note text, pin sealed, PRIMARY KEY (merchant_id, id));
  SELECT protect_tenant_table('${name}'); ${grants}`;

test('a sealed column whose table the system role may not read and change is named, for its keys could not be rotated', async () => {
  const { system, databaseUrl } = await integration({});
  await withClient(databaseUrl, async (client) => {
    await client.query(`SET ROLE soko_owner; ${vault('vault', '')}`);
    await client.query(vault('shown', `SELECT allow_system('shown', 'SELECT')`));
    await client.query(vault('rotated', `SELECT allow_system('rotated', 'SELECT, UPDATE')`));
  });
  expect((await faults(system)).toSorted()).toEqual([
    'keys of shown.pin cannot be rotated: allow_system must grant SELECT and UPDATE on its table',
    'keys of vault.pin cannot be rotated: allow_system must grant SELECT and UPDATE on its table',
  ]);
});

test('a process does not start on an unsafe schema', async () => {
  const { databaseUrl } = await integration({});
  await withClient(databaseUrl, (client) => client.query('ALTER TABLE orders NO FORCE ROW LEVEL SECURITY'));
  await expect(integration({ databaseUrl })).rejects.toThrow('table orders does not force row-level security');
});
