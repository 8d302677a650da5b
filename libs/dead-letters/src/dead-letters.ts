import { storable } from '@soko/common';
import type { SystemTx, TenantTx } from '@soko/database';
import { maskLine } from '@soko/observability';
import { nextTryIn } from './dead-letter-schedule.js';

export const KINDS = [
  'webhook_delivery',
  'inbound_message',
  'outbound_message',
  'unanswered_message',
  'incoming_file',
  'reaction',
] as const;
export type DeadLetterKind = (typeof KINDS)[number];

/** Those that nobody has tried again before they were put aside. The others have had a schedule of their own, and rest. */
const TRIED_BY_ITSELF: readonly DeadLetterKind[] = ['inbound_message'];

/** Something that has failed for good, as far as the one who owned it can tell. */
export interface Letter {
  merchantId: string;
  kind: DeadLetterKind;
  /** Names its row among those of its kind. The row stays where it is: it is what a retry works with. */
  reference: string;
  /** What ops may look for: a channel, a chat, a subscription. */
  subjectId?: string;
  /** Why, or the error that says so. */
  reason: unknown;
}

/** Milliseconds until the next try by itself; null when it rests. */
export const waitOf = (kind: DeadLetterKind, tries: number): number | null =>
  TRIED_BY_ITSELF.includes(kind) ? (nextTryIn(tries) ?? null) : null;

/** For ops to read: no numbers of customers, and not without end. */
export const reasonOf = (error: unknown): string =>
  maskLine(storable(error instanceof Error ? error.message : typeof error === 'string' ? error : '')).slice(0, 500) ||
  'no reason was given';

/** Puts one aside, in the transaction in which it was given up. */
const bury = (tx: SystemTx | TenantTx, letter: Letter): Promise<void> => buryMany(tx, [letter]);

/** Puts several aside, in one statement. One that was retried and has failed again is the same letter, with one try more. */
async function buryMany(tx: SystemTx | TenantTx, letters: Letter[]): Promise<void> {
  if (letters.length === 0) return;
  const byName = new Map(letters.map((letter) => [`${letter.merchantId} ${letter.kind} ${letter.reference}`, letter]));
  // In one order, so that two who bury the same do not wait for each other.
  const each = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, letter]) => letter);
  await tx.query(
    // Not ON CONFLICT DO UPDATE: that would have to read what the work of a merchant may only write.
    `WITH letter AS (
       SELECT t.*, now() + coalesce(t.wait, 0) * interval '1 millisecond' AS due_at, now() + t.wait * interval '1 millisecond' AS ring_at
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::float8[])
         AS t (merchant_id, kind, reference, subject_id, reason, wait)
     ), again AS (
       UPDATE dead_letters d SET attempts = d.attempts + 1, reason = t.reason, last_failed_at = now(), status = 'dead',
              due_at = t.due_at, ring_at = t.ring_at, expires_at = NULL
       FROM letter t WHERE d.merchant_id = t.merchant_id AND d.kind = t.kind AND d.reference = t.reference
       RETURNING d.merchant_id, d.kind, d.reference
     )
     INSERT INTO dead_letters (merchant_id, kind, reference, subject_id, reason, due_at, ring_at)
     SELECT merchant_id, kind, reference, subject_id, reason, due_at, ring_at FROM letter t
     WHERE NOT EXISTS (SELECT FROM again a WHERE a.merchant_id = t.merchant_id AND a.kind = t.kind AND a.reference = t.reference)
     ON CONFLICT (merchant_id, kind, reference) DO NOTHING`,
    [
      each.map(({ merchantId }) => merchantId),
      each.map(({ kind }) => kind),
      each.map(({ reference }) => reference),
      each.map(({ subjectId }) => subjectId ?? null),
      each.map(({ reason }) => reasonOf(reason)),
      each.map(({ kind }) => waitOf(kind, 0)),
    ],
  );
}

/** Takes letters back: what they were about has come right, or is there no more. */
async function drop(tx: SystemTx | TenantTx, merchantId: string, kind: DeadLetterKind, references: string[]): Promise<void> {
  if (references.length === 0) return;
  await tx.query('DELETE FROM dead_letters WHERE merchant_id = $1 AND kind = $2 AND reference = ANY ($3::text[])', [
    merchantId,
    kind,
    references,
  ]);
}

/** What has failed for good, for whoever finds that out. Nothing is ever dropped by itself. */
export const DeadLetters = { bury, buryMany, drop };
