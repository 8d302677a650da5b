import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, type PageQuery, pageOf } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import type { MessageStatus, MessageView } from './message.dto.js';
import { type MessageRow, messageView } from './message.row.js';
import { NotCancellableError } from './messaging.errors.js';
import { entry } from './send.sql.js';

/** Messages that have not been sent, and those that are to be sent later. */
@Injectable()
export class ScheduleService {
  constructor(private readonly tenancy: Tenancy) {}

  /** What is to be sent, the next first. */
  async list(merchantId: string, query: PageQuery): Promise<Page<MessageView>> {
    const after = decodeCursor(query.cursor, 'time', 'id');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ message: MessageRow; sort_key: string; id: string }>(
        `SELECT p.message_id AS id, p.scheduled_for::text AS sort_key,
                (SELECT to_jsonb(m) FROM messages m WHERE m.merchant_id = $1 AND m.id = p.message_id) AS message
         FROM (
           SELECT message_id, scheduled_for FROM pending_sends
           WHERE merchant_id = $1 AND scheduled_for > now()
             AND ($2::timestamptz IS NULL OR (scheduled_for, message_id) > ($2, $3::uuid))
           ORDER BY scheduled_for, message_id LIMIT $4
         ) AS p ORDER BY p.scheduled_for, p.message_id`,
        [merchantId, after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
      ),
    );
    return pageOf(
      rows,
      query.limit,
      ({ message }) => messageView(message),
      (row) => [row.sort_key, row.id],
    );
  }

  /**
   * Takes back what is still scheduled. Once its time has come it is on its way, and nobody can.
   * @throws NotFoundError, NotCancellableError
   */
  async cancel(merchantId: string, id: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      // A sender that claims locks the same row: one of the two comes first, and the other finds it gone, or its time come.
      const [cancelled] = await tx.query(
        `WITH gone AS (
           DELETE FROM pending_sends WHERE merchant_id = $1 AND message_id = $2 AND scheduled_for > clock_timestamp() RETURNING 1
         )
         UPDATE messages m SET status = 'cancelled', timeline = m.timeline || ${entry("'cancelled'")}
         FROM gone WHERE m.merchant_id = $1 AND m.id = $2 RETURNING m.id`,
        [merchantId, id],
      );
      if (cancelled) return;
      const [message] = await tx.query<{ status: MessageStatus }>(
        'SELECT status FROM messages WHERE merchant_id = $1 AND id = $2',
        [merchantId, id],
      );
      throw message ? new NotCancellableError(message.status) : new NotFoundError('message', id);
    });
  }

  /** Takes back those of the messages that no sender has taken in hand yet; the others go on. @returns how many. */
  async withdraw(tx: TenantTx, ids: string[]): Promise<number> {
    const withdrawn = await tx.query(
      `WITH gone AS (
         DELETE FROM pending_sends WHERE merchant_id = $1 AND message_id = ANY (ARRAY(
           SELECT message_id FROM pending_sends WHERE merchant_id = $1 AND message_id = ANY ($2::uuid[]) AND attempts = 0
           ORDER BY message_id FOR UPDATE SKIP LOCKED
         )) RETURNING message_id
       )
       UPDATE messages m SET status = 'cancelled', timeline = m.timeline || ${entry("'cancelled'")}
       FROM gone WHERE m.merchant_id = $1 AND m.id = gone.message_id RETURNING m.id`,
      [tx.merchantId, ids],
    );
    return withdrawn.length;
  }
}
