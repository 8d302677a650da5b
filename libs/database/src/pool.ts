import type { Settings } from '@soko/config';
import { types as pgTypes } from 'pg';

const INT8 = 20;

/** bigint columns as numbers; beyond 2^53 an error instead of a silently wrong amount. */
const int8 = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is too large for a number`);
  return value;
};

type TypeParser = (text: string) => unknown;
const parserOf = pgTypes.getTypeParser as (oid: number, format?: string) => TypeParser;

const types = {
  getTypeParser: (oid: number, format?: string): TypeParser =>
    oid === INT8 && format !== 'binary' ? int8 : parserOf(oid, format),
};

/**
 * Options of a pool that works as `role`. The role is a start-up option and so cannot be missing on any connection.
 * `jit` is off: it costs more than it gives on short statements.
 */
export const poolOptions = (settings: Settings, role: 'soko_app' | 'soko_system', max: number, schema = 'public') => ({
  max,
  types,
  options: `-c role=${role} -c search_path=${schema} -c jit=off -c idle_in_transaction_session_timeout=${settings.DATABASE_TRANSACTION_IDLE_MS}`,
  // Statements of a transaction that do not wait for each other go out together, and their answers come together.
  pipeline: true,
  keepAlive: true,
  idleTimeoutMillis: 10_000,
  connectionTimeoutMillis: 15_000,
});
