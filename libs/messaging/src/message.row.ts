import type { MessageContent } from '@soko/contracts';
import type { Direction, MessageDetailView, MessageErrorView, MessageStatus, MessageView, TimelineEntry } from './message.dto.js';

/** A row of `messages`, straight or through to_jsonb. */
export interface MessageRow {
  id: string;
  chat_id: string;
  channel_id: string;
  direction: Direction;
  type: string;
  content: MessageContent;
  text: string;
  status: MessageStatus;
  timeline: TimelineEntry[];
  error: MessageErrorView | null;
  wa_message_id: string | null;
  reply_to: string | null;
  scheduled_for: Date | string | null;
  template_id: string | null;
  template_version: number | null;
  created_at: Date | string;
}

export function messageView(row: MessageRow): MessageView {
  return {
    id: row.id,
    chatId: row.chat_id,
    channelId: row.channel_id,
    direction: row.direction,
    type: row.type,
    content: row.content,
    text: row.text,
    status: row.status,
    ...(row.wa_message_id ? { waMessageId: row.wa_message_id } : {}),
    ...(row.reply_to ? { replyTo: row.reply_to } : {}),
    ...(row.template_id ? { template: { id: row.template_id, version: row.template_version! } } : {}),
    ...(row.scheduled_for ? { scheduledFor: new Date(row.scheduled_for).toISOString() } : {}),
    createdAt: new Date(row.created_at).toISOString(),
  };
}

export function detailView(row: MessageRow): MessageDetailView {
  return {
    ...messageView(row),
    timeline: row.timeline.map(({ status, at }) => ({ status, at: new Date(at).toISOString() })),
    ...(row.error ? { error: row.error } : {}),
  };
}
