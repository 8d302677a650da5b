import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import {
  type CloudTemplate,
  messageFailed,
  messageSent,
  type Option,
  optionsOf,
  type OutboundContent,
  sendChat,
} from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { DeadLetters } from '@soko/dead-letters';
import type { ContactAddress } from './contact-address.js';
import { addressOfRow, type AddressRow, CONTACT_COLUMNS, type ConsentRow } from './contact.row.js';
import { ContactStore } from './contact.store.js';
import type { MessageCategory } from './message.dto.js';
import { ReceiptBook } from './receipt-book.js';
import type { Receipt } from './receipts.js';
import { ANSWERED, CLAIM, DOUBT, FAIL, MARK_CLAIMED, PUT_OFF, SENT } from './send.sql.js';

const MAX_ATTEMPTS = 8;
const RETRY_MS = { first: 1_000, most: 300_000 };
/** How soon a channel that is away is looked for again, by each chat; `resume` does not wait for it. */
const WAIT_MS = { first: 2_000, most: 60_000 };
/** The error by which a transport tells that the customer told WhatsApp to stop the merchant's marketing. */
const MARKETING_STOPPED = 'marketing_stopped';

/** A message that is to be handed to the transport now. */
export interface ClaimedSend {
  messageId: string;
  chatId: string;
  channelId: string;
  contactId: string;
  seq: number;
  to: ContactAddress;
  content: OutboundContent;
  /** What Meta is sent instead when the window is closed; null: nothing can be. */
  cloudTemplate: CloudTemplate | null;
  category: MessageCategory;
  /** Our own id on the wire, where the transport takes one: a second try is then the same message. */
  waMessageId: string | null;
  attempts: number;
  /** WhatsApp's id of the message that this one answers. */
  replyTo: { waMessageId: string; fromUs: boolean; text: string } | null;
  /** When the customer last wrote; null: never, so that the chat is our beginning. */
  lastInboundAt: Date | null;
  /** Whether one of our messages has gone out in this chat before. */
  begun: boolean;
  /** WhatsApp's id of the customer's newest message, if it shall be shown as read and the network was not told yet. */
  readMark: string | null;
  /** Why it must not go out after all, for example that the customer opted out since it was queued. */
  refused: { code: string; message: string } | null;
}

/** What became of a claimed message. */
export type SendOutcome =
  | { kind: 'sent'; waMessageId: string }
  /** Tried again after a while, a few times; later messages of the chat wait behind it. */
  | { kind: 'retry'; code: string; message: string; afterMs?: number }
  /** Likewise, but as often as it takes: the trouble is not the message's. */
  | { kind: 'wait'; code: string; message: string; afterMs?: number }
  /** It may have gone out: the chat waits for the network's word, and only when that has not come for long is it tried again. */
  | { kind: 'doubt'; code: string; message: string }
  /** Never tried again; the chat goes on with the next one. */
  | { kind: 'failed'; code: string; message: string };

/** The lease under which a gateway sends. */
export interface Lease {
  shard: number;
  holder: string;
  fence: number;
}

interface ChatRow extends AddressRow, ConsentRow {
  contact_id: string;
  last_inbound_at: Date | null;
  read_mark: string | null;
  begun_by: string | null;
}

interface ClaimRow {
  message_id: string;
  seq: number;
  attempts: number;
  scheduled: boolean;
}

interface ClaimedRow {
  channel_id: string;
  content: OutboundContent;
  category: MessageCategory;
  wa_message_id: string | null;
  reply_to: string | null;
  cloud_template: CloudTemplate | null;
}

/** What waits to be sent, per chat, oldest first. */
@Injectable()
export class SendQueue {
  constructor(
    private readonly contacts: ContactStore,
    private readonly book: ReceiptBook,
  ) {}

