import { randomBytes } from 'node:crypto';

/** As phones make them. Random even with a seed: a client that outlives the server must not take new messages for old ones. */
export function messageId(): string {
  return `3A${randomBytes(9).toString('hex').toUpperCase()}`;
}
