import { createHmac, timingSafeEqual } from 'node:crypto';

/* https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */

export interface WebhookEvent<D = Record<string, unknown>> {
  /** The same however often the event is delivered: keep it, and let one pass that you know already. */
  id: string;
  type: string;
  /** ISO 8601, when it happened. */
  timestamp: string;
  merchantId: string;
  data: D;
}

/** Headers of a request: those of Node's `http`, of Express, Fastify and the like, or of `fetch`. */
export type HeaderSource = { get(name: string): string | null } | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** How far the time of the call may lie from now, in seconds, both ways. */
  tolerance?: number;
  /** Milliseconds since 1970; the present time when left out. */
  now?: number;
}

/** The call is not from Soko, or too old, or was changed on its way: answer with 401 and do nothing. */
export class WebhookVerificationError extends Error {
  constructor(
    readonly code: 'missing_header' | 'bad_timestamp' | 'too_old' | 'too_new' | 'no_match' | 'not_json',
    message: string,
  ) {
    super(message);
    this.name = 'WebhookVerificationError';
  }
}

/**
 * The event in a webhook's body, once it is proven to be from Soko.
 * @param body the very bytes that came, before any parsing: what was parsed and written again may differ.
 * @param secrets `whsec_…` of the subscription. Several while you change them: any may match.
 * @throws WebhookVerificationError; TypeError for a secret that is none
 */
export function verifyWebhook<D = Record<string, unknown>>(
  body: string | Uint8Array,
  headers: HeaderSource,
  secrets: string | string[],
  { tolerance = 300, now = Date.now() }: VerifyOptions = {},
): WebhookEvent<D> {
  const keys = [secrets].flat().map(keyOf);
  if (keys.length === 0) throw new TypeError('a secret is needed: whsec_… of the subscription');
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const signatures = headerOf(headers, 'webhook-signature').split(' ');
  checkTime(timestamp, tolerance, now);
  const expected = keys.map((key) => createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest());
  // All are compared, so that the time it takes tells nothing of which matched.
  const matches = signatures.flatMap((signature) => expected.map((digest) => isSame(signature, digest)));
  if (!matches.includes(true))
    throw new WebhookVerificationError('no_match', 'no signature matches: is it the right secret, and the body as it came?');
  try {
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as WebhookEvent<D>;
  } catch {
    throw new WebhookVerificationError('not_json', 'the body is not JSON');
  }
}

/** 24 to 64 bytes, in base64 after `whsec_`. */
function keyOf(secret: string): Buffer {
  const text = secret.replace(/^whsec_/, '');
  const key = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || key.length < 24 || key.length > 64)
    throw new TypeError('the secret must look like whsec_…, as it was shown when the subscription was made');
  return key;
}

function headerOf(headers: HeaderSource, name: string): string {
  const given = hasGet(headers) ? headers.get(name) : ownHeader(headers, name);
  const value = Array.isArray(given) ? given.join(' ') : given;
  if (!value) throw new WebhookVerificationError('missing_header', `the header ${name} is missing`);
  return value;
}

const hasGet = (headers: HeaderSource): headers is { get(name: string): string | null } =>
  'get' in headers && typeof headers.get === 'function';

/** Most servers write header names small; not all do. */
const ownHeader = (headers: Record<string, string | string[] | undefined>, name: string): string | string[] | undefined =>
  headers[name] ?? Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];

function checkTime(timestamp: string, tolerance: number, now: number): void {
  if (!/^\d{1,12}$/.test(timestamp))
    throw new WebhookVerificationError('bad_timestamp', 'webhook-timestamp must be seconds since 1970');
  const age = Math.floor(now / 1000) - Number(timestamp);
  if (age > tolerance) throw new WebhookVerificationError('too_old', `the call was signed ${age} s ago: it may be a replay`);
  if (-age > tolerance)
    throw new WebhookVerificationError('too_new', `the call was signed ${-age} s in the future: is the clock right?`);
}

/** Only `v1` is HMAC-SHA256; others are for other keys. */
function isSame(signature: string, digest: Buffer): boolean {
  const [version, text = ''] = signature.split(',', 2);
  const given = Buffer.from(text, 'base64');
  return version === 'v1' && given.length === digest.length && timingSafeEqual(given, digest);
}
