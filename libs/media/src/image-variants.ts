import { rename, rm, stat } from 'node:fs/promises';
import { encode } from 'blurhash';
import sharp, { type JpegOptions, type Metadata, type Sharp } from 'sharp';
import { UnreadableMediaError } from './media.errors.js';
import type { VariantName } from './media-key.js';
import type { StoredVariant } from './media-row.js';

/** Pixels: more than this is refused before any of them is decoded. */
export const MAX_PIXELS = 50_000_000;
/** No JPEG is longer or wider; a line of 50 million pixels would take gigabytes. */
const MAX_SIDE = 65_500;
/** Bytes: a picture that cannot be decoded line by line (interlaced, with 16 bits) is all in memory at once. */
const MAX_DECODED = 200_000_000;
/** The longest side of each, in pixels; a smaller picture keeps its size. */
export const LONGEST_SIDE: Record<VariantName, number> = { original: 2048, medium: 800, thumbnail: 200 };
/** What WhatsApp takes of a picture, in bytes. No JPEG of this size comes near it. */
const MOST_BYTES = 5_000_000;
/** The first is right for a photo; the others are for one that was saved at less, and would only grow. */
const QUALITIES = [80, 75, 70, 60];
/** Decoding takes a tenth of a second; what takes so much longer is made to. */
const MOST_SECONDS = 60;

export interface ImageVariants {
  variants: Record<VariantName, StoredVariant>;
  /** See https://blurha.sh: about 30 characters that draw a blurred picture until the real one is there. */
  blurhash: string;
}

// Every picture is seen once: a cache would only hold memory.
sharp.cache(false);
// A picture keeps one core busy, and several at once the others: more threads for each make the sum of them slower.
sharp.concurrency(1);

/** Pixels in memory, upright and in sRGB. */
interface Bitmap {
  data: Buffer;
  raw: { width: number; height: number; channels: 1 | 2 | 3 | 4 };
}
interface Picture extends Bitmap {
  format: 'jpeg' | 'png' | 'webp';
  /** Of the file, in bytes. */
  size: number;
}

/**
 * Makes the three sizes of a JPEG, PNG or WebP at `source`, upright and without metadata (EXIF, GPS, XMP; colours are turned to sRGB
 * first), each into the path that `target` names. Of a moving picture it takes the first frame. `original` is what WhatsApp takes: a
 * JPEG, or a PNG where the picture can be seen through; the small ones are WebP there.
 * @param made that `source` is an `original` that was made before: it stays as it is, and nothing is written for it
 * @throws UnreadableMediaError, with a text for the merchant, on damage, other formats and more than 50 megapixels; files that it had
 * written by then are the caller's to remove
 */
export async function makeVariants(source: string, target: (name: VariantName) => string, made = false): Promise<ImageVariants> {
  const picture = await decode(source);
  const clear = await isSeenThrough(picture);
  const original = made ? describe(picture) : await writeOriginal(picture, clear, target('original'));
  const [medium, thumbnail] = await Promise.all(
    (['medium', 'thumbnail'] as const).map((name) => {
      const small = resized(picture, LONGEST_SIDE[name]);
      return clear ? written(small.webp({ quality: 80 }), target(name)) : written(opaque(small), target(name));
    }),
  );
  return { variants: { original, medium: medium!, thumbnail: thumbnail! }, blurhash: await blurhashOf(picture) };
}

/** Decoded once: the big size stays in memory (16 MB at most), and the others are cut from it. */
async function decode(source: string): Promise<Picture> {
  const { size } = await stat(source);
  try {
    const input = sharp(source, { limitInputPixels: MAX_PIXELS, failOn: 'error', sequentialRead: true });
    const format = checked(await input.metadata());
    const side = LONGEST_SIDE.original;
    const { data, info } = await input
      .timeout({ seconds: MOST_SECONDS })
      .autoOrient()
      .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data, raw: { width: info.width, height: info.height, channels: info.channels }, format, size };
  } catch (error) {
    throw isDamage(error) ? new UnreadableMediaError(reason(error)) : error;
  }
}

