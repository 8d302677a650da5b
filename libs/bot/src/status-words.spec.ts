import { ORDER_STATUSES } from '@soko/contracts';
import { expect, test } from 'vitest';
import { statusWords } from './status-words.js';

test.each(['en', 'fr', 'ar'])('every status has words of its own in %s', (language) => {
  const words = ORDER_STATUSES.map((status) => statusWords(status, language));
  expect(new Set(words).size).toBe(ORDER_STATUSES.length);
});

test('a region changes nothing, and other languages have English', () => {
  expect(statusWords('delivered', 'ar-EG')).toBe(statusWords('delivered', 'ar'));
  expect(statusWords('delivered', 'sn')).toBe('delivered');
});