  /**
   * The next message of the chat that is due, marked as being sent; nothing when none is due or the lease is lost.
   * A head that waits for its next try, or for the network's word, holds the chat back; one scheduled for later does not.
   * @param ownId prefix of our own wire ids, undefined when the transport assigns them.
   */
  async claim(tx: TenantTx, chatId: string, lease: Lease, ownId?: string): Promise<ClaimedSend | undefined> {
    const [chat, [row]] = await Promise.all([
      this.lock(tx, chatId),
      tx.query<ClaimRow>(CLAIM, [tx.merchantId, chatId, lease.shard, lease.holder, lease.fence]),
    ]);
    if (!chat || !row) return undefined;
    const { message_id: messageId, seq, attempts } = row;
    const [[message], [first]] = await Promise.all([
      tx.query<ClaimedRow>(MARK_CLAIMED, [tx.merchantId, messageId, ownId ?? null]),
      // Apart, for the same reason as MARK_CLAIMED.
      tx.query<{ status: string }>('SELECT status FROM messages WHERE merchant_id = $1 AND id = $2', [
        tx.merchantId,
        chat.begun_by,
      ]),
    ]);
    const { content, category } = message!;
    const begun = chat.begun_by !== messageId && ['sent', 'delivered', 'read'].includes(first?.status ?? '');
    this.noteClaim(tx, chatId, chat, { messageId, begun, offer: row.scheduled ? optionsOf(content) : [] });
    return {
      messageId,
      chatId,
      channelId: message!.channel_id,
      contactId: chat.contact_id,
      seq,
      to: addressOfRow(chat),
      content,
      cloudTemplate: message!.cloud_template,
      category,
      waMessageId: message!.wa_message_id,
      attempts,
      replyTo: message!.reply_to ? await this.answered(tx, message!.reply_to) : null,
      lastInboundAt: chat.last_inbound_at,
      begun,
      readMark: chat.read_mark,
      refused: refusal(chat, category),
    };
  }

