import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError, newId } from '@soko/common';
import { Sealer } from './sealer.js';
import { Tenancy } from './tenancy.js';
import type { TenantTx } from './transaction.js';

/**
 * After so long a request counts as dead, and a retry may do its work. One that was merely slow cannot finish then: its last
 * write looks for its claim, and the whole transaction goes back.
 */
const LOCK_SECONDS = 10;
const PLACE = 'idempotency_keys.body';

/** An answer as it went out. */
export interface StoredAnswer {
  status: number;
  contentType: string;
  body: string | null;
}

/** The right to do the work of one request. */
export interface Claim {
  merchantId: string;
  hash: Buffer;
  id: string;
}

export type ClaimOutcome =
  { claim: Claim } | { replay: StoredAnswer } | { inProgress: { retryAfter: number } } | { reused: true };

interface Row {
  same: boolean;
  status: number | null;
  content_type: string;
  body: string | null;
  left: number;
}

export class ClaimLostError extends AppError {
  constructor() {
    super(
      409,
      'idempotency_in_progress',
      'This request took too long and a retry has taken its place; ask again for its answer.',
    );
  }
}

/**
 * Idempotency keys: who is first does the work, and everyone else gets the first answer.
 * By https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07
 */
@Injectable()
export class IdempotencyStore {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly sealer: Sealer,
  ) {}

  /**
   * @param scope what a key belongs to: caller, method, path, and the key itself.
   * @param request all that makes the request the same one: method, path, query, body.
   */
  async claim(merchantId: string, scope: string[], request: string[]): Promise<ClaimOutcome> {
    const claim: Claim = { merchantId, hash: digest(scope), id: newId() };
    const fingerprint = digest(request);
    return this.tenancy.run(merchantId, async (tx) => {
      // A dead claim and an outlived answer are taken over by the same statement: of two who try, one finds it changed.
      const taken = await tx.query(
        `INSERT INTO idempotency_keys AS k (merchant_id, hash, fingerprint, claim, locked_until)
         VALUES ($1, $2, $3, $4, now() + interval '${LOCK_SECONDS} seconds')
         ON CONFLICT (merchant_id, hash) DO UPDATE
         SET fingerprint = excluded.fingerprint, claim = excluded.claim, locked_until = excluded.locked_until,
             status = NULL, content_type = NULL, body = NULL, expires_at = excluded.expires_at
         WHERE k.expires_at <= now() OR (k.locked_until <= now() AND k.fingerprint = excluded.fingerprint)
         RETURNING 1 AS one`,
        [merchantId, claim.hash, fingerprint, claim.id],
      );
      if (taken.length > 0) return { claim };
      const [row] = await tx.query<Row>(
        // By the clock, not by now(): this transaction may be older than the claim.
        `SELECT fingerprint = $3 AS same, status, content_type, body,
                greatest(1, ceil(extract(epoch FROM locked_until - clock_timestamp())))::int AS left
         FROM idempotency_keys WHERE merchant_id = $1 AND hash = $2`,
        [merchantId, claim.hash, fingerprint],
      );
      // Released between the two statements: whoever asks again gets it.
      if (!row) return { inProgress: { retryAfter: 1 } };
      if (!row.same) return { reused: true };
      if (row.status === null) return { inProgress: { retryAfter: row.left } };
      const body = row.body === null ? null : this.sealer.open(row.body, merchantId, PLACE);
      return { replay: { status: row.status, contentType: row.content_type, body } };
    });
  }

  /** Keeps the answer, in the transaction that did the work. @throws ClaimLostError, and then the work must go back. */
  async finish(tx: TenantTx, claim: Claim, answer: StoredAnswer): Promise<void> {
    const body = answer.body === null ? null : this.sealer.seal(answer.body, claim.merchantId, PLACE);
    const kept = await tx.query(
      `UPDATE idempotency_keys SET locked_until = NULL, status = $4, content_type = $5, body = $6
       WHERE merchant_id = $1 AND hash = $2 AND claim = $3 AND locked_until IS NOT NULL RETURNING 1 AS one`,
      [claim.merchantId, claim.hash, claim.id, answer.status, answer.contentType, body],
    );
    if (kept.length === 0) throw new ClaimLostError();
  }

  /** Keeps a refusal: nothing was written, so it needs no company. */
  async refuse(claim: Claim, answer: StoredAnswer): Promise<void> {
    await this.tenancy.run(claim.merchantId, (tx) => this.finish(tx, claim, answer));
  }

  /** Lets the next one try. */
  async release(claim: Claim): Promise<void> {
    await this.tenancy.run(claim.merchantId, (tx) =>
      tx.query('DELETE FROM idempotency_keys WHERE merchant_id = $1 AND hash = $2 AND claim = $3 AND locked_until IS NOT NULL', [
        claim.merchantId,
        claim.hash,
        claim.id,
      ]),
    );
  }
}

/** SHA-256 of the parts, kept apart. */
const digest = (parts: string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest();
