/*
 * Classes of SQLSTATE in which nothing is wrong with what was to be stored:
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const PASSING = new Set([
  '08', // the connection
  '40', // somebody else was first
  '53', // no room
  '55', // a lock
  '57', // stopped by an operator
  '58', // the system below
]);

/** PostgreSQL's own code of an error, straight or inside TypeORM's. */
function sqlState(error: unknown): string | undefined {
  const { code, driverError } = error as { code?: unknown; driverError?: { code?: unknown } };
  const found = driverError?.code ?? code;
  return typeof found === 'string' && /^[0-9A-Z]{5}$/.test(found) ? found : undefined;
}

/** Whether the same may work a little later. Without a connection nothing works, so that need not be told apart here. */
export const isPassing = (error: unknown): boolean => PASSING.has(sqlState(error)?.slice(0, 2) ?? '');

/** Two transactions in each other's way: smaller ones are less so. */
export const isCollision = (error: unknown): boolean => sqlState(error)?.startsWith('40') ?? false;
