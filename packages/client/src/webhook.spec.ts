import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { verifyWebhook, WebhookVerificationError } from './webhook.js';

/** Of the specification. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const BODY = '{"test": 2432232314}';
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const AT = 1_614_265_330;
const HEADERS = { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': String(AT), 'webhook-signature': SIGNATURE };

const verify = (over: Partial<Record<keyof typeof HEADERS, string>> = {}, body: string | Uint8Array = BODY, seconds = AT) =>
  verifyWebhook(body, { ...HEADERS, ...over }, SECRET, { now: seconds * 1000 });
const codeOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.code;
    throw error;
  }
  return 'verified';
};

describe('a signed call', () => {
  it('is the event in its body', () => {
    expect(verify()).toEqual({ test: 2_432_232_314 });
    expect(verify({}, Buffer.from(BODY))).toEqual({ test: 2_432_232_314 });
    expect(verify({}, new TextEncoder().encode(BODY))).toEqual({ test: 2_432_232_314 });
  });

  it('is known by headers in every form', () => {
    const capital = Object.fromEntries(Object.entries(HEADERS).map(([name, value]) => [name.toUpperCase(), value]));
    const lists = Object.fromEntries(Object.entries(HEADERS).map(([name, value]) => [name, [value]]));
    for (const headers of [capital, lists, new Headers(HEADERS), new Headers(capital)])
      expect(verifyWebhook(BODY, headers, SECRET, { now: AT * 1000 })).toEqual({ test: 2_432_232_314 });
  });

  it('may have several signatures, of which one matches: secrets are rotated', () => {
    const other = new Webhook(OTHER).sign(HEADERS['webhook-id'], new Date(AT * 1000), BODY);
    for (const signatures of [`${other} ${SIGNATURE}`, `${SIGNATURE} ${other}`, `v1a,xyz ${SIGNATURE}`, `v1, v1 , ${SIGNATURE}`])
      expect(codeOf(() => verify({ 'webhook-signature': signatures }))).toBe('verified');
  });

  it('may be checked with several secrets, of which one matches', () => {
    const now = AT * 1000;
    for (const secrets of [
      [OTHER, SECRET],
      [SECRET, OTHER],
    ])
      expect(codeOf(() => verifyWebhook(BODY, HEADERS, secrets, { now }))).toBe('verified');
    expect(codeOf(() => verifyWebhook(BODY, HEADERS, [OTHER], { now }))).toBe('no_match');
  });

  it('may be 300 seconds off, both ways', () => {
    expect(codeOf(() => verify({}, BODY, AT + 300))).toBe('verified');
    expect(codeOf(() => verify({}, BODY, AT - 300))).toBe('verified');
    expect(codeOf(() => verify({}, BODY, AT + 301))).toBe('too_old');
    expect(codeOf(() => verify({}, BODY, AT - 301))).toBe('too_new');
    expect(codeOf(() => verifyWebhook(BODY, HEADERS, SECRET, { now: (AT + 11) * 1000, tolerance: 10 }))).toBe('too_old');
  });

  it('is what the official library signs, now', () => {
    const at = new Date();
    const body = JSON.stringify({ type: 'order_created', data: { name: 'Rudo 🌽' } });
    const headers = {
      'webhook-id': 'e1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(SECRET).sign('e1', at, body),
    };
    expect(verifyWebhook(body, headers, SECRET)).toEqual(JSON.parse(body));
    expect(verifyWebhook(Buffer.from(body), headers, SECRET)).toEqual(JSON.parse(body));
  });
});

describe('refused is', () => {
  it.each(Object.keys(HEADERS))('a call without %s', (name) => {
    expect(codeOf(() => verify({ [name]: undefined }))).toBe('missing_header');
    expect(codeOf(() => verify({ [name]: '' }))).toBe('missing_header');
  });

  it.each(['now', '1614265330.5', '-1614265330', '0x6037b1b2', ' 1614265330', '1614265330\n', '99999999999999999999'])(
    'a time of %j',
    (time) => {
      expect(codeOf(() => verify({ 'webhook-timestamp': time }))).toBe('bad_timestamp');
    },
  );

  it('whatever was changed', () => {
    const changed = [
      () => verify({}, BODY.replace('2432232314', '2432232315')),
      () => verify({}, `${BODY} `),
      () => verify({}, ''),
      () => verify({ 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJeK' }),
      () => verify({ 'webhook-timestamp': String(AT + 1) }),
    ];
    for (const each of changed) expect(codeOf(each)).toBe('no_match');
  });

  it('a signature that is none of ours', () => {
    const digest = SIGNATURE.slice(3);
    const sha512 = createHmac('sha512', Buffer.from(SECRET.slice(6), 'base64'))
      .update('x')
      .digest('base64');
    for (const signature of [
      digest,
      `v2,${digest}`,
      `v1a,${digest}`,
      `V1,${digest}`,
      'v1,',
      'v1',
      `v1,${sha512}`,
      `v1,${digest.slice(4)}`,
      'v1,ü',
    ])
      expect(
        codeOf(() => verify({ 'webhook-signature': signature })),
        signature,
      ).toBe('no_match');
  });

  it('a body that is signed and is not JSON', () => {
    const signature = new Webhook(SECRET).sign('e1', new Date(AT * 1000), 'no json');
    expect(codeOf(() => verify({ 'webhook-id': 'e1', 'webhook-signature': signature }, 'no json'))).toBe('not_json');
  });

  it.each(['', 'whsec_', 'whsec_c2hvcnQ=', 'whsec_not base64 at all, whatever it may be', `whsec_${'A'.repeat(100)}`])(
    'a secret of %j, as a mistake of the program',
    (secret) => {
      expect(() => verifyWebhook(BODY, HEADERS, secret, { now: AT * 1000 })).toThrow(TypeError);
      expect(() => verifyWebhook(BODY, HEADERS, [], { now: AT * 1000 })).toThrow(TypeError);
    },
  );
});
