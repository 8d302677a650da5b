import { Injectable } from '@nestjs/common';
import { decodeCursor, isUuid, type Page, pageOf } from '@soko/common';
import { Tenancy } from '@soko/database';
import type { AuditEntryView, AuditQuery } from './audit.dto.js';

interface Row {
  id: string;
  seq: number;
  at: Date;
  actor_type: string;
  actor_id: string | null;
  actor_role: string | null;
  ip: string | null;
  request_id: string | null;
  entity: string;
  entity_id: string;
  action: string;
  before: object | null;
  after: object | null;
  hash: Buffer;
}

/** Reads a merchant's trail. It is written by triggers alone. */
@Injectable()
export class AuditService {
  constructor(private readonly tenancy: Tenancy) {}

  /** Newest first. */
  async list(merchantId: string, query: AuditQuery): Promise<Page<AuditEntryView>> {
    const after = decodeCursor(query.cursor, 'number')?.[0];
    const parts = query.entity?.split(':') ?? [];
    const entityId = parts.find(isUuid);
    const entity = parts.find((part) => part !== entityId)?.replace(/s$/, '');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Row>(
        `SELECT * FROM audit_logs
         WHERE merchant_id = $1 AND ($2::bigint IS NULL OR seq < $2)
           AND ($3::text IS NULL OR entity = $3) AND ($4::uuid IS NULL OR entity_id = $4)
           AND ($5::uuid IS NULL OR actor_id = $5) AND ($6::text IS NULL OR actor_type = $6)
           AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8)
         ORDER BY seq DESC LIMIT $9`,
        [
          merchantId,
          after ?? null,
          entity ?? null,
          entityId ?? null,
          isUuid(query.actor) ? query.actor : null,
          query.actor && !isUuid(query.actor) ? query.actor : null,
          query.from ? new Date(query.from) : null,
          query.to ? new Date(query.to) : null,
          query.limit + 1,
        ],
      ),
    );
    return pageOf(rows, query.limit, view, (row) => [String(row.seq)]);
  }
}

const view = (row: Row): AuditEntryView => ({
  id: row.id,
  seq: row.seq,
  at: row.at.toISOString(),
  actor: {
    type: row.actor_type,
    ...(row.actor_id ? { id: row.actor_id } : {}),
    ...(row.actor_role ? { role: row.actor_role } : {}),
  },
  ...(row.ip ? { ip: row.ip } : {}),
  ...(row.request_id ? { requestId: row.request_id } : {}),
  entity: row.entity,
  entityId: row.entity_id,
  action: row.action,
  ...(row.before ? { before: row.before } : {}),
  ...(row.after ? { after: row.after } : {}),
  hash: row.hash.toString('hex'),
});
