import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { headerIn, type InboundCall } from './inbound-verifier.js';

/** Seconds by which a call may be old, or ahead of us. */
export const TOLERANCE_SECONDS = 300;
const PREFIX = 'v1,';

/** A new secret: `whsec_` and 32 random bytes in base64. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** The key of a secret `whsec_…`, of which the base64 may stand alone. */
export const keyOf = (secret: string): Buffer => Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

/**
 * The id of a call that was signed with one of these secrets not long ago, by Standard Webhooks 1.0; undefined of any other. Every signature is
 * held against every secret, in the time that it takes whatever is wrong.
 * @param now ms since 1970
 */
export function verifiedId(
  { headers, body }: Pick<InboundCall, 'headers' | 'body'>,
  secrets: string[],
  now = Date.now(),
): string | undefined {
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    headerIn({ headers }, name),
  );
  if (!id || !/^[\x21-\x7e]{1,200}$/.test(id) || !timestamp || !/^\d{1,12}$/.test(timestamp) || !signature) return undefined;
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) return undefined;
  const given = signature
    .split(' ', 10)
    .filter((each) => each.startsWith(PREFIX))
    .map((each) => Buffer.from(each.slice(PREFIX.length), 'base64'));
  const wanted = secrets.map((secret) => createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest());
  const matches = wanted.flatMap((mac) => given.map((each) => each.length === mac.length && timingSafeEqual(each, mac)));
  return matches.includes(true) ? id : undefined;
}
