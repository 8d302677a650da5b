import { expect, it } from 'vitest';
import { publicUrl } from './public-url.js';

it.each([
  [{ PUBLIC_URL: 'https://soko.example.com' }, 'https://soko.example.com'],
  [{ PUBLIC_URL: 'https://example.com/soko/' }, 'https://example.com/soko'],
  [{}, 'http://127.0.0.1:3000'],
  [{ HOST: 'soko.local' }, 'http://soko.local:3000'],
  [{ HOST: '0.0.0.0' }, 'http://127.0.0.1:3000'],
  [{ HOST: '::' }, 'http://[::1]:3000'],
  [{ HOST: 'fe80::1' }, 'http://[fe80::1]:3000'],
])('is where browsers reach the api: %j', (settings, url) => {
  expect(publicUrl({ HOST: '127.0.0.1', PORT: 3_000, ...settings })).toBe(url);
});
