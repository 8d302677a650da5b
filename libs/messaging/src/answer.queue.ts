import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';

const MAX_ATTEMPTS = 6;

/** A customer's message that the bot has not answered. */
export interface Unanswered {
  merchantId: string;
  chatId: string;
  channelId: string;
  messageId: string;
  seq: number;
  attempts: number;
  from: string;
  name: string | null;
  content: InboundContent;
}

interface Row {
  message_id: string;
  seq: number;
  attempts: number;
  due: boolean;
  channel_id: string;
  phone: string;
  name: string | null;
  content: InboundContent;
}

/** What waits for the bot, per chat, oldest first. */
@Injectable()
export class AnswerQueue {
  constructor(private readonly tenancy: Tenancy) {}

  /** The oldest unanswered message of the chat if it is due. Holds the chat's lock until the transaction ends. */
  async next(tx: TenantTx, chatId: string): Promise<Unanswered | undefined> {
    const [lock] = await tx.query('SELECT 1 FROM chats WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [tx.merchantId, chatId]);
    if (!lock) return undefined;
    const [row] = await tx.query<Row>(
      `SELECT p.message_id, p.seq, p.attempts, p.due_at <= now() AS due, m.channel_id, c.phone, c.name, m.content
       FROM pending_answers p
       JOIN messages m ON m.merchant_id = p.merchant_id AND m.id = p.message_id
       JOIN chats ON chats.merchant_id = p.merchant_id AND chats.id = p.chat_id
       JOIN contacts c ON c.merchant_id = p.merchant_id AND c.id = chats.contact_id
       WHERE p.merchant_id = $1 AND p.chat_id = $2 ORDER BY p.seq LIMIT 1`,
      [tx.merchantId, chatId],
    );
    if (!row?.due) return undefined;
    const { seq, attempts, content, name } = row;
    const { message_id: messageId, channel_id: channelId, phone: from } = row;
    return { merchantId: tx.merchantId, chatId, channelId, messageId, seq, attempts, from, name, content };
  }

  /** The message is answered: its sender sees it as read. */
  async done(tx: TenantTx, message: Unanswered): Promise<void> {
    await this.remove(tx, message, 'read');
  }

  /** Puts the message off; after the last try it is left to a person and the chat goes on. */
  async recordFailure(message: Unanswered): Promise<{ givenUp: boolean }> {
    const attempts = message.attempts + 1;
    const givenUp = attempts >= MAX_ATTEMPTS;
    await this.tenancy.run(message.merchantId, async (tx) => {
      if (givenUp) return this.remove(tx, message, 'failed');
      await tx.query(
        `UPDATE pending_answers SET attempts = $4, due_at = now() + $5 * interval '1 millisecond',
                ring_at = now() + $5 * interval '1 millisecond'
         WHERE merchant_id = $1 AND chat_id = $2 AND seq = $3`,
        [message.merchantId, message.chatId, message.seq, attempts, backoff(attempts, 1_000, 60_000)],
      );
    });
    return { givenUp };
  }

  private async remove(tx: TenantTx, message: Unanswered, status: 'read' | 'failed'): Promise<void> {
    await tx.query(
      `WITH gone AS (
         DELETE FROM pending_answers WHERE merchant_id = $1 AND chat_id = $2 AND seq = $3 RETURNING message_id
       )
       UPDATE messages m SET status = $4,
         timeline = m.timeline || jsonb_build_object('status', $4::text, 'at', to_jsonb(clock_timestamp()))
       FROM gone WHERE m.merchant_id = $1 AND m.id = gone.message_id`,
      [tx.merchantId, message.chatId, message.seq, status],
    );
  }
}
