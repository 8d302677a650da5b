import type { MessageCategory, MessageErrorView } from '@soko/messaging';
import type { Wanted } from '@soko/templates';
import type { BroadcastStatus } from './broadcast-state.js';
import type { BroadcastCountsView, BroadcastView, RecipientResult, RecipientView, Segment } from './broadcasts.dto.js';

export interface BroadcastRow {
  id: string;
  name: string;
  status: BroadcastStatus;
  channel_id: string;
  template_name: string;
  variables: Record<string, unknown>;
  category: MessageCategory;
  segment: Segment;
  reason: string | null;
  due_at: Date | null;
  started_at: Date | null;
  finished_at: Date | null;
  created_at: Date;
}

/** Somebody to be written to. */
export interface PersonRow {
  contact_id: string;
  phone: string | null;
  name: string | null;
  language: string | null;
}

/** Who is next. */
export interface NextRow extends PersonRow {
  /** With them on the broadcast's channel. */
  chat_id: string | null;
}

export interface RecipientRow extends PersonRow {
  position: number;
  result: RecipientResult;
  message_id: string | null;
  why: MessageErrorView | null;
}

export type Counts = BroadcastCountsView;

/** What every event says about the broadcast. */
export const eventData = ({ id, name }: BroadcastRow) => ({ broadcastId: id, name });

export const broadcastView = (row: BroadcastRow): BroadcastView => ({
  id: row.id,
  name: row.name,
  status: row.status,
  templateName: row.template_name,
  variables: row.variables,
  segment: row.segment,
  channelId: row.channel_id,
  ...(row.due_at ? { sendAt: row.due_at.toISOString() } : {}),
  ...(row.reason ? { reason: row.reason } : {}),
  ...(row.started_at ? { startedAt: row.started_at.toISOString() } : {}),
  ...(row.finished_at ? { finishedAt: row.finished_at.toISOString() } : {}),
  createdAt: row.created_at.toISOString(),
});

/** The variable of which each customer has their own value: the name. */
export const OWN_VALUE = 'customer';

/** What one customer is to read: the same values for all, each one's own name, and their language. */
export const wantedFor = (
  { name, language }: PersonRow,
  templateName: string,
  variables: Record<string, unknown> = {},
): Wanted => ({
  name: templateName,
  language: language ?? undefined,
  variables: { [OWN_VALUE]: name ?? undefined, ...variables },
  spare: true,
});

export const personView = ({ contact_id, phone, name }: PersonRow) => ({
  contactId: contact_id,
  ...(phone ? { phone } : {}),
  ...(name ? { name } : {}),
});

export const recipientView = (row: RecipientRow): RecipientView => ({
  ...personView(row),
  status: row.result,
  ...(row.message_id ? { messageId: row.message_id } : {}),
  ...(row.why ? { why: row.why } : {}),
});
