import { Injectable } from '@nestjs/common';
import { decodeCursor, isUuid, NotFoundError, type Page, pageOf } from '@soko/common';
import { Tenancy } from '@soko/database';
import type { ChatQuery, ChatView, MessageQuery } from './chat.dto.js';
import type { MessageDetailView, MessageView } from './message.dto.js';
import { detailView, type MessageRow, messageView } from './message.row.js';

interface ChatRow {
  id: string;
  channel_id: string;
  contact_id: string;
  phone: string;
  name: string | null;
  unread: number;
  bot_paused: boolean;
  last_message_at: Date;
  last_message: MessageRow | null;
  sort_key: string;
}

/** Reading chats and their messages. */
@Injectable()
export class ChatService {
  constructor(private readonly tenancy: Tenancy) {}

  /** Newest activity first. */
  async list(merchantId: string, query: ChatQuery): Promise<Page<ChatView>> {
    const after = decodeCursor(query.cursor, 'time', 'id');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<ChatRow>(
        `SELECT h.id, h.channel_id, h.contact_id, c.phone, c.name, h.unread, h.bot_paused, h.last_message_at,
                h.last_message_at::text AS sort_key, to_jsonb(m) AS last_message
         FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id
         LEFT JOIN messages m ON m.merchant_id = h.merchant_id AND m.id = h.last_message_id
         WHERE h.merchant_id = $1
           AND ($2::timestamptz IS NULL OR (h.last_message_at, h.id) < ($2, $3::uuid))
           AND ($4::text IS NULL OR position(lower($4) IN lower(coalesce(c.name, ''))) > 0 OR position($4 IN c.phone) > 0)
           AND CASE $5::text WHEN 'unread' THEN h.unread > 0 WHEN 'handover' THEN h.bot_paused ELSE true END
         ORDER BY h.last_message_at DESC, h.id DESC LIMIT $6`,
        [merchantId, after?.[0] ?? null, after?.[1] ?? null, query.q ?? null, query.status ?? null, query.limit + 1],
      ),
    );
    return pageOf(rows, query.limit, chatView, (row) => [row.sort_key, row.id]);
  }

  /** Newest first. */
  async messages(merchantId: string, chatId: string, query: MessageQuery): Promise<Page<MessageView>> {
    const byId = isUuid(query.before);
    const rows = await this.tenancy.run(merchantId, async (tx) => {
      const [chat] = await tx.query('SELECT 1 FROM chats WHERE merchant_id = $1 AND id = $2', [merchantId, chatId]);
      if (!chat) throw new NotFoundError('chat', chatId);
      return tx.query<MessageRow>(
        `SELECT * FROM messages WHERE merchant_id = $1 AND chat_id = $2
           AND ($3::uuid IS NULL OR seq < (SELECT seq FROM messages WHERE merchant_id = $1 AND chat_id = $2 AND id = $3))
           AND ($4::timestamptz IS NULL OR created_at < $4)
         ORDER BY seq DESC LIMIT $5 OFFSET $6`,
        [merchantId, chatId, byId ? query.before : null, byId ? null : (query.before ?? null), query.limit + 1, query.offset],
      );
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

  async markRead(merchantId: string, chatId: string): Promise<void> {
    await this.update(merchantId, chatId, 'UPDATE chats SET unread = 0 WHERE merchant_id = $1 AND id = $2 RETURNING id');
  }

  /** The bot is silent in this chat until it is released; what comes in is stored and triggers nothing. */
  async handover(merchantId: string, chatId: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [chat] = await tx.query('UPDATE chats SET bot_paused = true WHERE merchant_id = $1 AND id = $2 RETURNING id', [
        merchantId,
        chatId,
      ]);
      if (!chat) throw new NotFoundError('chat', chatId);
      // What has come in and was not answered is the person's to answer. Under the chat's lock nothing can come after it.
      await tx.query('DELETE FROM pending_answers WHERE merchant_id = $1 AND chat_id = $2', [merchantId, chatId]);
    });
  }

  async release(merchantId: string, chatId: string): Promise<void> {
    await this.update(merchantId, chatId, 'UPDATE chats SET bot_paused = false WHERE merchant_id = $1 AND id = $2 RETURNING id');
  }

  private async update(merchantId: string, chatId: string, sql: string): Promise<void> {
    const rows = await this.tenancy.run(merchantId, (tx) => tx.query(sql, [merchantId, chatId]));
    if (rows.length === 0) throw new NotFoundError('chat', chatId);
  }
}

function chatView(row: ChatRow): ChatView {
  return {
    id: row.id,
    channelId: row.channel_id,
    contact: { id: row.contact_id, phone: row.phone, ...(row.name ? { name: row.name } : {}) },
    unread: row.unread,
    handover: row.bot_paused,
    ...(row.last_message ? { lastMessage: messageView(row.last_message) } : {}),
    lastMessageAt: row.last_message_at.toISOString(),
  };
}
