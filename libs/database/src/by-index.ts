import type { Transaction } from './transaction.js';

const WAYS = ['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin'];
const STATEMENT = `SELECT ${WAYS.map((way) => `set_config('enable_${way}', 'off', true)`).join(', ')}`;

/**
 * From here on the transaction's statements follow the order of an index and stop at their limit. Left to itself the planner takes a
 * month of events that it has no statistics of for a small one, reads all of it and sorts: at every batch, however long the backlog.
 */
export const byIndex = (tx: Transaction): void => tx.write(STATEMENT);
