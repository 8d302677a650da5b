import type { MediaKind } from '@soko/contracts';
import { describe, expect, it } from 'vitest';
import { type FileFacts, faultOf } from './outbound-files.js';

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
];

const STILL = { width: 512, height: 512, animated: false };
const sticker = (size: number, head: object = {}): FileFacts => ({
  kind: 'sticker',
  mimeType: 'image/webp',
  size,
  sticker: { ...STILL, ...head },
});

describe('what WhatsApp takes', () => {
  it.each(LIMITS)('%s as %s: %d bytes, and not one more', (kind, mimeType, size) => {
    expect(faultOf({ kind, mimeType, size })).toBeUndefined();
    expect(faultOf({ kind, mimeType, size: size + 1 })).toEqual({
      field: 'mediaId',
      message: expect.stringContaining(`${kind} of at most ${size} bytes, and the file has ${size + 1}`),
    });
  });

  it.each([
    ['still', false, 100_000],
    ['animated', true, 500_000],
  ])('a sticker that is %s (animated: %s): %d bytes, and not one more', (_, animated, size) => {
    expect(faultOf(sticker(size, { animated }))).toBeUndefined();
    const message = expect.stringContaining(`sticker of at most ${size} bytes, and the file has ${size + 1}`);
    expect(faultOf(sticker(size + 1, { animated }))).toEqual({ field: 'mediaId', message });
  });

  it.each([
    [511, 512],
    [512, 513],
    [1, 1],
  ])('no sticker of %d × %d', (width, height) => {
    expect(faultOf(sticker(1, { width, height }))).toEqual({
      field: 'mediaId',
      message: `WhatsApp takes stickers of 512 × 512 pixels, and the file has ${width} × ${height}`,
    });
  });

  it('no sticker whose beginning nobody understands', () => {
    expect(faultOf({ kind: 'sticker', mimeType: 'image/webp', size: 1 })?.message).toContain('damaged');
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
    for (const letter of ['x', '🌽']) {
      expect(faultOf({ kind, mimeType, size: 1 }, letter.repeat(1_024))).toBeUndefined();
      expect(faultOf({ kind, mimeType, size: 1 }, letter.repeat(1_025))).toEqual({
        field: 'caption',
        message: 'a caption has at most 1024 characters, and this one has 1025',
      });
    }
  });

  it('nothing written under sounds and stickers', () => {
    expect(faultOf({ kind: 'audio', mimeType: 'audio/ogg', size: 1 }, 'x')).toMatchObject({ field: 'caption' });
    expect(faultOf(sticker(1), 'x')).toMatchObject({ field: 'caption' });
  });
});
