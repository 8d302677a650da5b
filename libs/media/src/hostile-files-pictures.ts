import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/* Pictures that are wrong, odd or meant to harm, made from nothing. */

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const hex = (value: string): Buffer => Buffer.from(value, 'hex');
/** What is 50 MB, packed into 50 kB. */
export const zeros = (bytes: number): Buffer => deflateSync(Buffer.alloc(bytes), { level: 9 });

const noise = (): Sharp =>
  sharp({
    create: { width: 320, height: 160, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 40 } },
  });

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), text(type), data, Buffer.alloc(4)]);
  bytes.writeUInt32BE(data.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

export interface PngShape {
  width: number;
  height: number;
  depth?: number;
  /** 2: RGB, 3: by a palette, 6: RGB with alpha. */
  colour?: number;
  interlaced?: boolean;
  /** Bytes of lines, all zero. */
  pixels?: number;
}

/** A PNG of one colour, in so many bytes as there are kilobytes of pixels. */
export function flatPng({ width, height, depth = 8, colour = 2, interlaced = false, pixels }: PngShape): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  const lines = pixels ?? (1 + width * (colour === 6 ? 4 : 3) * (depth / 8)) * height;
  return Buffer.concat([hex('89504e470d0a1a0a'), chunk('IHDR', head), chunk('IDAT', zeros(lines)), chunk('IEND')]);
}

/** With chunks behind the first. */
const withChunks = (png: Buffer, ...chunks: Buffer[]): Buffer =>
  Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);

