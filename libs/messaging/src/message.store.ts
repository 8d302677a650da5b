import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, storable } from '@soko/common';
import { answerChat, contentText, type InboundContent, messageReceived, type OutboundContent, sendChat } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { ChannelService } from './channel.service.js';
import type { QueuedView } from './message.dto.js';

/** A customer's message as a transport hands it over. */
export interface Incoming {
  waMessageId: string;
  /** E.164. */
  from: string;
  name?: string;
  content: InboundContent;
}

/** A message to a customer. */
export interface Outgoing {
  channelId?: string;
  /** E.164. */
  to: string;
  content: OutboundContent;
  replyTo?: string;
  /** Not before this time. */
  sendAt?: Date;
}

/**
 * Stores messages of both directions. A chat's messages are numbered under the lock of the chat's row, so their order is
 * that in which they were accepted.
 */
@Injectable()
export class MessageStore {
  constructor(private readonly channels: ChannelService) {}

  /**
   * Stores a customer's message once, however often it is handed over, and wakes the bot unless a person has the chat.
   * @returns whether it was new.
   */
  async receive(tx: TenantTx, channelId: string, incoming: Incoming): Promise<boolean> {
    // A customer's phone may send what cannot be stored; the message must not be lost for it.
    const message = storable(incoming);
    const id = newId();
    const text = contentText(message.content);
    const contactId = await this.contact(tx, message.from, message.name);
    const [row] = await tx.query<{ chat_id: string; bot_paused: boolean }>(
      `WITH seen AS (
         INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING RETURNING message_id
       ), chat AS (
         INSERT INTO chats (merchant_id, channel_id, contact_id, last_seq, unread, last_message_id, last_message_at)
         SELECT $1, $2, $5, 1, 1, $4, clock_timestamp() FROM seen
         ON CONFLICT (merchant_id, channel_id, contact_id) DO UPDATE SET last_seq = chats.last_seq + 1,
           unread = chats.unread + 1, last_message_id = excluded.last_message_id, last_message_at = excluded.last_message_at
         RETURNING id, last_seq, bot_paused
       ), message AS (
         INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, wa_message_id)
         SELECT $1, $4, chat.id, $2, chat.last_seq, 'inbound', $6, $7, $8, 'received', ${timeline('received')}, $3 FROM chat
       ), pending AS (
         INSERT INTO pending_answers (merchant_id, chat_id, seq, message_id)
         SELECT $1, chat.id, chat.last_seq, $4 FROM chat WHERE NOT chat.bot_paused
       )
       SELECT id AS chat_id, bot_paused FROM chat`,
      [tx.merchantId, channelId, message.waMessageId, id, contactId, message.content.type, JSON.stringify(message.content), text],
    );
    if (!row) return false;
    tx.outbox.emit(messageReceived, {
      messageId: id,
      chatId: row.chat_id,
      channelId,
      messageType: message.content.type,
      text,
      waMessageId: message.waMessageId,
      from: message.from,
    });
    if (!row.bot_paused) tx.wake(answerChat, { merchantId: tx.merchantId, chatId: row.chat_id });
    return true;
  }

  /**
   * Queues a message to a customer, behind all that was queued for the same chat before.
   * @throws NoChannelError when there is no channel to send it by; NotFoundError for a channel or a `replyTo` that is not the merchant's.
   */
  async queue(tx: TenantTx, message: Outgoing): Promise<QueuedView> {
    const channel = await this.channels.resolve(tx, message.channelId);
    if (message.replyTo) await this.assertMessage(tx, message.replyTo);
    const id = newId();
    const sendAt = message.sendAt && message.sendAt > new Date() ? message.sendAt : undefined;
    const [row] = await tx.query<{ chat_id: string }>(
      `WITH chat AS (
         INSERT INTO chats (merchant_id, channel_id, contact_id, last_seq, last_message_id, last_message_at)
         VALUES ($1, $2, $3, 1, $4, clock_timestamp())
         ON CONFLICT (merchant_id, channel_id, contact_id) DO UPDATE SET last_seq = chats.last_seq + 1,
           last_message_id = excluded.last_message_id, last_message_at = excluded.last_message_at
         RETURNING id, last_seq
       ), message AS (
         INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, reply_to)
         SELECT $1, $4, chat.id, $2, chat.last_seq, 'outbound', $5, $6, $7, 'queued', ${timeline('queued')}, $8 FROM chat
       ), pending AS (
         INSERT INTO pending_sends (merchant_id, chat_id, seq, message_id, channel_id, shard, due_at, ring_at)
         SELECT $1, chat.id, chat.last_seq, $4, $2, $9, coalesce($10, now()), coalesce($10, now() + interval '10 seconds') FROM chat
       )
       SELECT id AS chat_id FROM chat`,
      [
        tx.merchantId,
        channel.id,
        await this.contact(tx, message.to),
        id,
        message.content.type,
        JSON.stringify(message.content),
        contentText(message.content),
        message.replyTo ?? null,
        channel.shard,
        sendAt ?? null,
      ],
    );
    const chatId = row!.chat_id;
    if (!sendAt) tx.wake(sendChat, { merchantId: tx.merchantId, chatId, shard: channel.shard });
    return { id, chatId, to: message.to, status: 'queued', ...(sendAt ? { scheduledFor: sendAt.toISOString() } : {}) };
  }

  private async assertMessage(tx: TenantTx, id: string): Promise<void> {
    const [found] = await tx.query('SELECT 1 FROM messages WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    if (!found) throw new NotFoundError('message', id);
  }

  /**
   * The contact with this number. Reads before it writes: a lock on the contact's row, taken before that of a chat,
   * would deadlock with the bot, which holds a chat and then asks for its contact.
   */
  private async contact(tx: TenantTx, phone: string, name?: string): Promise<string> {
    const find = () =>
      tx.query<{ id: string; name: string | null }>('SELECT id, name FROM contacts WHERE merchant_id = $1 AND phone = $2', [
        tx.merchantId,
        phone,
      ]);
    let [contact] = await find();
    if (!contact) {
      [contact] = await tx.query<{ id: string; name: string | null }>(
        `INSERT INTO contacts (merchant_id, phone, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id, name`,
        [tx.merchantId, phone, name ?? null],
      );
      // Nothing came back: somebody else has just made it, and the next statement sees it.
      contact ??= (await find())[0];
    }
    if (name && contact!.name !== name) {
      await tx.query('UPDATE contacts SET name = $3 WHERE merchant_id = $1 AND id = $2', [tx.merchantId, contact!.id, name]);
    }
    return contact!.id;
  }
}

/** A timeline of one entry, as SQL. */
function timeline(status: string): string {
  return `jsonb_build_array(jsonb_build_object('status', '${status}', 'at', to_jsonb(clock_timestamp())))`;
}
