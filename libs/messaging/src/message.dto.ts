import type { MessageContent } from '@soko/contracts';

export type Direction = 'inbound' | 'outbound';
export type MessageStatus = 'received' | 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed';

export class TimelineEntry {
  status!: MessageStatus;
  at!: string;
}

export class MessageView {
  id!: string;
  chatId!: string;
  channelId!: string;
  direction!: Direction;
  /** text, buttons, list, location, reply or image. */
  type!: string;
  /** In the shape it was sent with, for example `{ "type": "text", "text": { "body": "Hello" } }`. */
  content!: MessageContent;
  /** What a person would read. */
  text!: string;
  status!: MessageStatus;
  waMessageId?: string;
  replyTo?: string;
  createdAt!: string;
}

export class MessageErrorView {
  code!: string;
  message!: string;
}

export class MessageDetailView extends MessageView {
  timeline!: TimelineEntry[];
  error?: MessageErrorView;
}

export class QueuedView {
  id!: string;
  chatId!: string;
  to!: string;
  status!: 'queued';
  scheduledFor?: string;
}
