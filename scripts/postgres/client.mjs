// @ts-check

/**
 * Every setting is explicit: the driver would take missing ones from PG… variables that are meant for another server.
 * @param {{ port: number, password: string, database?: string }} target
 */
export async function connect({ port, password, database = 'postgres' }) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database,
    ssl: false,
    options: '',
    connectionTimeoutMillis: 3_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** @param {{ port: number, password: string }} target */
export async function ensureDatabase(target) {
  const client = await connect(target);
  try {
    const { rowCount } = await client.query(`select 1 from pg_database where datname = 'soko'`);
    if (!rowCount) await client.query('create database soko');
  } finally {
    await client.end();
  }
}

/** @param {{ port: number, password: string }} target @returns {Promise<'answers' | 'wrong-password' | 'busy' | 'silent'>} */
export async function probe(target) {
  try {
    await (await connect(target)).end();
    return 'answers';
  } catch (error) {
    const { code } = /** @type {{ code?: string }} */ (error);
    if (code === '28P01') return 'wrong-password';
    // cannot_connect_now: it starts, recovers or shuts down. https://www.postgresql.org/docs/18/errcodes-appendix.html
    return code === '57P03' ? 'busy' : 'silent';
  }
}
