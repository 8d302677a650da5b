import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { newSecret, verifiedId } from './standard-webhook.js';

const [SECRET, OTHER] = [newSecret(), newSecret()];
const NOW = 1_780_000_000_000;
const BODY = Buffer.from('{ "a": 1.0 }');

/** Signed by the official library. */
function signed({ body = BODY, secret = SECRET, at = NOW, id = 'msg_1' } = {}) {
  const time = new Date(at);
  return {
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, time, body.toString()),
    } as Record<string, string | string[] | undefined>,
  };
}
const check = (call: ReturnType<typeof signed>, ...secrets: string[]) =>
  verifiedId(call, secrets.length > 0 ? secrets : [SECRET], NOW);

test('the vector of Standard Webhooks 1.0', () => {
  const call = {
    body: Buffer.from('{"test": 2432232314}'),
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  };
  const key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  expect(verifiedId(call, [key], 1_614_265_330_000)).toBe('msg_p5jXN8AQM9LWM0D4loKWxJek');
  expect(verifiedId(call, [`whsec_${key}`], 1_614_265_330_000)).toBe('msg_p5jXN8AQM9LWM0D4loKWxJek');
  expect(verifiedId(call, [key])).toBeUndefined();
});

test('what the official library signs is right, with any of the secrets', () => {
  expect(check(signed())).toBe('msg_1');
  expect(check(signed({ secret: OTHER }), SECRET, OTHER)).toBe('msg_1');
  expect(check(signed({ secret: OTHER }))).toBeUndefined();
  expect(verifiedId(signed(), [], NOW)).toBeUndefined();
});

test('any of the signatures that came will do; of another version, none', () => {
  const call = signed();
  const right = call.headers['webhook-signature'] as string;
  const wrong = signed({ secret: OTHER }).headers['webhook-signature'] as string;
  const sent = (signature: string) => check({ ...call, headers: { ...call.headers, 'webhook-signature': signature } });
  expect(sent(`${wrong} ${right}`)).toBe('msg_1');
  expect(sent(`v1a,${right.slice(3)} ${right}`)).toBe('msg_1');
  expect(sent(right.replace('v1,', 'v2,'))).toBeUndefined();
  expect(sent(wrong)).toBeUndefined();
});

test('five minutes either way, and not a second more', () => {
  for (const seconds of [-300, 0, 300]) expect(check(signed({ at: NOW + seconds * 1000 })), String(seconds)).toBe('msg_1');
  for (const seconds of [-301, 301, 86_400]) expect(check(signed({ at: NOW + seconds * 1000 })), String(seconds)).toBeUndefined();
});

test('the very bytes, the id and the time are signed', () => {
  const call = signed();
  expect(check({ ...call, body: Buffer.from('{"a":1.0}') })).toBeUndefined();
  const swapped = (headers: object) => check({ ...call, headers: { ...call.headers, ...headers } });
  expect(swapped({ 'webhook-id': 'msg_2' })).toBeUndefined();
  expect(swapped({ 'webhook-timestamp': String(Math.floor(NOW / 1000) + 1) })).toBeUndefined();
});

test.each([
  ['webhook-id', undefined],
  ['webhook-id', ''],
  ['webhook-id', 'x'.repeat(201)],
  ['webhook-id', 'a b'],
  ['webhook-id', ['msg_1', 'msg_1']],
  ['webhook-timestamp', undefined],
  ['webhook-timestamp', '1e9'],
  ['webhook-timestamp', ' 1780000000'],
  ['webhook-timestamp', '-1780000000'],
  ['webhook-signature', undefined],
  ['webhook-signature', ''],
  ['webhook-signature', 'v1,'],
  ['webhook-signature', 'v1,AAAA'],
])('%s %j proves nothing', (name, value) => {
  const call = signed();
  expect(check({ ...call, headers: { ...call.headers, [name]: value } })).toBeUndefined();
});
