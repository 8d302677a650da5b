import type { MessageContent } from '@soko/contracts';

export type Direction = 'inbound' | 'outbound';
export type MessageStatus = 'received' | 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'cancelled';
/** What a message is for, in WhatsApp's words: marketing needs the customer's consent, and each has its price. */
export const MESSAGE_CATEGORIES = ['utility', 'marketing', 'authentication'] as const;
export type MessageCategory = (typeof MESSAGE_CATEGORIES)[number];

export class TimelineEntry {
  /** @example sent */
  status!: MessageStatus;
  at!: string;
}

export class MessageTemplateView {
  /** @example 01990000-0000-7000-8000-000000000004 */
  id!: string;
  /** @example 2 */
  version!: number;
}

export class MessageView {
  id!: string;
  chatId!: string;
  channelId!: string;
  /** @example outbound */
  direction!: Direction;
  /**
   * Sent: text, buttons, list, media or location. Received: text, reply (an option that was tapped, or written back), location, image, video,
   * audio, document, sticker, contacts, order, or unsupported. @example text
   */
  type!: string;
  /** In the shape it was sent with. @example { "type": "text", "text": { "body": "Hello" } } */
  content!: MessageContent;
  /** What a person would read. @example Hello */
  text!: string;
  /** Received messages: received, read (answered) or failed (the bot could not answer). Sent ones: queued, sending, sent, delivered, read, failed or cancelled. @example delivered */
  status!: MessageStatus;
  /** @example SOKO0198F0C2A7E27CC0 */
  waMessageId?: string;
  /** @example 01990000-0000-7000-8000-000000000002 */
  replyTo?: string;
  /** The template that it was made of, as that was then: GET /api/templates/:id/versions. */
  template?: MessageTemplateView;
  /** It was to be sent not before this time. @example 2026-11-26T08:00:00.000Z */
  scheduledFor?: string;
  createdAt!: string;
}

export class MessageErrorView {
  /** @example recipient_unreachable */
  code!: string;
  /** @example "This number is not on WhatsApp." */
  message!: string;
}

export class MessageDetailView extends MessageView {
  timeline!: TimelineEntry[];
  error?: MessageErrorView;
}

export class QueuedView {
  id!: string;
  chatId!: string;
  /** Missing where WhatsApp hides the number. @example +263771234567 */
  to?: string;
  status!: 'queued';
  /** @example 2026-11-25T08:00:00.000Z */
  scheduledFor?: string;
}
