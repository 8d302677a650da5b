import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import { type EventEnvelope, react, ReactJob } from '@soko/contracts';
import { type SystemTx, Tenancy, type TenantTx } from '@soko/database';
import { DeadLetters } from '@soko/dead-letters';
import { Log } from '@soko/observability';
import { type EventSink, onBehalfOf, type RelayedEvent } from './event-sink.js';
import { HandlerRegistry, Handles } from './handler.registry.js';
import { referenceOf } from './reaction.reviver.js';

const MAX_ATTEMPTS = 12;

interface DueReaction {
  position: number;
  attempts: number;
  due: boolean;
  id: string;
  type: string;
  data: object;
  created_at: Date;
  requestId: string | null;
}

/** Notes, for each event, which reactions it needs. */
@Injectable()
export class ReactionSink implements EventSink {
  constructor(private readonly registry: HandlerRegistry) {}

  async fanOut(tx: SystemTx, events: RelayedEvent[]): Promise<void> {
    const wanted = events.flatMap((event) =>
      [...this.registry.reactions].filter(([, each]) => each.event === event.type).map(([reaction]) => ({ ...event, reaction })),
    );
    if (wanted.length === 0) return;
    await tx.query(
      `INSERT INTO event_reactions (merchant_id, reaction, subject, position, event_id)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::uuid[]) ON CONFLICT DO NOTHING`,
      [
        wanted.map((each) => each.merchantId),
        wanted.map((each) => each.reaction),
        wanted.map((each) => each.subject),
        wanted.map((each) => each.position),
        wanted.map((each) => each.id),
      ],
    );
    for (const { merchantId, reaction, subject, requestId } of wanted) {
      onBehalfOf({ requestId }, () => tx.wake(react, { merchantId, reaction, subject }));
    }
  }
}

/** Runs reactions: those to one subject one after the other, each in the transaction that ticks it off. */
@Injectable()
export class ReactionProcessor {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly registry: HandlerRegistry,
    private readonly log: Log,
  ) {}

  @Handles(react)
  async run(job: ReactJob): Promise<void> {
    const handler = this.registry.reactions.get(job.reaction);
    if (!handler) throw new Error(`no handler for reaction ${job.reaction}`);
    for (;;) {
      let at: DueReaction | undefined;
      try {
        const more = await this.tenancy.run(job.merchantId, async (tx) => {
          const [first, second] = await this.waiting(tx, job);
          at = first;
          if (!at?.due) return false;
          const envelope = this.envelope(job.merchantId, at);
          await onBehalfOf(first!, () => handler.run(tx, envelope));
          tx.write('DELETE FROM event_reactions WHERE merchant_id = $1 AND reaction = $2 AND subject = $3 AND position = $4', [
            job.merchantId,
            job.reaction,
            job.subject,
            at.position,
          ]);
          return second !== undefined;
        });
        if (!more) return;
      } catch (error) {
        if (at) await this.recordFailure(job, at, error);
        throw error;
      }
    }
  }

  /**
   * The next one, locked, and the one behind it. What comes later has an alarm of its own, which waits for the first one's lock and
   * then finds the second: nothing must be looked for once more when the first is done.
   */
  private waiting(tx: TenantTx, job: ReactJob): Promise<DueReaction[]> {
    return tx.query<DueReaction>(
      `SELECT r.position, r.attempts, r.due_at <= now() AS due, e.id, e.type, e.data, e.created_at,
              e.request_id AS "requestId"
       FROM event_reactions r JOIN events e ON e.merchant_id = r.merchant_id AND e.id = r.event_id
       WHERE r.merchant_id = $1 AND r.reaction = $2 AND r.subject = $3 AND r.ring_at IS NOT NULL
       ORDER BY r.position LIMIT 2 FOR UPDATE OF r`,
      [job.merchantId, job.reaction, job.subject],
    );
  }

  private envelope(merchantId: string, row: DueReaction): EventEnvelope {
    return { id: row.id, type: row.type, timestamp: row.created_at.toISOString(), merchantId, data: row.data };
  }

  private async recordFailure(job: ReactJob, at: DueReaction, error: unknown): Promise<void> {
    const attempts = at.attempts + 1;
    const givenUp = attempts >= MAX_ATTEMPTS;
    if (givenUp) this.log.error({ err: error, ...job, eventId: at.id }, 'reaction given up');
    await this.tenancy.run(job.merchantId, async (tx) => {
      const { merchantId, reaction } = job;
      if (givenUp)
        await DeadLetters.bury(tx, { merchantId, kind: 'reaction', reference: referenceOf(reaction, at.id), reason: error });
      await tx.query(
        `UPDATE event_reactions SET attempts = $5, error = $6, due_at = now() + $7 * interval '1 millisecond',
                ring_at = CASE WHEN $8 THEN NULL ELSE now() + $7 * interval '1 millisecond' END
         WHERE merchant_id = $1 AND reaction = $2 AND subject = $3 AND position = $4`,
        [
          job.merchantId,
          job.reaction,
          job.subject,
          at.position,
          attempts,
          String(error),
          backoff(attempts, 1_000, 600_000),
          givenUp,
        ],
      );
    });
  }
}
