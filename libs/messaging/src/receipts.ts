import type { MessageErrorView, MessageStatus } from './message.dto.js';

/** What the network says became of a message of ours. */
export interface Receipt {
  waMessageId: string;
  /** Our own id, where the network echoes it: finds the message even when we were never told WhatsApp's id. */
  messageId?: string;
  status: 'sent' | 'delivered' | 'read' | 'failed';
  /** For `failed`. */
  error?: MessageErrorView;
}

/**
 * How far a message has come. Above "failed" stands what only a message that has arrived can be: in whatever order receipts come,
 * the end is the same.
 */
const HEIGHT: Partial<Record<MessageStatus, number>> = { queued: 0, sending: 1, sent: 2, failed: 3, delivered: 4, read: 5 };

/** Statuses that say that a message has gone out. */
const OUT: MessageStatus[] = ['sent', 'delivered', 'read'];

export interface Climb {
  status: MessageStatus;
  /** What is to be added to the timeline, in order. */
  entries: MessageStatus[];
  /** Why it has failed, if that is where it stands. */
  error: MessageErrorView | null;
  /** What is known only now: that it has gone out, or why it failed. */
  news: ('sent' | MessageErrorView)[];
}

/**
 * What receipts, in the order given, make of a message; undefined when they are old news.
 * @param before the statuses that it has had, the present one last.
 */
export function climb(before: MessageStatus[], receipts: Pick<Receipt, 'status' | 'error'>[]): Climb | undefined {
  const entries: MessageStatus[] = [];
  const news: Climb['news'] = [];
  let error: MessageErrorView | null = null;
  let isOut = before.some((status) => OUT.includes(status));
  let at = HEIGHT[before.at(-1)!] ?? Infinity;
  for (const receipt of receipts) {
    const height = HEIGHT[receipt.status]!;
    if (height <= at) continue;
    at = height;
    entries.push(receipt.status);
    error = receipt.status === 'failed' ? (receipt.error ?? UNKNOWN) : null;
    if (error) news.push(error);
    else if (!isOut) {
      isOut = true;
      news.push('sent');
    }
  }
  return entries.length > 0 ? { status: entries.at(-1)!, entries, error, news } : undefined;
}

const UNKNOWN: MessageErrorView = { code: 'failed', message: 'WhatsApp did not say why.' };
