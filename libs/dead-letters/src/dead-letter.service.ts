import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf, ValidationError } from '@soko/common';
import { retryDeadLetter } from '@soko/contracts';
import { SystemDb, type SystemTx, Tenancy } from '@soko/database';
import { type DeadLetterKind, KINDS } from './dead-letters.js';
import type {
  DeadLetterDetailView,
  DeadLetterQuery,
  DeadLetterSelection,
  DeadLettersTakenView,
  DeadLetterView,
} from './dead-letter.dto.js';
import { ReviverRegistry } from './reviver.registry.js';

/** Shown of a payload, which may have 3 MB. */
const SHOWN = 2_000;
const AT_ONCE = 100;
const RUNG = `due_at = now(), ring_at = now() + interval '10 seconds'`;

interface Row {
  id: string;
  merchant_id: string;
  kind: DeadLetterKind;
  reference: string;
  subject_id: string | null;
  reason: string;
  status: 'dead' | 'retrying';
  attempts: number;
  ring_at: Date | null;
  due_at: Date;
  first_failed_at: Date;
  last_failed_at: Date;
}

/** What has failed for good, of all merchants, for ops. */
@Injectable()
export class DeadLetterService {
  constructor(
    private readonly system: SystemDb,
    private readonly tenancy: Tenancy,
    private readonly registry: ReviverRegistry,
  ) {}

  /** Newest first. */
  async list({ cursor, limit, kind, merchantId, reason, status }: DeadLetterQuery): Promise<Page<DeadLetterView>> {
    const rows = await this.system.query<Row>(
      `SELECT * FROM dead_letters WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR merchant_id = $3)
         AND ($4::text IS NULL OR strpos(lower(reason), lower($4)) > 0) AND ($5::text IS NULL OR status = $5)
       ORDER BY id DESC LIMIT $6`,
      [decodeCursor(cursor, 'id')?.[0] ?? null, kind ?? null, merchantId ?? null, reason ?? null, status ?? null, limit + 1],
    );
    return pageOf(rows, limit, view, (row) => [row.id]);
  }

  /** With what it is about, where that can be shown. @throws NotFoundError */
  async get(id: string): Promise<DeadLetterDetailView> {
    const [row] = await this.system.query<Row>('SELECT * FROM dead_letters WHERE id = $1', [id]);
    if (!row) throw new NotFoundError('dead_letter', id);
    const show = this.registry.shower(row.kind);
    const payload = show && (await this.tenancy.run(row.merchant_id, (tx) => show(tx, row.reference)));
    return { ...view(row), ...(payload === undefined ? {} : { payload: payload.slice(0, SHOWN) }) };
  }

  /** Has it tried now, also one that rests; one that is being retried already is left to that. @throws NotFoundError */
  async ring(id: string): Promise<void> {
    const rung = await this.system.run((tx) => this.ringAll(tx, [id]));
    if (rung === 0 && (await this.system.query('SELECT 1 AS one FROM dead_letters WHERE id = $1', [id])).length === 0)
      throw new NotFoundError('dead_letter', id);
  }

  /** Gives it up for good. @throws NotFoundError */
  async discard(id: string): Promise<void> {
    const gone = await this.system.query('DELETE FROM dead_letters WHERE id = $1 RETURNING id', [id]);
    if (gone.length === 0) throw new NotFoundError('dead_letter', id);
  }

  /** Has those that are meant tried now, as many as are asked for; called with its own `next` it goes on. @throws ValidationError */
  async ringMany(selection: DeadLetterSelection): Promise<DeadLettersTakenView> {
    return this.takeMany(selection, (tx, ids) => this.ringAll(tx, ids));
  }

  /** Likewise gives them up. @throws ValidationError */
  async discardMany(selection: DeadLetterSelection): Promise<DeadLettersTakenView> {
    return this.takeMany(selection, async (tx, ids) => {
      const gone = await tx.query('DELETE FROM dead_letters WHERE id = ANY ($1::uuid[]) RETURNING id', [ids]);
      return gone.length;
    });
  }

  /** How many are dead, of each kind: for the gauge. */
  async counts(): Promise<Map<DeadLetterKind, number>> {
    const rows = await this.system.query<{ kind: DeadLetterKind; n: number }>(
      `SELECT kind, count(*)::int AS n FROM dead_letters WHERE status = 'dead' GROUP BY kind`,
    );
    const found = new Map(rows.map(({ kind, n }) => [kind, n]));
    return new Map(KINDS.map((kind) => [kind, found.get(kind) ?? 0]));
  }

  private async takeMany(
    { ids, kind, merchantId, reason, limit, after }: DeadLetterSelection,
    take: (tx: SystemTx, ids: string[]) => Promise<number>,
  ): Promise<DeadLettersTakenView> {
    if (!ids && !kind)
      throw new ValidationError([
        { path: 'kind', code: 'selection', message: 'give ids, or a kind: nothing is done to all letters at once' },
      ]);
    const most = limit ?? (ids ? ids.length : AT_ONCE);
    return this.system.run(async (tx) => {
      const found = await tx.query<{ id: string }>(
        `SELECT id FROM dead_letters WHERE status = 'dead' AND ($1::uuid[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL OR kind = $2)
           AND ($3::uuid IS NULL OR merchant_id = $3) AND ($4::text IS NULL OR strpos(lower(reason), lower($4)) > 0)
           AND ($5::uuid IS NULL OR id > $5)
         ORDER BY id LIMIT $6 FOR UPDATE`,
        [ids ?? null, kind ?? null, merchantId ?? null, reason ?? null, after ?? null, most + 1],
      );
      const taken = found.slice(0, most).map(({ id }) => id);
      const count = taken.length === 0 ? 0 : await take(tx, taken);
      return { count, ...(found.length > most ? { next: taken.at(-1)! } : {}) };
    });
  }

  private async ringAll(tx: SystemTx, ids: string[]): Promise<number> {
    const rung = await tx.query<{ id: string; merchant_id: string }>(
      `UPDATE dead_letters SET ${RUNG} WHERE id = ANY ($1::uuid[]) AND status = 'dead' RETURNING id, merchant_id`,
      [ids],
    );
    for (const { id, merchant_id } of rung) tx.wake(retryDeadLetter, { merchantId: merchant_id, deadLetterId: id });
    return rung.length;
  }
}

function view(row: Row): DeadLetterView {
  return {
    id: row.id,
    merchantId: row.merchant_id,
    kind: row.kind,
    reference: row.reference,
    ...(row.subject_id ? { subjectId: row.subject_id } : {}),
    reason: row.reason,
    status: row.status,
    attempts: row.attempts,
    firstFailedAt: row.first_failed_at.toISOString(),
    lastFailedAt: row.last_failed_at.toISOString(),
    ...(row.ring_at ? { nextTryAt: row.due_at.toISOString() } : {}),
  };
}
