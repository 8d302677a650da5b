import type { MediaKind } from '@soko/contracts';
import { describe, expect, it } from 'vitest';
import { faultOf } from './outbound-files.js';

const LIMITS: [MediaKind, string, number][] = [
  ['image', 'image/jpeg', 5_000_000],
  ['image', 'image/png', 5_000_000],
  ['video', 'video/mp4', 16_000_000],
  ['video', 'video/3gpp', 16_000_000],
  ['audio', 'audio/aac', 16_000_000],
  ['audio', 'audio/amr', 16_000_000],
  ['audio', 'audio/mpeg', 16_000_000],
  ['audio', 'audio/mp4', 16_000_000],
  ['audio', 'audio/ogg', 16_000_000],
  ['document', 'application/pdf', 100_000_000],
  ['sticker', 'image/webp', 500_000],
];

describe('what WhatsApp takes', () => {
  it.each(LIMITS)('%s as %s: %d bytes, and not one more', (kind, mimeType, size) => {
    expect(faultOf({ kind, mimeType, size })).toBeUndefined();
    expect(faultOf({ kind, mimeType, size: size + 1 })).toEqual({
      field: 'mediaId',
      message: expect.stringContaining(`${kind} of at most ${size} bytes, and the file has ${size + 1}`),
    });
  });

  it.each([
    ['image', 'image/webp'],
    ['video', 'video/webm'],
    ['audio', 'audio/wav'],
    ['sticker', 'image/png'],
  ] as const)('no %s as %s', (kind, mimeType) => {
    expect(faultOf({ kind, mimeType, size: 1 })).toMatchObject({ field: 'mediaId', message: expect.stringContaining(mimeType) });
  });

  it.each(['image', 'video', 'document'] as const)('1024 characters under a %s, and not one more', (kind) => {
    const mimeType = { image: 'image/png', video: 'video/mp4', document: 'text/csv' }[kind];
    expect(faultOf({ kind, mimeType, size: 1 }, 'x'.repeat(1_024))).toBeUndefined();
    expect(faultOf({ kind, mimeType, size: 1 }, 'x'.repeat(1_025))).toMatchObject({ field: 'caption' });
  });

  it('nothing written under sounds and stickers', () => {
    expect(faultOf({ kind: 'audio', mimeType: 'audio/ogg', size: 1 }, 'x')).toMatchObject({ field: 'caption' });
    expect(faultOf({ kind: 'sticker', mimeType: 'image/webp', size: 1 }, 'x')).toMatchObject({ field: 'caption' });
  });
});
