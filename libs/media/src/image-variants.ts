import { rename, rm, stat } from 'node:fs/promises';
import { encode } from 'blurhash';
import sharp, { type JpegOptions, type Metadata, type Sharp, type SharpOptions } from 'sharp';
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

const READING: SharpOptions = { limitInputPixels: MAX_PIXELS, failOn: 'error', sequentialRead: true };

// Every picture is seen once: a cache would only hold memory.
sharp.cache(false);
// A picture keeps one core busy, and several at once the others: more threads for each make the sum of them slower.
sharp.concurrency(1);

/** What the first lines of a file tell. */
interface Head {
  format: 'jpeg' | 'png' | 'webp';
  hasAlpha: boolean;
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
  const [original, path] = made
    ? [await describe(source), source]
    : [await writeOriginal(source, target('original')), target('original')];
  // Each is cut from the one before: a JPEG is read at a half or an eighth of its size for little more than nothing, and no pixels of the
  // big one come into JavaScript's memory, whose collector would cost as much as the drawing.
  const small = async (name: 'medium' | 'thumbnail', from: string): Promise<StoredVariant> => {
    const image = resized(sharp(from, READING), LONGEST_SIDE[name]);
    return written(original.mimeType === 'image/png' ? image.webp({ quality: 80 }) : opaque(image), target(name));
  };
  const medium = await readable(small('medium', path));
  const thumbnail = await small('thumbnail', target('medium'));
  return { variants: { original, medium, thumbnail }, blurhash: await blurhashOf(target('thumbnail')) };
}

/** Upright, in sRGB, and no larger than the largest that we keep. */
const opened = (source: string): Sharp =>
  resized(sharp(source, READING).timeout({ seconds: MOST_SECONDS }).autoOrient(), LONGEST_SIDE.original).toColourspace('srgb');

/** @throws UnreadableMediaError */
async function writeOriginal(source: string, path: string): Promise<StoredVariant> {
  const { format, hasAlpha } = await readable(sharp(source, READING).metadata().then(checked));
  const png = hasAlpha ? await readable(writePng(source, path)) : undefined;
  if (png && png.size <= MOST_BYTES) return png;
  return readable(writeJpeg(source, path, format === 'jpeg' ? (await stat(source)).size : MOST_BYTES));
}

/** All of this stands in the first lines of a file. @throws UnreadableMediaError */
function checked({ format, width, height, channels, depth, isProgressive, hasAlpha }: Metadata): Head {
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
  return { format, hasAlpha };
}

const resized = (image: Sharp, side: number): Sharp =>
  image.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });

const opaque = (image: Sharp, options: JpegOptions = { quality: QUALITIES[0]! }): Sharp =>
  image.flatten({ background: '#ffffff' }).jpeg(options);

/** The smallest that keeps every pixel: drawings are smaller without filters, photos with them. Nothing where nothing is seen through. */
async function writePng(source: string, path: string): Promise<StoredVariant | undefined> {
  const { data, info } = await opened(source).raw().toBuffer({ resolveWithObject: true });
  const image = sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
  if (!(await isSeenThrough(image, info.channels))) return undefined;
  const other = `${path}-filtered`;
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

/** Many pictures have an alpha channel that hides nothing. */
async function isSeenThrough(image: Sharp, channels: number): Promise<boolean> {
  if (channels !== 2 && channels !== 4) return false;
  const alpha = await image
    .clone()
    .extractChannel(channels === 4 ? 3 : 1)
    .raw()
    .toBuffer();
  return !alpha.equals(Buffer.alloc(alpha.length, 255));
}

async function writeJpeg(source: string, path: string, most: number): Promise<StoredVariant> {
  let last: StoredVariant | undefined;
  for (const quality of QUALITIES) {
    last = await written(opaque(opened(source), { quality }), path);
    if (last.size <= most) break;
  }
  return last!;
}

async function written(image: Sharp, path: string): Promise<StoredVariant> {
  const { format, width, height } = await image.toFile(path);
  return { mimeType: `image/${format}`, width, height, size: (await stat(path)).size };
}

/** @throws UnreadableMediaError */
async function describe(source: string): Promise<StoredVariant> {
  const { format, width, height } = await readable(sharp(source, READING).metadata());
  return { mimeType: `image/${format}`, width, height, size: (await stat(source)).size };
}

async function blurhashOf(source: string): Promise<string> {
  const { data, info } = await resized(sharp(source), 32)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encode(new Uint8ClampedArray(data), info.width, info.height, 4, 3);
}

/** What goes wrong with a picture, in words for who sent it. @throws UnreadableMediaError */
async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isDamage(error) ? new UnreadableMediaError(reason(error)) : error;
  }
}

/** What the machine says is no fault of the picture, and another try may succeed. */
const isDamage = (error: unknown): error is Error =>
  error instanceof Error &&
  !(error instanceof UnreadableMediaError) &&
  !/\bE(?:NOSPC|DQUOT|ACCES|PERM|MFILE|NFILE|IO|ROFS|NOENT|NOMEM)\b/.test(error.message) &&
  !/no space|permission|input file is missing|unable to open for write|unable to write|write error|out of memory|cannot allocate|unable to allocate/i.test(
    error.message,
  );

function reason(error: Error): string {
  if (/pixel limit/i.test(error.message)) {
    return `The picture has more than ${MAX_PIXELS / 1_000_000} megapixels. Make it smaller and send it again.`;
  }
  if (/^timeout/i.test(error.message)) return 'The picture takes too long to read. Save it again as a plain JPEG and send that.';
  return 'The picture is damaged or was cut off on the way. Open it, save it again and send it once more.';
}
