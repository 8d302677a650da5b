import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { DeadLetters } from '@soko/dead-letters';
import type { StaffMember } from '@soko/identity';
import { ContactStore, type Spoken } from './contact.store.js';

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
  /** E.164: the customer's number as WhatsApp tells it. */
  provenPhone: string | null;
  name: string | null;
  /** What the customer speaks, as far as we know. */
  language: string | null;
  /** The customer said so. */
  languageChosen: boolean;
  content: InboundContent;
  /** What the message has changed about consent. */
  consent: 'out' | 'in' | null;
  /** Who of the merchant's team writes from this phone, as they are in the team now; null for customers. */
  staff: StaffMember | null;
  /** The merchant wants the bot to answer no customer. */
  shopPaused: boolean;
  /** Another one waits behind it. What comes later has an alarm of its own, which waits for the chat's lock. */
  more: boolean;
}

/** What a message tells about its sender. */
export interface Learnt {
  phone?: string;
  optedOut?: boolean;
  spoken?: Spoken;
}

interface Row {
  message_id: string;
  seq: number;
  attempts: number;
  due: boolean;
  channel_id: string;
  contact_id: string;
  phone: string | null;
  proven_phone: string | null;
  name: string | null;
  language: string | null;
  language_chosen: boolean;
  blocked: boolean;
  content: InboundContent;
  consent: 'out' | 'in' | null;
  staff: StaffMember | null;
  shop_paused: boolean;
}

/** $1 merchant, $2 message, $3 its new status: it waits no longer. */
const REMOVED = `gone AS (DELETE FROM pending_answers WHERE merchant_id = $1 AND message_id = $2 RETURNING 1),
  removed AS (
    UPDATE messages m SET status = $3, timeline = m.timeline || jsonb_build_object('status', $3::text, 'at', to_jsonb(clock_timestamp()))
    FROM gone WHERE m.merchant_id = $1 AND m.id = $2 RETURNING m.wa_message_id
  )`;

/** What waits for the bot, per chat, oldest first. */
@Injectable()
export class AnswerQueue {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly contacts: ContactStore,
  ) {}

  /** Takes the chat's lock until the transaction ends: what its customer writes meanwhile comes after. @returns whether there is one */
  async hold(tx: TenantTx, chatId: string): Promise<boolean> {
    const rows = await tx.query('SELECT 1 FROM chats WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [tx.merchantId, chatId]);
    return rows.length > 0;
  }

  /** The oldest unanswered message of the chat if it is due. Holds the chat's lock until the transaction ends. */
  async next(tx: TenantTx, chatId: string): Promise<Unanswered | undefined> {
    const [, [row, second]] = await Promise.all([this.hold(tx, chatId), this.waiting(tx, chatId)]);
    if (row?.blocked) {
      // Blocked after it came in: nobody answers any more.
      await tx.query('DELETE FROM pending_answers WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, chatId]);
      return undefined;
    }
    if (!row?.due) return undefined;
    const { seq, attempts, content, name, phone, language, consent } = row;
    return {
      merchantId: tx.merchantId,
      chatId,
      channelId: row.channel_id,
      messageId: row.message_id,
      seq,
      attempts,
      contactId: row.contact_id,
      phone,
      provenPhone: row.proven_phone,
      name,
      language,
      languageChosen: row.language_chosen,
      content,
      consent,
      staff: row.staff,
      shopPaused: row.shop_paused,
      more: second !== undefined,
    };
  }

  /** Nobody answers the message by itself: it is there, unread, for a person. */
  async leave(tx: TenantTx, { messageId }: Unanswered): Promise<void> {
    await tx.query('DELETE FROM pending_answers WHERE merchant_id = $1 AND message_id = $2', [tx.merchantId, messageId]);
  }

  /** The oldest two; of a chat that is there. */
  private waiting(tx: TenantTx, chatId: string): Promise<Row[]> {
    return tx.query<Row>(
      `SELECT p.message_id, p.seq, p.attempts, p.due_at <= now() AS due, p.consent, m.channel_id, m.content, c.id AS contact_id,
              coalesce(c.phone, c.given_phone) AS phone, c.phone AS proven_phone, coalesce(c.own_name, c.name) AS name,
              c.language, c.language_chosen, c.blocked_at IS NOT NULL AS blocked, shop.bot_paused AS shop_paused,
              CASE WHEN u.id IS NOT NULL THEN jsonb_build_object('id', u.id, 'name', u.name, 'role', u.role) END AS staff
       FROM pending_answers p
       JOIN messages m ON m.merchant_id = p.merchant_id AND m.id = p.message_id
       JOIN chats ON chats.merchant_id = p.merchant_id AND chats.id = p.chat_id
       JOIN contacts c ON c.merchant_id = p.merchant_id AND c.id = chats.contact_id
       JOIN merchants shop ON shop.id = p.merchant_id
       LEFT JOIN staff_phones s ON s.merchant_id = p.merchant_id AND s.contact_id = c.id
       LEFT JOIN users u ON u.merchant_id = p.merchant_id AND u.id = s.user_id
       WHERE p.merchant_id = $1 AND p.chat_id = $2 ORDER BY p.seq LIMIT 2`,
      [tx.merchantId, chatId],
    );
  }

  /**
   * The message is answered: its sender sees it as read, as soon as the answer goes out and takes the mark along.
   * @param learnt what the answerer has made out about the sender: a number to be called at, that it was an opt-out after all, and a language.
   */
  async done(tx: TenantTx, message: Unanswered, learnt: Learnt = {}): Promise<void> {
    if (learnt.phone) await this.contacts.giveNumber(tx, message.contactId, learnt.phone);
    if (learnt.optedOut) await this.contacts.setOptedOut(tx, message.contactId, true);
    if (learnt.spoken) await this.contacts.setLanguage(tx, message.contactId, learnt.spoken);
    // Where nothing is unread, a person has read more than this one.
    tx.write(
      `WITH ${REMOVED}
       UPDATE chats h SET read_mark = removed.wa_message_id FROM removed
       WHERE h.merchant_id = $1 AND h.id = $4 AND h.unread > 0 AND removed.wa_message_id IS NOT NULL`,
      [tx.merchantId, message.messageId, 'read', message.chatId],
    );
  }

  /** Puts the message off; after the last try it is left to a person and the chat goes on. */
  async recordFailure(message: Unanswered, error: unknown): Promise<{ givenUp: boolean }> {
    const attempts = message.attempts + 1;
    const givenUp = attempts >= MAX_ATTEMPTS;
    await this.tenancy.run(message.merchantId, async (tx) => {
      if (givenUp) {
        tx.write(`WITH ${REMOVED} SELECT 1 FROM removed`, [tx.merchantId, message.messageId, 'failed']);
        await DeadLetters.bury(tx, {
          merchantId: message.merchantId,
          kind: 'unanswered_message',
          reference: message.messageId,
          subjectId: message.chatId,
          reason: error,
        });
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
}
