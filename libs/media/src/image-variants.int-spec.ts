import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { flatPng, resizedJpeg } from './hostile-files-pictures.js';
import { type ImageVariants, makeVariants } from './image-variants.js';
import { UnreadableMediaError } from './media.errors.js';

const folder = mkdtempSync(join(tmpdir(), 'soko-variants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NAMES = ['original', 'medium', 'thumbnail'] as const;
const at = (name: string): string => join(folder, name);
const plain = (width: number, height: number, background: object | string = '#c33'): Sharp =>
  sharp({ create: { width, height, channels: 3, background: background as string } });
/** Something with edges and colours, as a photo has. */
const noise = (width: number, height: number, channels: 3 | 4 = 3): Sharp =>
  sharp(randomBytes(64 * 64 * channels), { raw: { width: 64, height: 64, channels } }).resize(width, height, { fit: 'fill' });

async function made(picture: Buffer | Sharp, again = false): Promise<ImageVariants> {
  writeFileSync(at('source'), Buffer.isBuffer(picture) ? picture : await picture.toBuffer());
  const image = await makeVariants(at('source'), at, again);
  for (const name of NAMES) {
    if (again && name === 'original') continue;
    const { width, height, format } = await sharp(at(name)).metadata();
    const { length: size } = readFileSync(at(name));
    expect(image.variants[name]).toEqual({ mimeType: `image/${format}`, width, height, size });
  }
  return image;
}
const sizes = ({ variants }: ImageVariants): number[][] => NAMES.map((name) => [variants[name].width, variants[name].height]);
const types = ({ variants }: ImageVariants): string[] => NAMES.map((name) => variants[name].mimeType);
/** The colour in the middle. */
async function colourOf(name: string): Promise<number[]> {
  const { width, height } = await sharp(at(name)).metadata();
  const pixel = sharp(at(name)).extract({ left: width >> 1, top: height >> 1, width: 1, height: 1 });
  return [...(await pixel.toColourspace('srgb').raw().toBuffer())];
}

describe('the sizes of a picture', () => {
  it.each([
    [
      4_000,
      3_000,
      [
        [2048, 1536],
        [800, 600],
        [200, 150],
      ],
    ],
    [
      3_000,
      4_000,
      [
        [1536, 2048],
        [600, 800],
        [150, 200],
      ],
    ],
    [
      2_048,
      100,
      [
        [2048, 100],
        [800, 39],
        [200, 10],
      ],
    ],
    [
      2_049,
      100,
      [
        [2048, 100],
        [800, 39],
        [200, 10],
      ],
    ],
    [
      640,
      480,
      [
        [640, 480],
        [640, 480],
        [200, 150],
      ],
    ],
    [
      1,
      1,
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    ],
    [
      5_000,
      1,
      [
        [2048, 1],
        [800, 1],
        [200, 1],
      ],
    ],
  ])('of %d by %d', async (width, height, expected) => {
    const image = await made(plain(width, height).jpeg());
    expect(sizes(image)).toEqual(expected);
    expect(types(image)).toEqual(['image/jpeg', 'image/jpeg', 'image/jpeg']);
    expect(image.blurhash).toMatch(/^.{28}$/);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('that was taken in position %d are upright', async (orientation) => {
    const half = plain(600, 400, '#00f').composite([{ input: await plain(600, 200, '#f00').png().toBuffer(), top: 0, left: 0 }]);
    // Red is above when it stands upright: it is laid down as a camera does.
    const upright = sharp(await half.png().toBuffer());
    const laid = await upright.rotate({ 3: 180, 4: 180, 5: 270, 6: 270, 7: 90, 8: 90 }[orientation] ?? 0).toBuffer();
    const mirrored = [2, 4, 5, 7].includes(orientation);
    const picture = sharp(laid);
    if (mirrored) picture.flop(orientation < 5).flip(orientation > 4);
    const image = await made(picture.jpeg().withMetadata({ orientation }));
    expect(sizes(image)[0]).toEqual([600, 400]);
    const { data, info } = await sharp(at('original')).raw().toBuffer({ resolveWithObject: true });
    const red = (row: number): number => data[(row * info.width + 300) * info.channels]!;
    expect([red(50) > 200, red(350) < 50]).toEqual([true, true]);
    expect((await sharp(at('original')).metadata()).orientation).toBeUndefined();
  });
});

describe('what a picture tells of its maker', () => {
  it('is gone, wherever it stood', async () => {
    const told = noise(300, 200)
      .withExif({
        IFD0: { Copyright: 'Rudo Moyo', Model: 'Phone 7' },
        IFD3: { GPSLatitude: '17/1 49/1 0/1', GPSLatitudeRef: 'S' },
      })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">Rudo Moyo</x:xmpmeta>')
      .withIccProfile('p3');
    for (const source of [told.clone().jpeg(), told.clone().png(), told.clone().webp(), told.clone().ensureAlpha(0.5).png()]) {
      const bytes = await source.toBuffer();
      expect(bytes.includes('Phone 7')).toBe(true);
      await made(bytes);
      for (const name of NAMES) {
        const { exif, xmp, iptc, icc, comments } = await sharp(at(name)).metadata();
        expect([exif, xmp, iptc, icc, comments]).toEqual([undefined, undefined, undefined, undefined, undefined]);
        expect(readFileSync(at(name)).includes('Rudo')).toBe(false);
      }
    }
  });

  it('is gone, but for its colours', async () => {
    // The same numbers are a stronger red in the colours of P3.
    await made(plain(300, 200, { r: 200, g: 50, b: 50 }).jpeg({ quality: 100 }).withIccProfile('p3'));
    const [red, green] = await colourOf('original');
    const wide = await sharp(at('source')).toColourspace('srgb').raw().toBuffer();
    expect(Math.abs(red! - wide[0]!)).toBeLessThan(4);
    expect(Math.abs(green! - wide[1]!)).toBeLessThan(4);
    await made(plain(300, 200, { r: 200, g: 50, b: 50 }).toColourspace('cmyk').jpeg({ quality: 100 }));
    expect((await sharp(at('original')).metadata()).space).toBe('srgb');
    expect((await colourOf('original'))[0]).toBeGreaterThan(170);
    await made(plain(300, 200, { r: 200, g: 50, b: 50 }).toColourspace('rgb16').png());
    expect((await sharp(at('original')).metadata()).depth).toBe('uchar');
    expect((await colourOf('original'))[0]).toBeGreaterThan(195);
  });
});

describe('a picture with an alpha channel', () => {
  it('that hides something stays a PNG, with small ones in WebP', async () => {
    const image = await made(plain(900, 600).ensureAlpha(0.5).png());
    expect(types(image)).toEqual(['image/png', 'image/webp', 'image/webp']);
    for (const name of NAMES) expect((await sharp(at(name)).metadata()).hasAlpha).toBe(true);
  });

  it('in grey does too', async () => {
    expect(types(await made(plain(900, 600).ensureAlpha(0.5).greyscale().png()))[0]).toBe('image/png');
  });

  it('of which one pixel is seen through does too', async () => {
    const hole = { input: Buffer.from([0, 0, 0, 0]), raw: { width: 1, height: 1, channels: 4 as const }, left: 10, top: 10 };
    const picture = plain(100, 100)
      .ensureAlpha(1)
      .composite([{ ...hole, blend: 'dest-in', tile: false }]);
    expect(types(await made(picture.png()))[0]).toBe('image/png');
  });

  it('that hides nothing is a JPEG', async () => {
    expect(types(await made(plain(900, 600).ensureAlpha(1).png()))).toEqual(['image/jpeg', 'image/jpeg', 'image/jpeg']);
  });

  it('whose PNG would have more than WhatsApp takes is a JPEG on white', async () => {
    // Noise, of which the upper half is not seen.
    const pixels = randomBytes(1_400 * 1_400 * 4);
    for (let n = 0; n < 1_400 * 700; n += 1) pixels[n * 4 + 3] = 0;
    const raw = { width: 1_400, height: 1_400, channels: 4 as const };
    const image = await made(sharp(pixels, { raw }).png({ compressionLevel: 1 }));
    expect(types(image)).toEqual(['image/jpeg', 'image/jpeg', 'image/jpeg']);
    expect(image.variants.original.size).toBeLessThanOrEqual(5_000_000);
    const { data } = await sharp(at('original')).raw().toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)].every((value) => value > 240)).toBe(true);
    // And of half as many pixels it is none.
    const small = sharp(pixels.subarray(0, 700 * 1_400 * 4), { raw: { ...raw, height: 700 } });
    expect(types(await made(small.png({ compressionLevel: 1 })))[0]).toBe('image/png');
  });
});

describe('bytes', () => {
  it('are never more than WhatsApp takes, whatever is in the picture', async () => {
    const loud = sharp(randomBytes(2_048 * 2_048 * 3), { raw: { width: 2_048, height: 2_048, channels: 3 } });
    expect((await made(loud.jpeg({ quality: 100 }))).variants.original.size).toBeLessThan(5_000_000);
  });

  it.each([75, 70, 60])('of a JPEG that was saved at %d do not become more', async (quality) => {
    const source = await noise(1_200, 900).jpeg({ quality }).toBuffer();
    expect((await made(source)).variants.original.size).toBeLessThanOrEqual(source.length * 1.01);
  });
});

describe('of a moving picture', () => {
  it('the first frame is taken', async () => {
    const frames = await Promise.all(['#f00', '#0f0', '#00f'].map((colour) => plain(300, 200, colour).png().toBuffer()));
    expect(sizes(await made(sharp(frames, { join: { animated: true } }).webp({ loop: 0 })))[0]).toEqual([300, 200]);
    expect((await colourOf('original'))[0]).toBeGreaterThan(240);
  });
});

describe('an original that was made before', () => {
  it('stays as it is, and the others come out the same', async () => {
    const first = await made(noise(2_500, 1_200).jpeg());
    const original = readFileSync(at('original'));
    rmSync(at('original'));
    const second = await made(original, true);
    expect(second.variants.original).toEqual(first.variants.original);
    expect(sizes(second)).toEqual(sizes(first));
    expect(() => readFileSync(at('original'))).toThrow('ENOENT');
    const clear = await made(noise(300, 200).ensureAlpha(0.5).png());
    expect((await made(readFileSync(at('original')), true)).variants).toEqual(clear.variants);
  });
});

describe('50 megapixels', () => {
  it('are taken', { timeout: 120_000 }, async () => {
    expect(sizes(await made(flatPng({ width: 10_000, height: 5_000 })))[0]).toEqual([2048, 1024]);
  });

  it('and a line more are not, and say so, before anything is decoded', async () => {
    // There is nothing but a header: whoever decoded it would say that it is damaged.
    for (const bytes of [
      flatPng({ width: 10_000, height: 5_001, pixels: 0 }),
      resizedJpeg(await plain(8, 8).jpeg().toBuffer(), 10_000, 5_001),
    ]) {
      const refused = made(bytes);
      await expect(refused).rejects.toThrow(UnreadableMediaError);
      await expect(refused).rejects.toThrow('The picture has more than 50 megapixels. Make it smaller and send it again.');
    }
  });

  it('on end are not', async () => {
    await expect(made(flatPng({ width: 65_501, height: 1, pixels: 0 }))).rejects.toThrow('a side of more than 65500 pixels');
    await expect(made(flatPng({ width: 65_500, height: 1 }))).resolves.toBeDefined();
  });
});

describe('no fault of the picture', () => {
  it('is that it is not there, or that there is no place for its sizes', async () => {
    await expect(makeVariants(at('missing'), at)).rejects.not.toThrow(UnreadableMediaError);
    writeFileSync(at('source'), await plain(30, 20).jpeg().toBuffer());
    await expect(makeVariants(at('source'), (name) => join(folder, 'missing', name))).rejects.not.toThrow(UnreadableMediaError);
  });

  it('is a fault: other formats', async () => {
    await expect(made(plain(30, 20).gif())).rejects.toThrow('The picture is no JPEG, PNG or WebP.');
  });
});