/** The PNG with another size in its header, whose checksum is right. */
function resizedPng(png: Buffer, width: number, height: number): Buffer {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

function segment(marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

/** With segments before all others. */
const withSegments = (jpeg: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

/** The JPEG with another size in its header. */
export function resizedJpeg(jpeg: Buffer, width: number, height: number): Buffer {
  const bytes = Buffer.from(jpeg);
  const at = bytes.indexOf(hex('ffc0'));
  bytes.writeUInt16BE(height, at + 5);
  bytes.writeUInt16BE(width, at + 7);
  return bytes;
}

/** Segments of this kind become comments that nobody knows. */
function withoutSegments(jpeg: Buffer, marker: string): Buffer {
  const bytes = Buffer.from(jpeg);
  for (let at = bytes.indexOf(hex(marker)); at >= 0; at = bytes.indexOf(hex(marker))) bytes[at + 1] = 0xee;
  return bytes;
}

function scansAgain(progressive: Buffer, times: number): Buffer {
  const last = progressive.subarray(progressive.lastIndexOf(hex('ffda')), -2);
  return Buffer.concat([progressive.subarray(0, -2), ...Array.from({ length: times }, () => last), progressive.subarray(-2)]);
}

function poked(bytes: Buffer, at: number, value: Buffer): Buffer {
  const other = Buffer.from(bytes);
  other.set(value, at);
  return other;
}

const exif = (directory: Buffer): Buffer => segment(0xe1, Buffer.concat([text('Exif\0\0MM\0*\0\0\0\x08'), directory]));
const HTML = '<script>alert(1)</script>';

/** Pictures that are fine, though odd, by name. Those that say so are seen through, or stand upright. */
export async function oddPictures(): Promise<Record<string, Buffer>> {
  const [jpeg, png, webp] = await plain();
  const turned = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => noise().jpeg().withMetadata({ orientation }).toBuffer()),
  );
  const frames = await Promise.all(Array.from({ length: 300 }, (_, n) => frame(n)));
  return {
    'JPEG with HTML behind it': Buffer.concat([jpeg, text(HTML)]),
    'JPEG with HTML in a comment': withSegments(jpeg, segment(0xfe, text(`<html>${HTML}`))),
    'JPEG with a ZIP behind it': Buffer.concat([jpeg, text('PK\x03\x04'), Buffer.alloc(50)]),
    'JPEG with a PHP comment': withSegments(jpeg, segment(0xfe, text('<?php system($_GET[0]); ?>'))),
    'JPEG with a PDF in a comment': withSegments(jpeg, segment(0xfe, text('%PDF-1.7\n1 0 obj'))),
    'JPEG of 5 MB': Buffer.concat([jpeg, Buffer.alloc(5_000_000 - jpeg.length)]),
    'JPEG in grey': await noise().greyscale().jpeg().toBuffer(),
    'JPEG in CMYK': await noise().toColourspace('cmyk').jpeg().toBuffer(),
    'JPEG that comes in steps': await noise().jpeg({ progressive: true }).toBuffer(),
    'JPEG with GPS': await noise()
      .jpeg()
      .withExif({ IFD0: { Copyright: 'Rudo' }, IFD3: { GPSLatitude: '17/1 49/1 0/1', GPSLatitudeRef: 'S' } })
      .toBuffer(),
    'JPEG with XMP': await noise().jpeg().withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>').toBuffer(),
    'JPEG with a broken profile of colours': withSegments(
      jpeg,
      segment(0xe2, Buffer.concat([text('ICC_PROFILE\0\x01\x01'), Buffer.alloc(3_000, 7)])),
    ),
    'JPEG with 70 segments of 64 kB': withSegments(
      jpeg,
      ...Array.from({ length: 70 }, () => segment(0xe1, Buffer.alloc(65_000, 1))),
    ),
    'JPEG whose EXIF points at itself': withSegments(jpeg, exif(hex('000100010004ffffffff00000008'))),
    'JPEG whose EXIF has 65535 entries': withSegments(jpeg, exif(Buffer.alloc(60_000, 0xff))),
    'JPEG with IPTC': withSegments(
      jpeg,
      segment(0xed, Buffer.concat([text('Photoshop 3.0\x008BIM\x04\x04\0\0'), hex('0000000a1c026900054d62617265')])),
    ),
    ...Object.fromEntries(turned.map((bytes, index) => [`JPEG of orientation ${index + 1}`, bytes])),
    'PNG of 16 bits': await noise().toColourspace('rgb16').png().toBuffer(),
    'PNG with a palette': await noise().png({ palette: true, colours: 16 }).toBuffer(),
    'PNG with interlacing': await noise().png({ progressive: true }).toBuffer(),
    'PNG whose comment unpacks to 100 MB': withChunks(
      png,
      chunk('zTXt', Buffer.concat([text('Comment\0\0'), zeros(100_000_000)])),
    ),
    'PNG whose profile unpacks to 100 MB': withChunks(png, chunk('iCCP', Buffer.concat([text('icc\0\0'), zeros(100_000_000)]))),
    'PNG with 5000 comments': withChunks(png, ...Array.from({ length: 5_000 }, (_, n) => chunk('tEXt', text(`k${n}\0v`)))),
    'PNG with 100 MB more than it has pixels': flatPng({ width: 100, height: 50, pixels: 100_000_000 }),
    'PNG of 50 megapixels': flatPng({ width: 10_000, height: 5_000 }),
    'PNG with an alpha channel that hides nothing': await noise().ensureAlpha(1).png().toBuffer(),
    'PNG that is seen through': await noise().ensureAlpha(0.5).png().toBuffer(),
    'WebP that is seen through': await noise().ensureAlpha(0.5).webp().toBuffer(),
    'WebP without loss': await noise().webp({ lossless: true }).toBuffer(),
    'WebP of 300 frames': await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer(),
    'WebP as it should be': webp,
  };
}

type Broken = [Buffer, RegExp];
const damaged = (bytes: Buffer): Broken => [bytes, /damaged or was cut off/];
const tooMany = (bytes: Buffer): Broken => [bytes, /more than 50 megapixels|a side of more than 65500 pixels/];

/** Pictures that cannot be used, by name, each with what its reason says. */
export async function brokenPictures(): Promise<Record<string, Broken>> {
  const [jpeg, png, webp] = await plain();
  const stepwise = await noise().jpeg({ progressive: true }).toBuffer();
  const cut = (name: string, bytes: Buffer, ...ends: number[]): Record<string, Broken> =>
    Object.fromEntries(ends.map((end) => [`${name} cut at ${end}`, damaged(bytes.subarray(0, end))]));
  return {
    ...cut('JPEG', jpeg, 12, 100, jpeg.length >> 2, jpeg.length >> 1, jpeg.length - 100, jpeg.length - 20),
    ...cut('JPEG that comes in steps', stepwise, stepwise.length >> 1),
    ...cut('PNG', png, 40, png.length >> 1, png.length - 20),
    ...cut('WebP', webp, 40, webp.length >> 1, webp.length - 10),
    'PNG of 60000 by 60000': tooMany(resizedPng(png, 60_000, 60_000)),
    'PNG of 1 by 50000001': tooMany(resizedPng(png, 1, 50_000_001)),
    'PNG of 50000000 by 1': tooMany(flatPng({ width: 50_000_000, height: 1, pixels: 1_000_000 })),
    'PNG of 1000000 by 50': tooMany(flatPng({ width: 1_000_000, height: 50, pixels: 1_000_000 })),
    'PNG of 10000 by 5001': tooMany(flatPng({ width: 10_000, height: 5_001, pixels: 1_000_000 })),
    'PNG of 2147483647 by 2147483647': damaged(resizedPng(png, 2_147_483_647, 2_147_483_647)),
    'PNG without width': damaged(resizedPng(png, 0, 160)),
    'PNG of 50 megapixels, interlaced, of 16 bits': [
      flatPng({ width: 10_000, height: 5_000, depth: 16, colour: 6, interlaced: true, pixels: 1_000_000 }),
      /too much memory/,
    ],
    'PNG with a wrong checksum': damaged(poked(png, png.indexOf('IDAT') + 100, hex('00ff00'))),
    'PNG with a chunk of 2 GB': damaged(poked(png, png.indexOf('IDAT') - 4, hex('7fffffff'))),
    'PNG without its palette': damaged(flatPng({ width: 10, height: 10, colour: 3, pixels: 110 })),
    'PNG of 7 bits': damaged(flatPng({ width: 10, height: 10, depth: 7, pixels: 310 })),
    'PNG without pixels': damaged(flatPng({ width: 100, height: 100, pixels: 0 })),
    'JPEG of 65535 by 65535': [resizedJpeg(jpeg, 65_535, 65_535), /damaged|megapixels/],
    'JPEG of 65500 by 65500': tooMany(resizedJpeg(jpeg, 65_500, 65_500)),
    'JPEG of 0 by 0': damaged(resizedJpeg(jpeg, 0, 0)),
    'JPEG with 2000 scans': damaged(scansAgain(stepwise, 300)),
    'JPEG without quantisation tables': damaged(withoutSegments(jpeg, 'ffdb')),
    'JPEG of a beginning alone': damaged(hex('ffd8ffe0')),
    'WebP with a wrong length': damaged(poked(webp, 4, hex('f0ffffff'))),
  };
}

export const plain = (): Promise<[Buffer, Buffer, Buffer]> =>
  Promise.all([noise().jpeg().toBuffer(), noise().png().toBuffer(), noise().webp().toBuffer()]);

const frame = (n: number): Promise<Buffer> =>
  sharp({ create: { width: 64, height: 32, channels: 3, background: { r: n % 256, g: 0, b: 0 } } })
    .png()
    .toBuffer();
