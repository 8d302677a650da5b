import sharp, { type WebpOptions } from 'sharp';
import { expect, it, test } from 'vitest';
import { WEBP_HEAD_BYTES, webpHead } from './webp-head.js';

const webp = (width: number, height: number, options: WebpOptions, channels: 3 | 4 = 3): Promise<Buffer> =>
  sharp({ create: { width, height, channels, background: { r: 200, g: 0, b: 0, alpha: 0.5 } } })
    .webp(options)
    .toBuffer();

it.each<[string, () => Promise<Buffer>]>([
  ['lossy', () => webp(300, 512, {})],
  ['lossless', () => webp(300, 512, { lossless: true })],
  ['seen through', () => webp(300, 512, {}, 4)],
  ['seen through and lossless', () => webp(300, 512, { lossless: true }, 4)],
])('reads the sides of a WebP that is %s', async (_, make) => {
  expect(webpHead((await make()).subarray(0, WEBP_HEAD_BYTES))).toEqual({ width: 300, height: 512, animated: false });
});

test('knows one that moves', async () => {
  const frames = await sharp({ create: { width: 512, height: 1024, channels: 3, background: 'red' } })
    .raw()
    .toBuffer();
  frames.fill(9, 0, frames.length / 2);
  const moving = await sharp(frames, { raw: { width: 512, height: 1024, channels: 3, pageHeight: 512 } })
    .webp({ delay: [100, 100], loop: 0 })
    .toBuffer();
  expect(webpHead(moving)).toEqual({ width: 512, height: 512, animated: true });
});

it.each(['', 'RIFF', 'RIFF\0\0\0\0WEBPVP9 ', '\x89PNG\r\n\x1a\n'])('of %j it says nothing', (text) => {
  expect(webpHead(Buffer.from(text.padEnd(WEBP_HEAD_BYTES, '\0'), 'latin1'))).toBeUndefined();
  expect(webpHead(Buffer.from(text))).toBeUndefined();
});
