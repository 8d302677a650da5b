import { Injectable } from '@nestjs/common';
import { AppError, backoff } from '@soko/common';
import { fetchMedia, type FetchMediaJob, MEDIA_KINDS, type MediaKind, type MediaPart } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { DeadLetters, type Revival, Revives } from '@soko/dead-letters';
import { MediaService } from '@soko/media';
import type { ChannelKind } from '@soko/messaging';
import { Log } from '@soko/observability';
import { Handles } from '@soko/queues';
import { TransportError } from '../transport.js';
import { FileGoneError, InboundFiles, type RemoteFile } from './inbound-files.js';

const MOST_TRIES = 12;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 3_600_000;

interface Claimed {
  attempts: number;
  channel_id: string;
  channel_kind: ChannelKind;
  type: string;
  content: Record<string, MediaPart>;
  media: RemoteFile['reference'] | null;
}

/** Brings the files of customers' messages home. The file gets the id of its message, so that twice is once. */
@Injectable()
export class MediaFetcher {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly files: InboundFiles,
    private readonly media: MediaService,
    private readonly log: Log,
  ) {}

  @Handles(fetchMedia)
  async run({ merchantId, messageId }: FetchMediaJob): Promise<void> {
    const claimed = await this.claim(merchantId, messageId);
    if (!claimed) return;
    const kind = MEDIA_KINDS.find((each) => each === claimed.type);
    if (!kind) return this.finish(merchantId, messageId, claimed.type, {});
    try {
      await this.finish(merchantId, messageId, kind, await this.fetch(merchantId, messageId, kind, claimed));
    } catch (error) {
      const final = finalReason(error);
      const givenUp = !final && claimed.attempts >= MOST_TRIES;
      const reason = final ?? (givenUp ? 'The file could not be fetched.' : undefined);
      this.log.warn({ err: error, merchantId, messageId, attempt: claimed.attempts }, 'a customer’s file was not fetched');
      if (reason) await this.finish(merchantId, messageId, kind, { unavailable: reason }, givenUp ? error : undefined);
      else await this.later(merchantId, messageId, claimed.attempts);
    }
  }

  /** Another try for a file that nobody knew to be gone. */
  @Revives('incoming_file')
  async fetchAgain(tx: TenantTx, messageId: string): Promise<Revival> {
    const [row] = await tx.query(
      `WITH message AS (
         UPDATE messages SET content = content #- ARRAY[type, 'unavailable']
         WHERE merchant_id = $1 AND id = $2 AND content #> ARRAY[type, 'unavailable'] IS NOT NULL RETURNING channel_id
       )
       INSERT INTO pending_media (merchant_id, message_id, channel_id) SELECT $1, $2, channel_id FROM message
       ON CONFLICT DO NOTHING RETURNING 1 AS one`,
      [tx.merchantId, messageId],
    );
    if (!row) return 'done';
    tx.wake(fetchMedia, { merchantId: tx.merchantId, messageId });
    return 'handed_on';
  }

  private async fetch(merchantId: string, messageId: string, kind: MediaKind, claimed: Claimed): Promise<MediaPart> {
    const source = await this.files.open({
      merchantId,
      channelId: claimed.channel_id,
      channelKind: claimed.channel_kind,
      kind,
      reference: claimed.media ?? {},
    });
    const { mimeType } = await this.media.receive(merchantId, messageId, source, kind, claimed.content[kind]?.filename);
    return { mediaId: messageId, mimeType };
  }

  /** Nobody else looks at it for five minutes, unless this worker dies: then after them. */
  private async claim(merchantId: string, messageId: string): Promise<Claimed | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Claimed>(
        `WITH claimed AS (
           UPDATE pending_media SET attempts = attempts + 1, due_at = now() + interval '5 minutes', ring_at = now() + interval '5 minutes'
           WHERE merchant_id = $1 AND message_id = $2 AND due_at <= now() RETURNING attempts, channel_id
         )
         SELECT p.attempts, p.channel_id, c.kind AS channel_kind, m.type, m.content, m.media FROM claimed p
         JOIN channels c ON c.merchant_id = $1 AND c.id = p.channel_id JOIN messages m ON m.merchant_id = $1 AND m.id = $2`,
        [merchantId, messageId],
      ),
    );
    return row;
  }

  private async finish(merchantId: string, messageId: string, kind: string, found: MediaPart, givenUp?: unknown): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      await tx.query(
        `UPDATE messages SET content = jsonb_set(content, ARRAY[$3], (content -> $3) || $4::jsonb)
         WHERE merchant_id = $1 AND id = $2 AND content ? $3`,
        [merchantId, messageId, kind, JSON.stringify(found)],
      );
      await tx.query('DELETE FROM pending_media WHERE merchant_id = $1 AND message_id = $2', [merchantId, messageId]);
      if (givenUp !== undefined)
        await DeadLetters.bury(tx, { merchantId, kind: 'incoming_file', reference: messageId, reason: givenUp });
    });
  }

  private async later(merchantId: string, messageId: string, attempts: number): Promise<void> {
    const ms = backoff(attempts, FIRST_RETRY_MS, LAST_RETRY_MS);
    await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `UPDATE pending_media SET due_at = now() + $3 * interval '1 millisecond', ring_at = now() + $3 * interval '1 millisecond'
         WHERE merchant_id = $1 AND message_id = $2`,
        [merchantId, messageId, ms],
      ),
    );
  }
}

/** Why another try would end in the same way; nothing where it may not. */
function finalReason(error: unknown): string | undefined {
  if (error instanceof FileGoneError) return error.message;
  if (error instanceof TransportError && error.fate === 'failed') return error.message;
  return error instanceof AppError && error.status < 500 ? error.detail : undefined;
}
