import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { clip } from './say.js';

it('clip never cuts an emoji in half, and never makes a text longer than asked for', () => {
  const long = fc.string({ unit: fc.constantFrom('a', ' ', '🌽', '👨‍👩‍👧', 'é', '\u{1F1FF}\u{1F1FC}', '…') });
  fc.assert(
    fc.property(long, fc.integer({ min: 1, max: 30 }), (whole, length) => {
      const cut = clip(whole, length);
      expect(cut).not.toMatch(/\p{Surrogate}/u);
      expect(cut.length).toBeLessThanOrEqual(length);
      expect(cut === whole || cut.endsWith('…')).toBe(true);
    }),
  );
});
