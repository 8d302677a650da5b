import { Injectable } from '@nestjs/common';
import { isUuid } from '@soko/common';
import { messageFailed, messageSent, sendChat } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { DeadLetters } from '@soko/dead-letters';
import type { MessageStatus, TimelineEntry } from './message.dto.js';
import { type Climb, climb, type Receipt } from './receipts.js';
import { TOLD_TEXT } from './send.sql.js';

interface ToldMessage {
  id: string;
  chat_id: string;
  contact_id: string;
  phone: string | null;
  type: string;
  text: string;
  status: MessageStatus;
  timeline: TimelineEntry[];
}

interface Change extends Climb {
  message: ToldMessage;
  receipts: Receipt[];
}

/** Writes receipts down, many at once in few statements. */
@Injectable()
export class ReceiptBook {
  /** @param stopCode the error by which a customer has stopped the merchant's marketing. @returns the contacts that have. */
  async note(tx: TenantTx, channelId: string, receipts: Receipt[], stopCode: string): Promise<string[]> {
    const told = await this.find(tx, channelId, receipts);
    if (told.size === 0) return [];
    const ids = [...told.keys()].toSorted();
    // Pending rows before messages, each in the order of ids, as everybody who locks both.
    const pending = await tx.query<{ message_id: string; chat_id: string; shard: number }>(
      'SELECT message_id, chat_id, shard FROM pending_sends WHERE merchant_id = $1 AND message_id = ANY ($2::uuid[]) ORDER BY message_id FOR UPDATE',
      [tx.merchantId, ids],
    );
    const messages = await this.lock(tx, channelId, ids);
    const changes = messages.flatMap((message): Change[] => {
      const mine = told.get(message.id)!;
      const change = climb([...message.timeline.map(({ status }) => status), message.status], mine);
      return change ? [{ ...change, message, receipts: mine }] : [];
    });
    await this.write(tx, channelId, changes);
    const settled = new Set(changes.map(({ message }) => message.id));
    for (const row of pending) {
      // What waited behind it may go.
      if (settled.has(row.message_id)) tx.wake(sendChat, { merchantId: tx.merchantId, chatId: row.chat_id, shard: row.shard });
    }
    for (const change of changes) emit(tx, channelId, change);
    await this.bury(tx, changes, stopCode);
    const stops = changes.filter(({ receipts: all }) => all.some(({ error }) => error?.code === stopCode));
    return [...new Set(stops.map(({ message }) => message.contact_id))].toSorted();
  }

  /** The network has told us something: now, or in the last seconds, for that is near enough. Waits for nobody who notes the same. */
  async heard(tx: TenantTx, channelId: string): Promise<void> {
    await tx.query(
      `UPDATE channel_states SET heard_at = now() WHERE merchant_id = $1 AND channel_id IN (
         SELECT channel_id FROM channel_states WHERE merchant_id = $1 AND channel_id = $2
           AND (heard_at IS NULL OR heard_at < now() - interval '5 seconds') FOR UPDATE SKIP LOCKED)`,
      [tx.merchantId, channelId],
    );
  }

  /** Receipts by the message that they are about, in order: found by WhatsApp's id, or by our own where the network echoes it. */
  private async find(tx: TenantTx, channelId: string, receipts: Receipt[]): Promise<Map<string, Receipt[]>> {
    const rows = await tx.query<{ wa_message_id: string; message_id: string }>(
      'SELECT wa_message_id, message_id FROM message_ids WHERE merchant_id = $1 AND channel_id = $2 AND wa_message_id = ANY ($3::text[])',
      [tx.merchantId, channelId, receipts.map(({ waMessageId }) => waMessageId)],
    );
    const known = new Map(rows.map((row) => [row.wa_message_id, row.message_id]));
    const told = new Map<string, Receipt[]>();
    for (const receipt of receipts) {
      const echoed = isUuid(receipt.messageId) ? receipt.messageId.toLowerCase() : undefined;
      const id = known.get(receipt.waMessageId) ?? echoed;
      if (id) told.set(id, [...(told.get(id) ?? []), receipt]);
    }
    return told;
  }

