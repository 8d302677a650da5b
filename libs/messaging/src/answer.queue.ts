import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { ContactStore } from './contact.store.js';

const MAX_ATTEMPTS = 6;

/** A customer's message that the bot has not answered. */
export interface Unanswered {
  merchantId: string;
  chatId: string;
  channelId: string;
  messageId: string;
  seq: number;
  attempts: number;
  contactId: string;
  /** E.164: the customer's number, else one that the customer has told us; null when we know none. */
  phone: string | null;
  name: string | null;
  content: InboundContent;
  /** What the message has changed about consent. */
  consent: 'out' | 'in' | null;
}

interface Row {
  message_id: string;
  seq: number;
  attempts: number;
  due: boolean;
  channel_id: string;
  contact_id: string;
  phone: string | null;
  name: string | null;
  blocked: boolean;
  content: InboundContent;
  consent: 'out' | 'in' | null;
}

/** What waits for the bot, per chat, oldest first. */
@Injectable()
export class AnswerQueue {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly contacts: ContactStore,
  ) {}

  /** The oldest unanswered message of the chat if it is due. Holds the chat's lock until the transaction ends. */
  async next(tx: TenantTx, chatId: string): Promise<Unanswered | undefined> {
    const [lock] = await tx.query('SELECT 1 FROM chats WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [tx.merchantId, chatId]);
    if (!lock) return undefined;
    const [row] = await tx.query<Row>(
      `SELECT p.message_id, p.seq, p.attempts, p.due_at <= now() AS due, p.consent, m.channel_id, m.content, c.id AS contact_id,
              coalesce(c.phone, c.given_phone) AS phone, coalesce(c.own_name, c.name) AS name, c.blocked_at IS NOT NULL AS blocked
       FROM pending_answers p
       JOIN messages m ON m.merchant_id = p.merchant_id AND m.id = p.message_id
       JOIN chats ON chats.merchant_id = p.merchant_id AND chats.id = p.chat_id
       JOIN contacts c ON c.merchant_id = p.merchant_id AND c.id = chats.contact_id
       WHERE p.merchant_id = $1 AND p.chat_id = $2 ORDER BY p.seq LIMIT 1`,
      [tx.merchantId, chatId],
    );
    if (row?.blocked) {
      // Blocked after it came in: nobody answers any more.
      await tx.query('DELETE FROM pending_answers WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, chatId]);
      return undefined;
    }
    if (!row?.due) return undefined;
    const { seq, attempts, content, name, phone, consent } = row;
    const { message_id: messageId, channel_id: channelId, contact_id: contactId } = row;
    return { merchantId: tx.merchantId, chatId, channelId, messageId, seq, attempts, contactId, phone, name, content, consent };
  }

  /**
   * The message is answered: its sender sees it as read, as soon as the answer goes out and takes the mark along.
   * @param learnt what the answerer has made out about the sender: a number to be called at, and that it was an opt-out after all.
   */
  async done(tx: TenantTx, message: Unanswered, learnt: { phone?: string; optedOut?: boolean } = {}): Promise<void> {
    if (learnt.phone) await this.contacts.giveNumber(tx, message.contactId, learnt.phone);
    if (learnt.optedOut) await this.contacts.setOptedOut(tx, message.contactId, true);
    const waMessageId = await this.remove(tx, message, 'read');
    // Where nothing is unread, a person has read more than this one.
    await tx.query('UPDATE chats SET read_mark = $3 WHERE merchant_id = $1 AND id = $2 AND unread > 0 AND $3::text IS NOT NULL', [
      tx.merchantId,
      message.chatId,
      waMessageId ?? null,
    ]);
  }

  /** Puts the message off; after the last try it is left to a person and the chat goes on. */
  async recordFailure(message: Unanswered): Promise<{ givenUp: boolean }> {
    const attempts = message.attempts + 1;
    const givenUp = attempts >= MAX_ATTEMPTS;
    await this.tenancy.run(message.merchantId, async (tx) => {
      if (givenUp) {
        await this.remove(tx, message, 'failed');
        return;
      }
      await tx.query(
        `UPDATE pending_answers SET attempts = $3, due_at = now() + $4 * interval '1 millisecond',
                ring_at = now() + $4 * interval '1 millisecond'
         WHERE merchant_id = $1 AND message_id = $2`,
        [message.merchantId, message.messageId, attempts, backoff(attempts, 1_000, 60_000)],
      );
    });
    return { givenUp };
  }

  /** @returns WhatsApp's id of the message, if it was there. */
  private async remove(tx: TenantTx, message: Unanswered, status: 'read' | 'failed'): Promise<string | undefined> {
    const [row] = await tx.query<{ wa_message_id: string }>(
      `WITH gone AS (DELETE FROM pending_answers WHERE merchant_id = $1 AND message_id = $2 RETURNING 1)
       UPDATE messages m SET status = $3,
         timeline = m.timeline || jsonb_build_object('status', $3::text, 'at', to_jsonb(clock_timestamp()))
       FROM gone WHERE m.merchant_id = $1 AND m.id = $2 RETURNING m.wa_message_id`,
      [tx.merchantId, message.messageId, status],
    );
    return row?.wa_message_id;
  }
}
