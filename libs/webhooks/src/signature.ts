import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { keyOf } from '@soko/inbound';

/** The key that a secret stands for: what is decoded once signs many calls. */
export const signingKey = (secret: string): KeyObject => createSecretKey(keyOf(secret));

/**
 * The headers that prove a call to be ours, by Standard Webhooks 1.0.
 * @param keys newest first: while a secret is being replaced both sign. @param id the same on every try.
 * @param timestamp of this try, in seconds. @param body the very bytes that are sent.
 */
export function signatureHeaders(keys: KeyObject[], id: string, timestamp: number, body: string): Record<string, string> {
  const content = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signatures.join(' ') };
}
