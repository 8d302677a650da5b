import { expect, it } from 'vitest';
import { mayScrape } from './scrape-gate.js';

const TOKEN = 'sixteen-characters';
const bearer = (token: string) => `Bearer ${token}`;

it.each([
  ['with the token', true, bearer(TOKEN), '203.0.113.7', true],
  ['with the token, in production', true, bearer(TOKEN), '203.0.113.7', true, true],
  ['with a wrong one', true, bearer(`${TOKEN}x`), '127.0.0.1', false],
  ['with none shown, from this machine', true, undefined, '127.0.0.1', false],
  ['with another scheme', true, `Basic ${TOKEN}`, '127.0.0.1', false],
  ['none set, from this machine', false, undefined, '127.0.0.1', true],
  ['none set, from this machine by IPv6', false, undefined, '::1', true],
  ['none set, from this machine by mapped IPv4', false, undefined, '::ffff:127.0.0.1', true],
  ['none set, from elsewhere', false, undefined, '10.0.0.1', false],
  ['none set, from elsewhere, mapped', false, undefined, '::ffff:10.0.0.1', false],
  ['none set, from nowhere', false, undefined, undefined, false],
  ['none set, from this machine, in production', false, undefined, '127.0.0.1', false, true],
  ['none set, an empty one shown, in production', false, bearer(''), '127.0.0.1', false, true],
])('%s', (_, set, authorization, address, allowed, production = false) => {
  expect(mayScrape({ METRICS_TOKEN: set ? TOKEN : undefined, production }, { authorization, address })).toBe(allowed);
});