  /** Writes down what became of a claimed message. A second report of the same, or one that a receipt came before, changes nothing. */
  async settle(tx: TenantTx, send: ClaimedSend, outcome: SendOutcome): Promise<void> {
    if (outcome.kind === 'sent') return this.sent(tx, send, outcome.waMessageId);
    // Locked before what is pending, as everywhere; it may be gone, when its contact was found to be another.
    await tx.query('SELECT 1 FROM chats WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [tx.merchantId, send.chatId]);
    const { code, message } = outcome;
    if (outcome.kind === 'failed') return this.failed(tx, send, code, message);
    const counts = outcome.kind !== 'wait';
    if (counts && send.attempts >= MAX_ATTEMPTS) return this.failed(tx, send, code, message);
    const values = [tx.merchantId, send.messageId, send.attempts, JSON.stringify({ code, message })];
    if (outcome.kind === 'doubt') {
      await tx.query(DOUBT, values);
      return;
    }
    const retryMs = outcome.afterMs ?? backoff(send.attempts, RETRY_MS.first, RETRY_MS.most);
    await tx.query(PUT_OFF, [...values, counts, counts ? retryMs : (outcome.afterMs ?? null), WAIT_MS.first, WAIT_MS.most]);
  }

  /** One of `receipts`. */
  receipt(tx: TenantTx, channelId: string, receipt: Receipt): Promise<void> {
    return this.receipts(tx, channelId, [receipt]);
  }

  /**
   * Notes what the network says of our messages, in the order given. Status only climbs: a late or repeated receipt changes nothing.
   * What was in doubt is settled by it. Receipts for messages that are not ours are ignored.
   */
  async receipts(tx: TenantTx, channelId: string, receipts: Receipt[]): Promise<void> {
    const stopped = await this.book.note(tx, channelId, receipts, MARKETING_STOPPED);
    for (const contactId of stopped) await this.contacts.setMarketingStopped(tx, contactId, true);
    await this.book.heard(tx, channelId);
  }

  /** The newest message that the customer shall see as read, if the network was not told yet; it counts as told from now on. */
  async takeReadMark(tx: TenantTx, chatId: string): Promise<{ waMessageId: string; to: ContactAddress } | undefined> {
    const [row] = await tx.query<AddressRow & { read_mark: string }>(
      `WITH old AS (SELECT id, contact_id, read_mark FROM chats
                    WHERE merchant_id = $1 AND id = $2 AND read_mark IS NOT NULL FOR UPDATE)
       UPDATE chats h SET read_mark = NULL FROM old JOIN contacts c ON c.merchant_id = $1 AND c.id = old.contact_id
       WHERE h.merchant_id = $1 AND h.id = old.id RETURNING old.read_mark, c.phone, c.lid, c.wa_user_id`,
      [tx.merchantId, chatId],
    );
    return row && { waMessageId: row.read_mark, to: addressOfRow(row) };
  }

  /** What waits for this channel (`wait`) is due now, for it can send again. */
  async resume(tx: TenantTx, channelId: string): Promise<void> {
    const rows = await tx.query<{ chat_id: string; shard: number }>(
      // What somebody has in hand is passed over: whoever settles it looks for the next one anyway. What was put off by hours was so
      // for a reason of its own.
      `UPDATE pending_sends SET due_at = now(), ring_at = now() WHERE merchant_id = $1 AND message_id IN (
         SELECT message_id FROM pending_sends WHERE merchant_id = $1 AND channel_id = $2 AND waits > 0
           AND due_at < now() + interval '1 hour' FOR UPDATE SKIP LOCKED
       ) RETURNING chat_id, shard`,
      [tx.merchantId, channelId],
    );
    const chats = new Map(rows.map((row) => [row.chat_id, row.shard]));
    for (const [chatId, shard] of chats) tx.wake(sendChat, { merchantId: tx.merchantId, chatId, shard });
  }

  /** The chat, locked: nobody else claims in it, and who it is with does not change. */
  private async lock(tx: TenantTx, chatId: string): Promise<ChatRow | undefined> {
    const [chat] = await tx.query<ChatRow>(
      `SELECT h.contact_id, h.last_inbound_at, h.read_mark, h.begun_by, ${CONTACT_COLUMNS}
       FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id
       WHERE h.merchant_id = $1 AND h.id = $2 FOR UPDATE OF h`,
      [tx.merchantId, chatId],
    );
    return chat;
  }

  private async answered(tx: TenantTx, id: string): Promise<ClaimedSend['replyTo']> {
    const [row] = await tx.query<{ wa_message_id: string; direction: string; text: string }>(ANSWERED, [tx.merchantId, id]);
    return row ? { waMessageId: row.wa_message_id, fromUs: row.direction === 'outbound', text: row.text } : null;
  }

  /** The read mark is taken along, and from now on there is something to tap, or something that began the chat. */
  private noteClaim(
    tx: TenantTx,
    chatId: string,
    chat: ChatRow,
    { messageId, begun, offer }: { messageId: string; begun: boolean; offer: Option[] },
  ): void {
    if (!chat.read_mark && offer.length === 0 && (begun || chat.begun_by === messageId)) return;
    tx.write(
      `UPDATE chats SET read_mark = NULL, begun_by = CASE WHEN $3 THEN begun_by ELSE $4 END, offer = coalesce($5, offer)
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, chatId, begun, messageId, offer.length > 0 ? JSON.stringify(offer) : null],
    );
  }

  private async sent(tx: TenantTx, send: ClaimedSend, waMessageId: string): Promise<void> {
    const { messageId, chatId, channelId, contactId, to } = send;
    const values = [tx.merchantId, messageId, waMessageId, channelId, chatId];
    const [row] = await tx.query<{ type: string; text: string }>(SENT, values);
    if (!row) return;
    tx.outbox.emit(messageSent, {
      messageId,
      chatId,
      channelId,
      messageType: row.type,
      text: row.text,
      waMessageId,
      contactId,
      ...(to.phone ? { to: to.phone } : {}),
    });
  }

  /** What a receipt has proved to have gone out does not fail, whatever the sender was told. */
  private async failed(tx: TenantTx, send: ClaimedSend, code: string, reason: string): Promise<void> {
    const { messageId, chatId, channelId, contactId, to } = send;
    const [row] = await tx.query<{ type: string; text: string }>(FAIL, [
      tx.merchantId,
      messageId,
      send.attempts,
      JSON.stringify({ code, message: reason }),
    ]);
    if (!row) return;
    tx.outbox.emit(messageFailed, {
      messageId,
      chatId,
      channelId,
      messageType: row.type,
      text: row.text,
      contactId,
      ...(to.phone ? { to: to.phone } : {}),
      code,
      reason,
    });
    if (code === MARKETING_STOPPED) return this.contacts.setMarketingStopped(tx, contactId, true);
    // What we decided ourselves not to send is no failure.
    if (!send.refused)
      await DeadLetters.bury(tx, {
        merchantId: tx.merchantId,
        kind: 'outbound_message',
        reference: messageId,
        subjectId: chatId,
        reason: `${code}: ${reason}`,
      });
  }
}

/** Asked again when it goes out: between the queue and now the customer may have written STOP. */
function refusal(contact: ConsentRow, category: MessageCategory): ClaimedSend['refused'] {
  if (contact.blocked_at) return { code: 'contact_blocked', message: 'The customer was blocked after this was queued.' };
  if (category === 'marketing' && (contact.opted_out_at ?? contact.marketing_stopped_at))
    return { code: 'opted_out', message: 'The customer wants no marketing any more.' };
  return null;
}
