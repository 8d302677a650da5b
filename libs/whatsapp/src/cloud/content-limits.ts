import { TransportError } from '../transport.js';

/** What Meta would refuse is not sent: a call that is sure to fail counts against the number. */
export class ContentError extends TransportError {
  constructor(code: string, message: string) {
    super(code, message, 'failed');
    this.name = 'ContentError';
  }
}

/** `text`, which has 1 to `max` characters; an emoji is one of them, as Meta counts. */
export function atMost(path: string, text: string, max: number): string {
  const length = Array.from(text).length;
  if (length > max) throw new ContentError('content_too_long', `${path} has ${length} characters; WhatsApp takes ${max}`);
  if (text.trim() === '') throw new ContentError('content_empty', `${path} is empty`);
  return text;
}

export function counted<T>(path: string, items: T[], min: number, max: number): T[] {
  if (items.length >= min && items.length <= max) return items;
  throw new ContentError('content_count', `${path}: there are ${items.length}; WhatsApp takes ${min} to ${max}`);
}

export function distinct(path: string, values: string[]): void {
  if (new Set(values).size < values.length) throw new ContentError('content_not_unique', `${path} must be different in each`);
}
