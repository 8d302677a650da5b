import { Injectable } from '@nestjs/common';
import { answerChat, sendChat } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { type Revival, Revives } from '@soko/dead-letters';
import { entry } from './send.sql.js';

/**
 * $1 merchant, $2 message. Back into the queue, with its tries before it. What the network has called it so far is forgotten: it will be
 * called something else, and what is still said of the old try is not about this one.
 */
const QUEUE_AGAIN = `
  WITH message AS (
    UPDATE messages m SET status = 'queued', error = NULL, wa_message_id = NULL, timeline = m.timeline || ${entry("'queued'")}
    FROM channels c
    WHERE m.merchant_id = $1 AND m.id = $2 AND m.direction = 'outbound' AND m.status = 'failed'
      AND c.merchant_id = $1 AND c.id = m.channel_id AND c.deleted_at IS NULL
    RETURNING m.chat_id, m.seq, m.channel_id, m.content, c.shard
  ), forgotten AS (
    DELETE FROM message_ids WHERE merchant_id = $1 AND message_id = $2 AND EXISTS (SELECT FROM message)
  ), waiting AS (
    INSERT INTO pending_sends (merchant_id, chat_id, seq, message_id, channel_id, shard, media_id)
    SELECT $1, chat_id, seq, $2, channel_id, shard,
           (SELECT f.id FROM media_files f WHERE f.merchant_id = $1 AND f.id::text = message.content #>> '{media,mediaId}') FROM message
  )
  SELECT chat_id AS "chatId", shard FROM message`;

/** $1 merchant, $2 message. Nobody has answered it: the bot tries again. */
const ANSWER_AGAIN = `
  WITH message AS (
    UPDATE messages m SET status = 'received', timeline = m.timeline || ${entry("'received'")}
    WHERE m.merchant_id = $1 AND m.id = $2 AND m.direction = 'inbound' AND m.status = 'failed' RETURNING m.chat_id, m.seq
  ), waiting AS (
    INSERT INTO pending_answers (merchant_id, chat_id, seq, message_id) SELECT $1, chat_id, seq, $2 FROM message
  )
  SELECT chat_id AS "chatId" FROM message`;

/** Lets messages that have failed begin anew. */
@Injectable()
export class MessageReviver {
  /** @throws Error when its channel is there no more */
  @Revives('outbound_message')
  async sendAgain(tx: TenantTx, messageId: string): Promise<Revival> {
    const found = await this.lockChat(tx, messageId);
    if (found?.status !== 'failed') return 'done';
    const [row] = await tx.query<{ chatId: string; shard: number }>(QUEUE_AGAIN, [tx.merchantId, messageId]);
    if (!row) throw new Error('its channel was deleted');
    tx.wake(sendChat, { merchantId: tx.merchantId, ...row });
    return 'handed_on';
  }

  @Revives('unanswered_message')
  async answerAgain(tx: TenantTx, messageId: string): Promise<Revival> {
    await this.lockChat(tx, messageId);
    const [row] = await tx.query<{ chatId: string }>(ANSWER_AGAIN, [tx.merchantId, messageId]);
    if (!row) return 'done';
    tx.wake(answerChat, { merchantId: tx.merchantId, ...row });
    return 'handed_on';
  }

  /** The chat first, as everybody who touches what waits in it. */
  private async lockChat(tx: TenantTx, messageId: string): Promise<{ status: string } | undefined> {
    const [row] = await tx.query<{ status: string }>(
      `SELECT m.status FROM messages m JOIN chats h ON h.merchant_id = $1 AND h.id = m.chat_id
       WHERE m.merchant_id = $1 AND m.id = $2 FOR UPDATE OF h`,
      [tx.merchantId, messageId],
    );
    return row;
  }
}
