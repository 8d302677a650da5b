import { answerChat, sendChat } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { PAUSED } from './chat-pause.js';

const OTHER_PAUSED = PAUSED.replaceAll('h.', 'o.');

interface MergedChat {
  id: string;
  contact_id: string;
  channel_id: string;
  last_seq: number;
  shard: number;
}

/**
 * Gives the chats of the contacts `gone` to `keep`: where it has none on that channel by its contact, else by moving what is in
 * it. Locks the chats of all of them first, in the order of their ids: what a sender, the bot or a receipt does with one of them
 * comes before or after all of this.
 */
export async function mergeChats(tx: TenantTx, keep: string, gone: string[]): Promise<void> {
  const chats = await tx.query<MergedChat>(
    `SELECT h.id, h.contact_id, h.channel_id, h.last_seq, c.shard FROM chats h
     JOIN channels c ON c.merchant_id = h.merchant_id AND c.id = h.channel_id
     WHERE h.merchant_id = $1 AND h.contact_id = ANY ($2::uuid[]) ORDER BY h.id FOR UPDATE OF h`,
    [tx.merchantId, [keep, ...gone]],
  );
  const kept = new Map(chats.filter((chat) => chat.contact_id === keep).map((chat) => [chat.channel_id, chat]));
  for (const chat of chats.filter((each) => each.contact_id !== keep)) {
    const into = kept.get(chat.channel_id);
    if (into) {
      await moveChat(tx, chat, into);
    } else {
      await tx.query('UPDATE chats SET contact_id = $3 WHERE merchant_id = $1 AND id = $2', [tx.merchantId, chat.id, keep]);
      kept.set(chat.channel_id, chat);
    }
  }
}

/** What has moved comes after what was there, in the order in which it is worked off; read it is in the order of its ids. */
async function moveChat(tx: TenantTx, chat: MergedChat, into: MergedChat): Promise<void> {
  const ids = [tx.merchantId, chat.id, into.id];
  // One that is on its way is not taken up again here before its sender has had the time to say what became of it.
  await tx.query(
    `UPDATE pending_sends SET chat_id = $3, seq = seq + $4,
            due_at = CASE WHEN attempts > 0 THEN greatest(due_at, now() + interval '30 seconds') ELSE due_at END
     WHERE merchant_id = $1 AND chat_id = $2`,
    [...ids, into.last_seq],
  );
  await tx.query('UPDATE pending_answers SET chat_id = $3, seq = seq + $4 WHERE merchant_id = $1 AND chat_id = $2', [
    ...ids,
    into.last_seq,
  ]);
  await tx.query('UPDATE messages SET chat_id = $3, seq = seq + $4 WHERE merchant_id = $1 AND chat_id = $2', [
    ...ids,
    into.last_seq,
  ]);
  // The conversation that was had last goes on.
  await tx.query(
    `INSERT INTO conversations (merchant_id, chat_id, state, staff, updated_at, away_on)
     SELECT $1, $3, state, staff, updated_at, away_on FROM conversations WHERE merchant_id = $1 AND chat_id = $2
     ON CONFLICT (merchant_id, chat_id) DO UPDATE
       SET state = excluded.state, staff = excluded.staff, updated_at = excluded.updated_at, away_on = excluded.away_on
       WHERE conversations.updated_at < excluded.updated_at`,
    ids,
  );
  // The cart that was filled last, too.
  await tx.query(
    `INSERT INTO carts (merchant_id, chat_id, lines, updated_at, expires_at, due_at, ring_at, reminded_at)
     SELECT $1, $3, lines, updated_at, expires_at, due_at, ring_at, reminded_at FROM carts WHERE merchant_id = $1 AND chat_id = $2
     ON CONFLICT (merchant_id, chat_id) DO UPDATE
       SET lines = excluded.lines, updated_at = excluded.updated_at, expires_at = excluded.expires_at, due_at = excluded.due_at,
           ring_at = excluded.ring_at, reminded_at = excluded.reminded_at
       WHERE carts.updated_at < excluded.updated_at`,
    ids,
  );
  await tx.query('DELETE FROM carts WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, chat.id]);
  // The one place outside of messaging that names a chat.
  await tx.query('UPDATE orders SET chat_id = $3 WHERE merchant_id = $1 AND chat_id = $2', ids);
  await tx.query('DELETE FROM conversations WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, chat.id]);
  const [merged] = await tx.query<{ last_seq: number; bot_paused: boolean }>(
    `UPDATE chats h SET last_seq = h.last_seq + o.last_seq, unread = h.unread + o.unread, bot_paused = ${PAUSED} OR ${OTHER_PAUSED},
            bot_paused_by = CASE WHEN ${PAUSED} THEN h.bot_paused_by ELSE o.bot_paused_by END,
            bot_paused_until = CASE WHEN ${PAUSED} THEN h.bot_paused_until ELSE o.bot_paused_until END,
            last_message_id = greatest(h.last_message_id, o.last_message_id),
            last_message_at = greatest(h.last_message_at, o.last_message_at),
            last_inbound_at = greatest(h.last_inbound_at, o.last_inbound_at),
            last_inbound_wa_id = CASE WHEN o.last_inbound_at > coalesce(h.last_inbound_at, '-infinity')
                                      THEN o.last_inbound_wa_id ELSE h.last_inbound_wa_id END,
            offer = CASE WHEN o.last_message_id > coalesce(h.last_message_id, '00000000-0000-0000-0000-000000000000')
                         THEN o.offer ELSE h.offer END,
            read_mark = coalesce(h.read_mark, o.read_mark), begun_by = coalesce(h.begun_by, o.begun_by)
     FROM chats o WHERE h.merchant_id = $1 AND h.id = $3 AND o.merchant_id = $1 AND o.id = $2
     RETURNING h.last_seq, h.bot_paused`,
    ids,
  );
  await tx.query('DELETE FROM chats WHERE merchant_id = $1 AND id = $2', [tx.merchantId, chat.id]);
  into.last_seq = merged!.last_seq;
  // Whoever has one of the two has both, with what waits in them.
  if (merged!.bot_paused)
    await tx.query('DELETE FROM pending_answers WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, into.id]);
  tx.wake(answerChat, { merchantId: tx.merchantId, chatId: into.id });
  tx.wake(sendChat, { merchantId: tx.merchantId, chatId: into.id, shard: into.shard });
}
