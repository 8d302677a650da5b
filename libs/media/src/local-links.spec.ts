import { expect, it } from 'vitest';
import { type LinkQuery, LocalLinks } from './local-links.js';

const KEY = '0197a1b0-0000-7000-8000-000000000001/0197a1b0-0000-7000-8000-000000000002/original';
const AS = { mimeType: 'image/jpeg', disposition: 'inline; filename="a.jpg"' };
const NOW = 1_800_000_000;
const links = new LocalLinks('https://soko.test/media', 's'.repeat(32));
const url = new URL(links.make(KEY, 3_600, AS, NOW));
const query = Object.fromEntries(url.searchParams) as unknown as LinkQuery;

it('open the file that they were made for, until their time has come', () => {
  expect(url.href).toContain(`https://soko.test/media/${KEY}?`);
  expect(query).toMatchObject({ expires: String(NOW + 3_600), type: AS.mimeType, disposition: AS.disposition });
  expect(links.verify(KEY, query, NOW)).toBe(true);
  expect(links.verify(KEY, query, NOW + 3_599)).toBe(true);
  expect(links.verify(KEY, query, NOW + 3_600)).toBe(false);
});

it.each<[string, string, Partial<LinkQuery>]>([
  ['another file', KEY.replace('original', 'medium'), {}],
  ['a later end', KEY, { expires: String(NOW + 7_200) }],
  ['no end', KEY, { expires: 'NaN' }],
  ['another type', KEY, { type: 'text/html' }],
  ['another name', KEY, { disposition: 'inline; filename="b.html"' }],
  ['another token', KEY, { token: 'x'.repeat(43) }],
  ['a short token', KEY, { token: '' }],
  ['parts that ran together', KEY, { type: `${AS.mimeType}","${AS.disposition}`, disposition: '' }],
])('do not open %s', (_, key, changed) => {
  expect(links.verify(key, { ...query, ...changed }, NOW)).toBe(false);
});

it('of another secret do not open', () => {
  expect(new LocalLinks('https://soko.test/media', 't'.repeat(32)).verify(KEY, query, NOW)).toBe(false);
});
