import { Injectable } from '@nestjs/common';
import { react } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { type Revival, Revives } from '@soko/dead-letters';

/** Names a reaction to one event among dead letters. */
export const referenceOf = (reaction: string, eventId: string): string => `${reaction}/${eventId}`;

/** Lets reactions that were given up begin anew. Their turn among those to the same subject has passed: later events went on without them. */
@Injectable()
export class ReactionReviver {
  @Revives('reaction')
  async revive(tx: TenantTx, reference: string): Promise<Revival> {
    const cut = reference.lastIndexOf('/');
    const [reaction, eventId] = [reference.slice(0, cut), reference.slice(cut + 1)];
    const [row] = await tx.query<{ subject: string }>(
      `UPDATE event_reactions SET attempts = 0, due_at = now(), ring_at = now() + interval '10 seconds'
       WHERE merchant_id = $1 AND reaction = $2 AND event_id = $3 AND ring_at IS NULL RETURNING subject`,
      [tx.merchantId, reaction, eventId],
    );
    if (!row) return 'done';
    tx.wake(react, { merchantId: tx.merchantId, reaction, subject: row.subject });
    return 'handed_on';
  }
}
