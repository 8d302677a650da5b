import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf, storable } from '@soko/common';
import { retryDeadLetter, type RetryDeadLetterJob } from '@soko/contracts';
import { SystemDb, Tenancy, type TenantTx } from '@soko/database';
import { maskLine } from '@soko/observability';
import { nextTryIn } from './dead-letter-schedule.js';
import type { DeadLetterKind, DeadLetterQuery, DeadLetterView } from './dead-letter.dto.js';
import { InboundFormats } from './inbound-formats.js';
import type { InboundChannel, InboundItem } from './inbound-item.js';
import { InboundStore, isRejected } from './inbound.store.js';
import { isPassing } from './passing-trouble.js';

/** Shown of a payload, which may have 3 MB. */
const SHOWN = 2_000;

/** Read already and not stored, or not even read. */
type Letter = { item: InboundItem } | { body: string };
type Payload = Letter & { kind: InboundChannel['kind'] };

interface Row {
  id: string;
  merchant_id: string;
  kind: DeadLetterKind;
  subject_id: string;
  payload: string;
  reason: string;
  attempts: number;
  due_at: Date;
  resting: boolean;
  created_at: Date;
}

/** What was received and could not be stored. It is tried again by a schedule, then whenever ops ask for it. Nothing is ever dropped by itself. */
@Injectable()
export class DeadLetterService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly system: SystemDb,
    private readonly formats: InboundFormats,
    private readonly store: InboundStore,
  ) {}

  async put(tx: TenantTx, channel: InboundChannel, letter: Letter, error: unknown): Promise<void> {
    const payload: Payload = { kind: channel.kind, ...letter };
    await tx.query(
      `INSERT INTO dead_letters (merchant_id, kind, subject_id, payload, reason, due_at, ring_at)
       VALUES ($1, 'inbound_message', $2, $3, $4, now() + $5 * interval '1 millisecond', now() + $5 * interval '1 millisecond')`,
      [tx.merchantId, channel.id, JSON.stringify(payload), reasonOf(error), nextTryIn(0)],
    );
  }

  /** One try: it is stored and gone, or put off. @throws what is no fault of the letter, to be tried again soon. */
  async retry({ merchantId, deadLetterId }: RetryDeadLetterJob): Promise<void> {
    try {
      await this.tenancy.run(merchantId, async (tx) => {
        const [row] = await tx.query<Pick<Row, 'subject_id' | 'payload'>>(
          `DELETE FROM dead_letters WHERE merchant_id = $1 AND id = $2 AND ring_at IS NOT NULL AND due_at <= now()
           RETURNING subject_id, payload`,
          [merchantId, deadLetterId],
        );
        if (row) await this.deliver(tx, row.subject_id, row.payload);
      });
    } catch (error) {
      if (isPassing(error)) throw error;
      await this.putOff(merchantId, deadLetterId, error);
    }
  }

  /** Newest first. */
  async list(query: DeadLetterQuery): Promise<Page<DeadLetterView>> {
    const rows = await this.system.query<Row>(
      `SELECT id, merchant_id, kind, subject_id, left(payload, ${SHOWN}) AS payload, reason, attempts, due_at, ring_at IS NULL AS resting, created_at
       FROM dead_letters WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR merchant_id = $3)
       ORDER BY id DESC LIMIT $4`,
      [decodeCursor(query.cursor, 'id')?.[0] ?? null, query.kind ?? null, query.merchantId ?? null, query.limit + 1],
    );
    return pageOf(rows, query.limit, view, (row) => [row.id]);
  }

  /** Has it tried now, also one that rests. @throws NotFoundError */
  async ring(id: string): Promise<void> {
    await this.system.run(async (tx) => {
      const [row] = await tx.query<{ merchant_id: string }>(
        `UPDATE dead_letters SET due_at = now(), ring_at = now() + interval '10 seconds' WHERE id = $1 RETURNING merchant_id`,
        [id],
      );
      if (!row) throw new NotFoundError('dead_letter', id);
      tx.wake(retryDeadLetter, { merchantId: row.merchant_id, deadLetterId: id });
    });
  }

  /** Gives it up for good. @throws NotFoundError */
  async discard(id: string): Promise<void> {
    const gone = await this.system.query('DELETE FROM dead_letters WHERE id = $1 RETURNING id', [id]);
    if (gone.length === 0) throw new NotFoundError('dead_letter', id);
  }

  private async deliver(tx: TenantTx, channelId: string, text: string): Promise<void> {
    const payload = JSON.parse(text) as Payload;
    // As the channel is now: its settings may be what was wrong.
    const channel = await this.store.channel(tx, channelId);
    const items = 'item' in payload ? [payload.item] : this.formats.read(payload.body, channel);
    for (const item of items) {
      if (isRejected(item)) throw new Error(item.rejected.reason);
      await this.store.apply(tx, channelId, item);
    }
  }

  private async putOff(merchantId: string, id: string, error: unknown): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [row] = await tx.query<{ attempts: number }>(
        'SELECT attempts FROM dead_letters WHERE merchant_id = $1 AND id = $2 FOR UPDATE',
        [merchantId, id],
      );
      if (!row) return;
      const wait = nextTryIn(row.attempts + 1) ?? null;
      await tx.query(
        `UPDATE dead_letters SET attempts = attempts + 1, reason = $3, due_at = now() + coalesce($4, 0) * interval '1 millisecond',
                ring_at = now() + $4 * interval '1 millisecond'
         WHERE merchant_id = $1 AND id = $2`,
        [merchantId, id, reasonOf(error), wait],
      );
    });
  }
}

/** For ops to read: no numbers of customers, and not without end. */
const reasonOf = (error: unknown): string =>
  maskLine(storable(error instanceof Error ? error.message : String(error))).slice(0, 500) || 'no reason was given';

function view(row: Row): DeadLetterView {
  return {
    id: row.id,
    merchantId: row.merchant_id,
    kind: row.kind,
    subjectId: row.subject_id,
    payload: row.payload,
    reason: row.reason,
    attempts: row.attempts,
    ...(row.resting ? {} : { nextTryAt: row.due_at.toISOString() }),
    createdAt: row.created_at.toISOString(),
  };
}