  private lock(tx: TenantTx, channelId: string, ids: string[]): Promise<ToldMessage[]> {
    return tx.query(
      // From the ids to the messages, one partition for each: an array would be looked for in all of them.
      `SELECT m.id, m.chat_id, h.contact_id, c.phone, m.type, ${TOLD_TEXT}, m.status, m.timeline
       FROM unnest($3::uuid[]) AS told (id)
       JOIN messages m ON m.merchant_id = $1 AND m.id = told.id AND m.channel_id = $2 AND m.direction = 'outbound'
       JOIN chats h ON h.merchant_id = $1 AND h.id = m.chat_id
       JOIN contacts c ON c.merchant_id = $1 AND c.id = h.contact_id
       ORDER BY m.id FOR NO KEY UPDATE OF m`,
      [tx.merchantId, channelId, ids],
    );
  }

  /** What the network has refused after all; that a customer wants no marketing is no failure. */
  private bury(tx: TenantTx, changes: Change[], stopCode: string): Promise<void> {
    return DeadLetters.buryMany(
      tx,
      changes.flatMap(({ message, error }) =>
        error && error.code !== stopCode
          ? [
              {
                merchantId: tx.merchantId,
                kind: 'outbound_message' as const,
                reference: message.id,
                subjectId: message.chat_id,
                reason: `${error.code}: ${error.message}`,
              },
            ]
          : [],
      ),
    );
  }

  private async write(tx: TenantTx, channelId: string, changes: Change[]): Promise<void> {
    if (changes.length === 0) return;
    const ids = changes.map(({ message }) => message.id);
    await tx.query(
      `UPDATE messages m SET status = t.status, error = t.error::jsonb, wa_message_id = coalesce(m.wa_message_id, t.wa_message_id),
              timeline = m.timeline || (SELECT jsonb_agg(jsonb_build_object('status', e, 'at', to_jsonb(clock_timestamp())))
                                        FROM jsonb_array_elements_text(t.entries::jsonb) AS e)
       FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]) AS t (id, status, entries, error, wa_message_id)
       WHERE m.merchant_id = $1 AND m.id = t.id`,
      [
        tx.merchantId,
        ids,
        changes.map(({ status }) => status),
        changes.map(({ entries }) => JSON.stringify(entries)),
        changes.map(({ error }) => (error ? JSON.stringify(error) : null)),
        changes.map(({ receipts }) => receipts.at(-1)!.waMessageId),
      ],
    );
    const named = changes.flatMap(({ message, receipts }) =>
      receipts.map(({ waMessageId }) => [waMessageId, message.id] as const),
    );
    await tx.query(
      `WITH gone AS (DELETE FROM pending_sends WHERE merchant_id = $1 AND message_id = ANY ($2::uuid[]))
       INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id)
       SELECT $1, $3, t.wa_message_id, t.message_id FROM unnest($4::text[], $5::uuid[]) AS t (wa_message_id, message_id)
       ON CONFLICT DO NOTHING`,
      [tx.merchantId, ids, channelId, named.map(([waId]) => waId), named.map(([, id]) => id)],
    );
  }
}

function emit(tx: TenantTx, channelId: string, { message, receipts, news }: Change): void {
  const data = {
    messageId: message.id,
    chatId: message.chat_id,
    channelId,
    messageType: message.type,
    text: message.text,
    waMessageId: receipts.at(-1)!.waMessageId,
    contactId: message.contact_id,
    ...(message.phone ? { to: message.phone } : {}),
  };
  for (const each of news) {
    if (each === 'sent') tx.outbox.emit(messageSent, data);
    else tx.outbox.emit(messageFailed, { ...data, code: each.code, reason: each.message });
  }
}
