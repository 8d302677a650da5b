import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { HUB_SIGNATURE, isSameText, isSignedBy } from './signature.js';

const SECRET = 'app-secret';
const BODY = Buffer.from(String.raw`{"body":"caf\u00e9 1\/2"}`);
const sign = (body: Buffer, secret = SECRET) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
const check = (header: string | undefined, body = BODY, secret = SECRET) => isSignedBy(secret, body, header, HUB_SIGNATURE);

test('a signature is of the very bytes: the same JSON, written again, is another body', () => {
  expect(check(sign(BODY))).toBe(true);
  const again = Buffer.from(JSON.stringify(JSON.parse(BODY.toString())));
  expect(check(sign(BODY), again)).toBe(false);
});

test('Meta’s documentation has lower case; upper case is the same digest', () => {
  expect(check(sign(BODY).replace(/[a-f0-9]+$/, (hex) => hex.toUpperCase()))).toBe(true);
});

test.each([
  undefined,
  '',
  'sha256=',
  'sha1=abc',
  'sha256=zz',
  'nonsense',
  sign(BODY, 'other'),
  sign(BODY).slice(0, -2),
  `${sign(BODY)}00`,
])('%s signs nothing', (header) => {
  expect(check(header)).toBe(false);
});

test('nothing is signed where there is no secret', () => {
  expect(check(sign(BODY, ''), BODY, '')).toBe(false);
});

test('texts of whatever length are compared', () => {
  expect(isSameText('token', 'token')).toBe(true);
  for (const other of ['', 'toke', 'token ', 'x'.repeat(10_000)]) expect(isSameText('token', other)).toBe(false);
});
