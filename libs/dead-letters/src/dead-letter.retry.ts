import { Injectable } from '@nestjs/common';
import type { RetryDeadLetterJob } from '@soko/contracts';
import { isPassing, Tenancy } from '@soko/database';
import { type DeadLetterKind, reasonOf, waitOf } from './dead-letters.js';
import { ReviverRegistry } from './reviver.registry.js';

/** A letter that was handed on is remembered for so long: longer than any schedule that it may fail by again. */
const REMEMBERED = '7 days';

/** Tries letters once more. */
@Injectable()
export class DeadLetterRetry {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly registry: ReviverRegistry,
  ) {}

  /**
   * One try of one that is due: it is gone, handed on, or put off. Of two at once the second finds nothing to do.
   * @throws what is no fault of the letter, to be tried again soon
   */
  async retry({ merchantId, deadLetterId }: RetryDeadLetterJob): Promise<void> {
    try {
      await this.tenancy.run(merchantId, async (tx) => {
        const [letter] = await tx.query<{ kind: DeadLetterKind; reference: string }>(
          `SELECT kind, reference FROM dead_letters
           WHERE merchant_id = $1 AND id = $2 AND status = 'dead' AND ring_at IS NOT NULL AND due_at <= now() FOR UPDATE`,
          [merchantId, deadLetterId],
        );
        if (!letter) return;
        const revival = await this.registry.reviver(letter.kind)(tx, letter.reference);
        tx.write(
          revival === 'done'
            ? 'DELETE FROM dead_letters WHERE merchant_id = $1 AND id = $2'
            : `UPDATE dead_letters SET status = 'retrying', ring_at = NULL, expires_at = now() + interval '${REMEMBERED}'
               WHERE merchant_id = $1 AND id = $2`,
          [merchantId, deadLetterId],
        );
      });
    } catch (error) {
      if (isPassing(error)) throw error;
      await this.putOff(merchantId, deadLetterId, error);
    }
  }

  private async putOff(merchantId: string, id: string, error: unknown): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [row] = await tx.query<{ kind: DeadLetterKind; attempts: number }>(
        `SELECT kind, attempts FROM dead_letters
         WHERE merchant_id = $1 AND id = $2 AND status = 'dead' AND ring_at IS NOT NULL AND due_at <= now() FOR UPDATE`,
        [merchantId, id],
      );
      if (!row) return;
      await tx.query(
        `UPDATE dead_letters SET attempts = attempts + 1, reason = $3, last_failed_at = now(),
                due_at = now() + coalesce($4::float8, 0) * interval '1 millisecond', ring_at = now() + $4::float8 * interval '1 millisecond'
         WHERE merchant_id = $1 AND id = $2`,
        [merchantId, id, reasonOf(error), waitOf(row.kind, row.attempts + 1)],
      );
    });
  }
}
