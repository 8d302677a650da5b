import { Injectable } from '@nestjs/common';
import { decodeCursor, isUuid, NotFoundError, type Page, pageOf, idFloor, timeOf } from '@soko/common';
import { chatHandedOver, sendChat } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import type { ChatQuery, ChatView, HandoverBody, MessageQuery } from './chat.dto.js';
import { PAUSED } from './chat-pause.js';
import type { MessageDetailView, MessageView } from './message.dto.js';
import { detailView, type MessageRow, messageView } from './message.row.js';
import { HIGHEST, LOWEST, windowsBelow } from './message-window.js';

interface ChatRow {
  id: string;
  channel_id: string;
  contact_id: string;
  phone: string | null;
  name: string | null;
  unread: number;
  bot_paused: boolean;
  bot_paused_by: string | null;
  bot_paused_until: Date | null;
  last_message_at: Date;
  last_message: MessageRow | null;
  sort_key: string;
}

/** Above the newest message: ids of the first version were made before the chat was locked, and may be a little later than it. */
const SLACK_MS = 24 * 3_600_000;

/** Reading chats and their messages. */
@Injectable()
export class ChatService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly merchants: MerchantService,
  ) {}

  /** Newest activity first. */
  async list(merchantId: string, query: ChatQuery): Promise<Page<ChatView>> {
    const after = decodeCursor(query.cursor, 'time', 'id');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<ChatRow>(
        // The last message is fetched for the chats of the page alone, each from its own partition; as a join it would be planned
        // for as many chats as there might be.
        `SELECT page.*, (SELECT to_jsonb(m) FROM messages m WHERE m.merchant_id = $1 AND m.id = page.last_message_id) AS last_message
         FROM (
           SELECT h.id, h.channel_id, h.contact_id, c.phone, coalesce(c.own_name, c.name) AS name, h.unread, ${PAUSED} AS bot_paused,
                  h.bot_paused_by, h.bot_paused_until,
                  h.last_message_id, h.last_message_at, h.last_message_at::text AS sort_key
           FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id
           WHERE h.merchant_id = $1
             AND ($2::timestamptz IS NULL OR (h.last_message_at, h.id) < ($2, $3::uuid))
             AND ($4::text IS NULL OR position(lower($4) IN lower(coalesce(c.own_name, c.name, ''))) > 0 OR position($4 IN c.phone) > 0)
             AND CASE $5::text WHEN 'unread' THEN h.unread > 0 WHEN 'handover' THEN ${PAUSED} ELSE true END
           ORDER BY h.last_message_at DESC, h.id DESC LIMIT $6
         ) AS page ORDER BY page.last_message_at DESC, page.id DESC`,
        [merchantId, after?.[0] ?? null, after?.[1] ?? null, query.q ?? null, query.status ?? null, query.limit + 1],
      ),
    );
    return pageOf(rows, query.limit, chatView, (row) => [row.sort_key, row.id]);
  }

  /** Newest first. */
  async messages(merchantId: string, chatId: string, query: MessageQuery): Promise<Page<MessageView>> {
    const rows = await this.tenancy.run(merchantId, async (tx) => {
      const [chat] = await tx.query<{ last_message_id: string | null }>(
        'SELECT last_message_id FROM chats WHERE merchant_id = $1 AND id = $2',
        [merchantId, chatId],
      );
      if (!chat) throw new NotFoundError('chat', chatId);
      return this.newest(tx, chatId, chat.last_message_id, query);
    });
    const page = pageOf(rows, query.limit, messageView, (row) => [row.id]);
    return { data: page.data, pagination: { limit: query.limit, hasMore: page.pagination.hasMore, offset: query.offset } };
  }

  async message(merchantId: string, id: string): Promise<MessageDetailView> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<MessageRow>('SELECT * FROM messages WHERE merchant_id = $1 AND id = $2', [merchantId, id]),
    );
    if (!row) throw new NotFoundError('message', id);
    return detailView(row);
  }

  /** A person has read the chat; the customer sees it too, once the gateway has told the network. */
  async markRead(merchantId: string, chatId: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [chat] = await tx.query<{ shard: number; read_mark: string | null }>(
        `UPDATE chats h SET unread = 0, read_mark = CASE WHEN h.unread > 0 THEN h.last_inbound_wa_id ELSE h.read_mark END
         FROM channels c WHERE h.merchant_id = $1 AND h.id = $2 AND c.merchant_id = $1 AND c.id = h.channel_id
         RETURNING c.shard, h.read_mark`,
        [merchantId, chatId],
      );
      if (!chat) throw new NotFoundError('chat', chatId);
      if (chat.read_mark) tx.wake(sendChat, { merchantId, chatId, shard: chat.shard });
    });
  }

  /** The bot is silent in this chat until it is released; what comes in is stored and triggers nothing. */
  async handover(merchantId: string, chatId: string, { minutes }: HandoverBody = {}, by?: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const { handoverMinutes } = await this.merchants.shop(tx);
      await this.pause(tx, chatId, { minutes: minutes ?? handoverMinutes, by });
    });
  }

  /**
   * `handover` in a transaction that is open.
   * @param by the user or API key that takes the chat; nobody where the customer asked for a person. @param minutes after which the bot has it again. @throws NotFoundError
   */
  async pause(tx: TenantTx, chatId: string, { minutes, by }: { minutes?: number; by?: string }): Promise<void> {
    const [chat] = await tx.query<{ contact_id: string; bot_paused_until: Date | null }>(
      `UPDATE chats SET bot_paused = true, bot_paused_by = $3, bot_paused_until = now() + $4 * interval '1 minute'
       WHERE merchant_id = $1 AND id = $2 RETURNING contact_id, bot_paused_until`,
      [tx.merchantId, chatId, by ?? null, minutes ?? null],
    );
    if (!chat) throw new NotFoundError('chat', chatId);
    // What has come in and was not answered is the person's to answer. Under the chat's lock nothing can come after it.
    await tx.query('DELETE FROM pending_answers WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, chatId]);
    tx.outbox.emit(chatHandedOver, {
      chatId,
      contactId: chat.contact_id,
      ...(by ? { by } : {}),
      ...(chat.bot_paused_until ? { until: chat.bot_paused_until.toISOString() } : {}),
    });
  }

  /** The bot has the chat again. `at` is a merchant's id, or the transaction that is open already. @throws NotFoundError */
  async release(at: string | TenantTx, chatId: string): Promise<void> {
    const rows = await this.tenancy.within(at, (tx) =>
      tx.query(
        `UPDATE chats SET bot_paused = false, bot_paused_by = NULL, bot_paused_until = NULL
         WHERE merchant_id = $1 AND id = $2 RETURNING id`,
        [tx.merchantId, chatId],
      ),
    );
    if (rows.length === 0) throw new NotFoundError('chat', chatId);
  }

  /** The chats with whoever has this number, E.164, in the order in which they are locked. */
  async ofPhone(tx: TenantTx, phone: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `SELECT h.id FROM contacts c JOIN chats h ON h.merchant_id = c.merchant_id AND h.contact_id = c.id
       WHERE c.merchant_id = $1 AND c.phone = $2 ORDER BY h.id`,
      [tx.merchantId, phone],
    );
    return rows.map(({ id }) => id);
  }

  /** The chat in which somebody of the team may be written to freely now: they have linked a phone, and wrote from it within WhatsApp's 24 hours. */
  async ofStaff(tx: TenantTx, userId: string): Promise<{ id: string; language: string | null } | undefined> {
    const [row] = await tx.query<{ id: string; language: string | null }>(
      `SELECT h.id, c.language FROM staff_phones s
       JOIN contacts c ON c.merchant_id = s.merchant_id AND c.id = s.contact_id
       JOIN chats h ON h.merchant_id = s.merchant_id AND h.contact_id = s.contact_id
       WHERE s.merchant_id = $1 AND s.user_id = $2 AND c.blocked_at IS NULL AND h.last_inbound_at > now() - interval '24 hours'
       ORDER BY h.last_inbound_at DESC LIMIT 1`,
      [tx.merchantId, userId],
    );
    return row;
  }

  /** One more than the page holds. What is skipped or searched for may lie anywhere, and is looked for everywhere at once. */
  private async newest(tx: TenantTx, chatId: string, newestId: string | null, query: MessageQuery): Promise<MessageRow[]> {
    const { before, limit, offset, q } = query;
    const below = before === undefined ? HIGHEST : isUuid(before) ? before.toLowerCase() : idFloor(Date.parse(before));
    const start = newestId && newestId < below ? least(below, idFloor(timeOf(newestId) + SLACK_MS)) : below;
    const windows = offset > 0 || q !== undefined ? [{ from: LOWEST, below: start }] : windowsBelow(start);
    const rows: MessageRow[] = [];
    for (const { from, below: to } of windows) {
      rows.push(
        ...(await tx.query<MessageRow>(
          `SELECT * FROM messages WHERE merchant_id = $1 AND chat_id = $2 AND id >= $3 AND id < $4
             AND ($5::text IS NULL OR position(lower($5) IN lower(text)) > 0)
           ORDER BY id DESC LIMIT $6 OFFSET $7`,
          [tx.merchantId, chatId, from, to, q ?? null, limit + 1 - rows.length, offset],
        )),
      );
      if (rows.length > limit) break;
    }
    return rows;
  }
}

const least = (one: string, other: string): string => (one < other ? one : other);

function chatView(row: ChatRow): ChatView {
  return {
    id: row.id,
    channelId: row.channel_id,
    contact: { id: row.contact_id, ...(row.phone ? { phone: row.phone } : {}), ...(row.name ? { name: row.name } : {}) },
    unread: row.unread,
    handover: row.bot_paused,
    ...(row.bot_paused && row.bot_paused_by ? { handoverBy: row.bot_paused_by } : {}),
    ...(row.bot_paused && row.bot_paused_until ? { handoverUntil: row.bot_paused_until.toISOString() } : {}),
    ...(row.last_message ? { lastMessage: messageView(row.last_message) } : {}),
    lastMessageAt: row.last_message_at.toISOString(),
  };
}
