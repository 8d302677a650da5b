import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import { messageSent, type OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';

const MAX_ATTEMPTS = 8;

/** A message that is to be handed to the transport now. */
export interface ClaimedSend {
  messageId: string;
  chatId: string;
  channelId: string;
  seq: number;
  to: string;
  content: OutboundContent;
  /** Our own id on the wire, where the transport takes one: a second try is then the same message. */
  waMessageId: string | null;
  attempts: number;
}

/** What became of a claimed message. */
export type SendOutcome =
  | { kind: 'sent'; waMessageId: string }
  /** Tried again after a while; later messages of the chat wait behind it. */
  | { kind: 'retry'; code: string; message: string }
  /** Never tried again; the chat goes on with the next one. */
  | { kind: 'failed'; code: string; message: string };

/** The lease under which a gateway sends. */
export interface Lease {
  shard: number;
  holder: string;
  fence: number;
}

interface ClaimRow {
  message_id: string;
  seq: number;
  channel_id: string;
  phone: string;
  content: OutboundContent;
  wa_message_id: string | null;
  attempts: number;
}

/** What waits to be sent, per chat, oldest first. */
@Injectable()
export class SendQueue {
  /**
   * The next message of the chat that is due, marked as being sent; nothing when none is due or the lease is lost.
   * A head that waits for its next try holds the chat back; one scheduled for later does not.
   * @param ownId prefix of our own wire ids, undefined when the transport assigns them.
   */
  async claim(tx: TenantTx, chatId: string, lease: Lease, ownId?: string): Promise<ClaimedSend | undefined> {
    const [row] = await tx.query<ClaimRow>(
      `WITH head AS (
         SELECT seq, message_id, due_at FROM pending_sends
         WHERE merchant_id = $1 AND chat_id = $2 AND NOT (attempts = 0 AND due_at > now()) ORDER BY seq LIMIT 1
       ), due AS (
         UPDATE pending_sends p SET attempts = p.attempts + 1, ring_at = now() + interval '30 seconds'
         FROM head, gateway_shards s
         WHERE p.merchant_id = $1 AND p.chat_id = $2 AND p.seq = head.seq AND head.due_at <= now()
           AND s.shard = $3 AND s.holder = $4 AND s.fence = $5 AND s.expires_at > now()
         RETURNING p.message_id, p.seq, p.attempts
       ), claimed AS (
         UPDATE messages m SET wa_message_id = coalesce(m.wa_message_id, $6::text || m.id),
           status = CASE WHEN m.status = 'queued' THEN 'sending' ELSE m.status END,
           timeline = CASE WHEN m.status = 'queued' THEN m.timeline || ${entry("'sending'")} ELSE m.timeline END
         FROM due WHERE m.merchant_id = $1 AND m.id = due.message_id
         RETURNING m.id, m.chat_id, m.channel_id, m.content, m.wa_message_id, due.seq, due.attempts
       ), known AS (
         INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id)
         SELECT $1, channel_id, wa_message_id, id FROM claimed WHERE wa_message_id IS NOT NULL ON CONFLICT DO NOTHING
       )
       SELECT claimed.id AS message_id, claimed.seq, claimed.channel_id, contacts.phone, claimed.content,
              claimed.wa_message_id, claimed.attempts
       FROM claimed JOIN chats ON chats.merchant_id = $1 AND chats.id = claimed.chat_id
       JOIN contacts ON contacts.merchant_id = $1 AND contacts.id = chats.contact_id`,
      [tx.merchantId, chatId, lease.shard, lease.holder, lease.fence, ownId ?? null],
    );
    if (!row) return undefined;
    return {
      messageId: row.message_id,
      chatId,
      channelId: row.channel_id,
      seq: row.seq,
      to: row.phone,
      content: row.content,
      waMessageId: row.wa_message_id,
      attempts: row.attempts,
    };
  }

  /** Writes down what became of a claimed message. A second report of the same changes nothing. */
  async settle(tx: TenantTx, send: ClaimedSend, outcome: SendOutcome): Promise<void> {
    if (outcome.kind === 'sent') return this.sent(tx, send, outcome.waMessageId);
    const error = JSON.stringify({ code: outcome.code, message: outcome.message });
    if (outcome.kind === 'failed' || send.attempts >= MAX_ATTEMPTS) return this.failed(tx, send, error);
    await tx.query(
      `WITH waiting AS (
         UPDATE pending_sends SET due_at = now() + $4 * interval '1 millisecond', ring_at = now() + $4 * interval '1 millisecond'
         WHERE merchant_id = $1 AND chat_id = $2 AND seq = $3 RETURNING message_id
       ) UPDATE messages m SET error = $5 FROM waiting WHERE m.merchant_id = $1 AND m.id = waiting.message_id`,
      [tx.merchantId, send.chatId, send.seq, backoff(send.attempts, 1_000, 300_000), error],
    );
  }

  private async sent(tx: TenantTx, send: ClaimedSend, waMessageId: string): Promise<void> {
    const [row] = await tx.query<{ type: string; text: string }>(
      `WITH gone AS (
         DELETE FROM pending_sends WHERE merchant_id = $1 AND chat_id = $2 AND seq = $3 RETURNING message_id
       ), known AS (
         INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id)
         SELECT $1, $5, $4, message_id FROM gone ON CONFLICT DO NOTHING
       )
       UPDATE messages m SET wa_message_id = $4, error = NULL,
         status = CASE WHEN m.status = 'sending' THEN 'sent' ELSE m.status END,
         timeline = CASE WHEN m.status = 'sending' THEN m.timeline || ${entry("'sent'")} ELSE m.timeline END
       FROM gone WHERE m.merchant_id = $1 AND m.id = gone.message_id RETURNING m.type, m.text`,
      [tx.merchantId, send.chatId, send.seq, waMessageId, send.channelId],
    );
    if (!row) return;
    const { messageId, chatId, channelId, to } = send;
    tx.outbox.emit(messageSent, { messageId, chatId, channelId, messageType: row.type, text: row.text, waMessageId, to });
  }

  /** What a receipt has proved to have arrived does not fail, whatever the sender was told. */
  private async failed(tx: TenantTx, send: ClaimedSend, error: string): Promise<void> {
    await tx.query(
      `WITH gone AS (
         DELETE FROM pending_sends WHERE merchant_id = $1 AND chat_id = $2 AND seq = $3 RETURNING message_id
       )
       UPDATE messages m SET status = 'failed', error = $4, timeline = m.timeline || ${entry("'failed'")}
       FROM gone WHERE m.merchant_id = $1 AND m.id = gone.message_id AND m.status = 'sending'`,
      [tx.merchantId, send.chatId, send.seq, error],
    );
  }

  /**
   * Notes a receipt. Status only climbs: a late or repeated receipt changes nothing.
   * @param waMessageId WhatsApp's id; receipts for messages that are not ours are ignored.
   */
  async receipt(tx: TenantTx, channelId: string, waMessageId: string, status: 'delivered' | 'read'): Promise<void> {
    await tx.query(
      `UPDATE messages m SET status = $4, timeline = m.timeline || ${entry('$4::text')}
       FROM message_ids i WHERE i.merchant_id = $1 AND i.channel_id = $2 AND i.wa_message_id = $3
         AND m.merchant_id = $1 AND m.id = i.message_id AND m.direction = 'outbound'
         AND array_position(ARRAY['sending', 'sent', 'delivered', 'read'], m.status)
           < array_position(ARRAY['sending', 'sent', 'delivered', 'read'], $4)`,
      [tx.merchantId, channelId, waMessageId, status],
    );
  }
}

/** One entry of a timeline, as SQL; `status` is an SQL expression. */
function entry(status: string): string {
  return `jsonb_build_object('status', ${status}, 'at', to_jsonb(clock_timestamp()))`;
}
