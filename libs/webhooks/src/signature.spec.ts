import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newSecret } from '@soko/inbound';
import { signatureHeaders as headersBy, signingKey } from './signature.js';

const signatureHeaders = (secret: string, id: string, timestamp: number, body: string) =>
  headersBy([signingKey(secret)], id, timestamp, body);
const now = (): number => Math.floor(Date.now() / 1000);

describe('signatureHeaders', () => {
  /* https://github.com/standard-webhooks/standard-webhooks: the vector of the specification. */
  it('gives what Standard Webhooks gives', () => {
    expect(
      signatureHeaders(
        'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        'msg_p5jXN8AQM9LWM0D4loKWxJek',
        1614265330,
        '{"test": 2432232314}',
      ),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is verified by the official library, whatever the body and the key', () => {
    const key = fc.integer({ min: 24, max: 64 }).map((length) => `whsec_${randomBytes(length).toString('base64')}`);
    fc.assert(
      fc.property(fc.json(), fc.uuid(), key, (body, id, secret) => {
        expect(new Webhook(secret).verify(body, signatureHeaders(secret, id, now(), body))).toEqual(JSON.parse(body));
      }),
    );
  });

  it.each(['{"name":"Rudo 🌽"}', '{"name":"é\u0301"}', '{ "b": 1,\n "a": 2 }'])(
    'signs the very bytes that are sent: %s',
    (body) => {
      const secret = newSecret();
      const headers = signatureHeaders(secret, 'id', now(), body);
      const received = Buffer.from(body, 'utf8').toString('utf8');
      expect(new Webhook(secret).verify(received, headers)).toEqual(JSON.parse(body));
      expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow(/signature/i);
    },
  );

  it.each([
    ['another body', { body: '{"a":2}' }],
    ['another id', { id: 'other' }],
    ['another time', { timestamp: now() - 10 }],
    ['another key', { secret: newSecret() }],
  ])('is not the same for %s', (_, over) => {
    const call = { secret: newSecret(), id: 'id', timestamp: now(), body: '{"a":1}' };
    const sign = (each: typeof call) => signatureHeaders(each.secret, each.id, each.timestamp, each.body)['webhook-signature'];
    expect(sign({ ...call, ...over })).not.toBe(sign(call));
    expect(sign(call)).toBe(sign({ ...call }));
  });

  it('expires: the library refuses a replay of ten minutes ago', () => {
    const secret = newSecret();
    const headers = signatureHeaders(secret, 'id', now() - 600, '{}');
    expect(() => new Webhook(secret).verify('{}', headers)).toThrow(/old/);
  });
});

describe('newSecret', () => {
  it('has its prefix, 32 random bytes in base64, and never comes twice', () => {
    const secrets = Array.from({ length: 50 }, newSecret);
    expect(new Set(secrets).size).toBe(50);
    for (const secret of secrets) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
      expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    }
  });
});
