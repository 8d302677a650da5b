import type { SystemTx } from './transaction.js';

/** Tables without a merchant. Each has its reason; a new one needs one too. */
const PLATFORM_TABLES = new Set([
  'gateways', // which gateways live
  'gateway_shards', // leases of shards, shared by all merchants' channels
  'breakers', // what is outside breaks for all merchants at once
  'rate_limits', // counters by address, by account and by merchant
  'schema_migrations', // TypeORM's own
]);
/** Tables of one merchant whose key may not lead with the merchant. */
const OTHER_KEYS = new Set([
  'merchants', // its own id is the tenant
  'logins', // an e-mail names one person on the whole platform
]);

interface TableFacts {
  name: string;
  partition: boolean;
  granted: boolean;
  forced: boolean;
  policies: string[];
  loose_keys: string[];
}

/**
 * What is unsafe about the schema or the roles, in sentences; nothing when all is well. Run at every start, so that a
 * table without a policy, or a login that bypasses policies, never serves a request.
 */
export async function schemaFaults(tx: SystemTx): Promise<string[]> {
  const tables = await tx.query<TableFacts>(`
    SELECT c.relname AS name, c.relispartition AS partition,
           has_table_privilege('soko_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE') AS granted, c.relrowsecurity AND c.relforcerowsecurity AS forced,
           ARRAY(SELECT coalesce(pg_get_expr(polqual, polrelid), '') FROM pg_policy
                 WHERE polrelid = c.oid AND polname = 'tenant') AS policies,
           ARRAY(SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_attribute a
                 ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                 WHERE i.indrelid = c.oid AND i.indisunique AND a.attname <> 'merchant_id') AS loose_keys
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname`);
  if (tables.length === 0) return ['the database has no tables: run npm run migrate'];
  const roles = await tx.query<{ rolname: string }>(
    `SELECT rolname FROM pg_roles WHERE rolname IN ('soko_app', 'soko_system') AND (rolsuper OR rolbypassrls)`,
  );
  const owned = await tx.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner IN
     (SELECT oid FROM pg_roles WHERE rolname IN ('soko_app', 'soko_system'))`,
  );
  const faults = tables.flatMap((table) => {
    if (PLATFORM_TABLES.has(table.name)) return [];
    const found: string[] = [];
    if (!table.forced) found.push(`table ${table.name} does not force row-level security`);
    // Partitions are reached through their parent, whose policy holds: of their own they need none, and no grants either.
    if (table.partition) {
      if (table.granted) found.push(`partition ${table.name} is granted to soko_app: only its parent may be`);
      return found;
    }
    if (!table.policies.some((policy) => policy.includes('app.merchant_id')))
      found.push(`table ${table.name} has no tenant policy`);
    if (!OTHER_KEYS.has(table.name))
      found.push(...table.loose_keys.map((key) => `unique key ${key} does not lead with merchant_id`));
    return found;
  });
  const unrotated = await tx.query<{ place: string }>(
    `SELECT c.relname || '.' || a.attname AS place FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.atttypid = 'sealed'::regtype AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
       AND NOT (has_table_privilege('soko_system', c.oid, 'SELECT') AND has_table_privilege('soko_system', c.oid, 'UPDATE'))`,
  );
  faults.push(
    ...unrotated.map(({ place }) => `keys of ${place} cannot be rotated: allow_system must grant SELECT and UPDATE on its table`),
  );
  faults.push(...roles.map((role) => `role ${role.rolname} bypasses row-level security`));
  faults.push(...owned.map((table) => `table ${table.relname} belongs to a serving role; it must belong to soko_owner`));
  return faults;
}
