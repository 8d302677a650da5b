import { decodeCursor, type Page, pageOf, type PageQuery } from '@soko/common';
import type { EntityMetadata } from 'typeorm';
import type { TenantTx } from './transaction.js';

interface Keyed {
  merchantId: string;
  id: string;
}

const DIRECTIONS = { ASC: '>', DESC: '<' } as const;
const statements = new Map<string, string>();

/**
 * One page of a merchant's rows in the order of their ids (which is that of their making), by keyset. `DESC` is newest first.
 * By a prepared statement: lists are the api's hottest reads, and building a query anew for each costs more than running it.
 */
export async function findPage<E extends Keyed, V>(
  tx: TenantTx,
  entity: new () => E,
  query: PageQuery,
  view: (row: E) => V,
  direction: keyof typeof DIRECTIONS = 'ASC',
): Promise<Page<V>> {
  const after = decodeCursor(query.cursor, 'id')?.[0];
  const text = statement(tx.manager.connection.getMetadata(entity), direction, after !== undefined);
  const rows = await tx.query<E>(text, [tx.merchantId, query.limit + 1, ...(after === undefined ? [] : [after])]);
  return pageOf(rows, query.limit, view, (row) => [row.id]);
}

function statement({ tableName, columns }: EntityMetadata, direction: keyof typeof DIRECTIONS, continued: boolean): string {
  const key = `${tableName} ${direction} ${continued}`;
  let text = statements.get(key);
  if (!text) {
    const selected = columns
      .filter((column) => column.isSelect)
      .map((column) => `"${column.databaseName}" AS "${column.propertyName}"`);
    const beyond = continued ? `AND id ${DIRECTIONS[direction]} $3` : '';
    text = `SELECT ${selected.join(', ')} FROM "${tableName}" WHERE merchant_id = $1 ${beyond} ORDER BY id ${direction} LIMIT $2`;
    statements.set(key, text);
  }
  return text;
}
