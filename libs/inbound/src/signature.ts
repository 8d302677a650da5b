import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** How a caller proves to have written a body: the HMAC-SHA256 of its very bytes, in a header. */
export interface HmacScheme {
  /** Before the digest, for example `sha256=`. */
  prefix: string;
  encoding: 'hex' | 'base64';
}

/** Meta's `X-Hub-Signature-256`: https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads */
export const HUB_SIGNATURE: HmacScheme = { prefix: 'sha256=', encoding: 'hex' };

/** Whether `header` signs `body`, in the time that it takes whatever is wrong. Never of a body that was parsed and written again. */
export function isSignedBy(secret: string, body: Buffer, header: string | undefined, scheme: HmacScheme): boolean {
  if (!secret || !header?.startsWith(scheme.prefix)) return false;
  const given = Buffer.from(header.slice(scheme.prefix.length), scheme.encoding);
  const wanted = createHmac('sha256', secret).update(body).digest();
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Whether two texts are the same, in a time that tells nothing of either. */
export const isSameText = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