/** All of this stands in the first lines of a file. @throws UnreadableMediaError */
function checked({ format, width, height, channels, depth, isProgressive }: Metadata): Picture['format'] {
  if (format !== 'jpeg' && format !== 'png' && format !== 'webp') {
    throw new UnreadableMediaError('The picture is no JPEG, PNG or WebP. Save it as one of these and send it again.');
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw new UnreadableMediaError(
      `The picture has a side of more than ${MAX_SIDE} pixels. Cut it or make it smaller, and send it again.`,
    );
  }
  if (isProgressive && width * height * channels * (depth === 'ushort' ? 2 : 1) > MAX_DECODED) {
    throw new UnreadableMediaError('The picture takes too much memory to open. Save it as a plain JPEG and send that.');
  }
  return format;
}

const resized = ({ data, raw }: Bitmap, side: number): Sharp =>
  sharp(data, { raw }).resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });

const opaque = (image: Sharp, options: JpegOptions = { quality: QUALITIES[0]! }): Sharp =>
  image.flatten({ background: '#ffffff' }).jpeg(options);

/** Many pictures have an alpha channel that hides nothing. */
async function isSeenThrough({ data, raw }: Bitmap): Promise<boolean> {
  if (raw.channels !== 2 && raw.channels !== 4) return false;
  const alpha = await sharp(data, { raw })
    .extractChannel(raw.channels === 4 ? 3 : 1)
    .raw()
    .toBuffer();
  return !alpha.equals(Buffer.alloc(alpha.length, 255));
}

async function writeOriginal(picture: Picture, clear: boolean, path: string): Promise<StoredVariant> {
  const png = clear ? await writePng(picture, path) : undefined;
  return png && png.size <= MOST_BYTES ? png : writeJpeg(picture, path);
}

/** Drawings are smaller without filters, photos with them. */
async function writePng(picture: Picture, path: string): Promise<StoredVariant> {
  const other = `${path}-filtered`;
  const image = sharp(picture.data, { raw: picture.raw });
  const [plain, filtered] = await Promise.all([
    written(image.clone().png({ compressionLevel: 9 }), path),
    written(image.clone().png({ compressionLevel: 9, adaptiveFiltering: true }), other),
  ]);
  if (plain.size <= filtered.size) {
    await rm(other);
    return plain;
  }
  await rename(other, path);
  return filtered;
}

async function writeJpeg(picture: Picture, path: string): Promise<StoredVariant> {
  const most = picture.format === 'jpeg' ? picture.size : MOST_BYTES;
  let last: StoredVariant | undefined;
  for (const quality of QUALITIES) {
    last = await written(opaque(sharp(picture.data, { raw: picture.raw }), { quality }), path);
    if (last.size <= most) break;
  }
  return last!;
}

async function written(image: Sharp, path: string): Promise<StoredVariant> {
  const { format, width, height } = await image.toFile(path);
  return { mimeType: `image/${format}`, width, height, size: (await stat(path)).size };
}

const describe = ({ format, raw: { width, height }, size }: Picture): StoredVariant => ({
  mimeType: `image/${format}`,
  width,
  height,
  size,
});

async function blurhashOf(picture: Picture): Promise<string> {
  const { data, info } = await resized(picture, 32)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encode(new Uint8ClampedArray(data), info.width, info.height, 4, 3);
}

/** What the machine says is no fault of the picture, and another try may succeed. */
const isDamage = (error: unknown): error is Error =>
  error instanceof Error &&
  !(error instanceof UnreadableMediaError) &&
  !/\bE(?:NOSPC|DQUOT|ACCES|PERM|MFILE|NFILE|IO|ROFS|NOENT|NOMEM)\b/.test(error.message) &&
  !/no space|permission|input file is missing|out of memory|cannot allocate|unable to allocate/i.test(error.message);

function reason(error: Error): string {
  if (/pixel limit/i.test(error.message)) {
    return `The picture has more than ${MAX_PIXELS / 1_000_000} megapixels. Make it smaller and send it again.`;
  }
  if (/^timeout/i.test(error.message)) return 'The picture takes too long to read. Save it again as a plain JPEG and send that.';
  return 'The picture is damaged or was cut off on the way. Open it, save it again and send it once more.';
}
