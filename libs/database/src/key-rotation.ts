import type { Sealer } from './sealer.js';
import type { SystemDb } from './tenancy.js';

const BATCH = 500;

export interface RotatedColumn {
  /** `table.column` */
  place: string;
  /** Values that were sealed anew. */
  values: number;
}

interface Stale {
  ctid: string;
  merchant_id: string;
  value: string;
}

/**
 * Seals every secret in the database under the current key, in batches, while the system runs: a value that changes meanwhile
 * is left to its writer, who uses the current key. Columns are found by their type, so that a new one cannot be forgotten.
 * May be ended and begun again at any point. `done` hears of each column.
 */
export async function rotateKeys(system: SystemDb, sealer: Sealer, done: (column: RotatedColumn) => void): Promise<void> {
  const columns = await system.query<{ tbl: string; col: string }>(
    `SELECT c.relname AS tbl, a.attname AS col FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.atttypid = 'sealed'::regtype AND NOT a.attisdropped AND c.relkind IN ('r', 'p') ORDER BY 1, 2`,
  );
  for (const { tbl, col } of columns) {
    let values = 0;
    // Until nothing is found, which is more than nothing changed: a row that somebody changes meanwhile moves, maybe to where
    // we have been, and a process that still had the old key first may have written behind us.
    for (let stale = true; stale;) {
      const { found, changed } = await pass(system, sealer, tbl, col);
      values += changed;
      stale = found > 0;
    }
    done({ place: `${tbl}.${col}`, values });
  }
}

/** Through the table once, in the order in which it lies on the disk. @returns how many values were stale, and sealed anew. */
async function pass(system: SystemDb, sealer: Sealer, tbl: string, col: string): Promise<{ found: number; changed: number }> {
  let found = 0;
  let changed = 0;
  let after = '(0,0)';
  for (;;) {
    const rows = await system.query<Stale>(
      `SELECT ctid::text, merchant_id, ${col} AS value FROM ${tbl}
       WHERE ctid > $1::tid AND ${col} IS NOT NULL AND (${col} LIKE 'plain.%' OR split_part(${col}, '.', 2) <> $2)
       ORDER BY ctid LIMIT ${BATCH}`,
      [after, sealer.currentKey],
    );
    if (rows.length === 0) return { found, changed };
    found += rows.length;
    const updated = await system.query(
      `UPDATE ${tbl} t SET ${col} = r.later FROM unnest($1::tid[], $2::text[], $3::text[]) AS r (at, earlier, later)
       WHERE t.ctid = r.at AND t.${col} = r.earlier RETURNING 1 AS one`,
      [
        rows.map((row) => row.ctid),
        rows.map((row) => row.value),
        rows.map((row) => sealer.reseal(row.value, row.merchant_id, `${tbl}.${col}`)),
      ],
    );
    changed += updated.length;
    after = rows.at(-1)!.ctid;
  }
}
