import { decodeCursor, type Page, pageOf, type PageQuery } from '@soko/common';
import { type FindOptionsOrder, type FindOptionsWhere, LessThan, MoreThan } from 'typeorm';
import type { TenantTx } from './tenancy.js';

interface Keyed {
  merchantId: string;
  id: string;
}

/** One page of a merchant's rows in the order of their ids (which is that of their making), by keyset. `DESC` is newest first. */
export async function findPage<E extends Keyed, V>(
  tx: TenantTx,
  entity: new () => E,
  query: PageQuery,
  view: (row: E) => V,
  direction: 'ASC' | 'DESC' = 'ASC',
): Promise<Page<V>> {
  const after = decodeCursor(query.cursor, 'id')?.[0];
  const beyond = direction === 'ASC' ? MoreThan : LessThan;
  const rows = await tx.manager.find(entity, {
    where: { merchantId: tx.merchantId, ...(after ? { id: beyond(after) } : {}) } as FindOptionsWhere<E>,
    order: { id: direction } as FindOptionsOrder<E>,
    take: query.limit + 1,
  });
  return pageOf(rows, query.limit, view, (row) => [row.id]);
}
