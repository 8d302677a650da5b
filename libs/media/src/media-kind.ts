import { createReadStream } from 'node:fs';
import type { MediaKind } from '@soko/contracts';
import { fileTypeFromBuffer } from 'file-type';
import { NEW_OFFICE, OLD_OFFICE, oldOfficeTypes, officeTypes } from './media-kind-office.js';
import { checkText } from './media-kind-text.js';
import { MediaTypeMismatchError, UnreadableMediaError, UnsupportedMediaError } from './media.errors.js';

/*
 * What is taken, and why a file that is two things at once does no harm:
 * - Bytes decide by their beginning, as browsers do; whatever else is hidden further on (HTML in a comment, an archive at the end of a
 *   picture) is never what the file is served as: its own type with `nosniff`, in a sandbox without scripts, documents only to be saved.
 * - Pictures are drawn anew: nothing of the upload but its pixels reaches a customer.
 * - Archives and old office files are judged by their directories, which are what their readers go by; text by all of it.
 * - A PDF begins with its mark. Readers take one that begins within 1 kB too: here that is text, or what its first bytes are.
 * - Sound and video are not opened: what their players make of them is the players'.
 */

/** Bytes from the beginning that decide, or tell what else must be looked at. */
export const PROBE_BYTES = 65_536;

/** Bytes; the limits of our own API. WhatsApp's lower ones are looked at when sending. */
export const MEDIA_LIMITS: Record<MediaKind, number> = {
  image: 5_000_000,
  sticker: 5_000_000,
  video: 50_000_000,
  document: 10_000_000,
  audio: 15_000_000,
};

/** What the sender says of a file. All of it is checked, none of it believed. */
export interface Declared {
  mimeType?: string;
  filename?: string;
  /** A WebP is a picture unless it is meant as a sticker. */
  kind?: MediaKind;
}
export interface MediaType {
  kind: MediaKind;
  mimeType: string;
}
/** What the beginning of a file tells. */
export interface Recognised extends MediaType {
  /** Bytes. */
  limit: number;
  /** The type that stays, once the file lies whole at `path`. @throws UnsupportedMediaError, MediaTypeMismatchError */
  settle: (path: string) => Promise<MediaType>;
}

const TEXT = ['text/plain', 'text/csv'];
const EXTENSIONS: Record<string, string> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  jfif: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  mp4: 'video/mp4',
  '3gp': 'video/3gpp',
  aac: 'audio/aac',
  amr: 'audio/amr',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  pdf: 'application/pdf',
  ...NEW_OFFICE,
  ...OLD_OFFICE,
  txt: 'text/plain',
  csv: 'text/csv',
};
const TAKEN = new Set(Object.values(EXTENSIONS));
const ALIASES: Record<string, string> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/apng': 'image/png',
  'audio/x-m4a': 'audio/mp4',
  'audio/m4a': 'audio/mp4',
  'audio/mp3': 'audio/mpeg',
  'audio/x-aac': 'audio/aac',
  'audio/vnd.dlna.adts': 'audio/aac',
  'video/ogg': 'audio/ogg',
  'application/ogg': 'audio/ogg',
  'audio/opus': 'audio/ogg',
  'application/csv': 'text/csv',
  'application/x-pdf': 'application/pdf',
};
/** Their marks are three letters at most, with which a text can begin as well. */
const WEAK_MARKS = new Set([
  'image/bmp',
  'image/gif',
  'audio/mpeg',
  'video/x-flv',
  'application/x-msdownload',
  'application/x-shockwave-flash',
  'application/x-bzip2',
]);
/** What programs say that do not know. */
const SAYS_NOTHING = ['application/octet-stream', 'binary/octet-stream', 'application/unknown'];
const ZIP = Buffer.from('PK\x03\x04');
const COMPOUND = Buffer.from('d0cf11e0a1b11ae1', 'hex');
const WHAT_IS_TAKEN =
  'Send a JPEG, PNG or WebP picture, an MP4 or 3GP video, AAC, AMR, MP3, M4A or Ogg Opus audio, a PDF, an office file, plain text or CSV.';

/** What bytes may be: one of `types`, the first unless the sender says which; `name` for people. */
interface Found {
  name: string;
  types: string[];
  /** Looks at the whole file where its beginning does not tell. */
  narrow?: (path: string) => Promise<string[]>;
}

/**
 * What a file is, by its beginning (PROBE_BYTES of it, or all when there is less).
 * @throws UnsupportedMediaError, MediaTypeMismatchError, and UnreadableMediaError for an empty file
 */
export async function mediaTypeOf(head: Uint8Array, declared: Declared): Promise<Recognised> {
  if (head.length === 0) throw new UnreadableMediaError('The file is empty. Choose the file again and send it once more.');
  const { narrow, ...found } = await foundIn(head);
  const type = agreed(found, declared);
  return {
    ...type,
    limit: MEDIA_LIMITS[type.kind],
    settle: async (path) => {
      if (!narrow) return type;
      const types = await narrow(path);
      return agreed({ name: types.join(' or '), types }, declared);
    },
  };
}

/**
 * A file name to show and to offer for saving: without folders, control characters and marks that turn the reading
 * direction, at most 120 characters; `file` when nothing is left.
 */
export function safeFilename(filename: string): string {
  const base = [...(filename.split(/[/\\]/).at(-1) ?? '')].slice(-120).join('');
  return base.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}<>:"|?*]/gu, '').replace(/^[.\s]+|[.\s]+$/g, '') || 'file';
}

async function foundIn(head: Uint8Array): Promise<Found> {
  if (startsWith(head, ZIP)) return { name: 'an archive', types: Object.values(NEW_OFFICE), narrow: officeTypes };
  if (startsWith(head, COMPOUND)) return { name: 'an old office file', types: Object.values(OLD_OFFICE), narrow: oldOfficeTypes };
  const detected = await detect(head);
  if (!detected || (WEAK_MARKS.has(detected.mimeType) && (await isText(head)))) {
    await checkText([head], head.length < PROBE_BYTES);
    const narrow = async (path: string): Promise<string[]> => {
      await checkText(createReadStream(path) as AsyncIterable<Uint8Array>, true);
      return TEXT;
    };
    return { name: 'text', types: TEXT, narrow };
  }
  const { ext, mimeType } = detected;
  // Of Ogg, networks take Opus alone; of MPEG sound, the third layer.
  const otherSound = (mimeType === 'audio/ogg' && ext !== 'opus') || (mimeType === 'audio/mpeg' && ext !== 'mp3');
  if (!TAKEN.has(mimeType) || otherSound) {
    throw new UnsupportedMediaError(`Files of type ${ext} (${mimeType}) are not taken. ${WHAT_IS_TAKEN}`);
  }
  // An M4A is never a video; an MP4 may hold sound alone.
  return { name: mimeType, types: mimeType === 'video/mp4' ? ['video/mp4', 'audio/mp4'] : [mimeType] };
}

const startsWith = (head: Uint8Array, mark: Buffer): boolean => mark.equals(head.subarray(0, mark.length));

async function detect(head: Uint8Array): Promise<{ ext: string; mimeType: string } | undefined> {
  try {
    const detected = await fileTypeFromBuffer(head);
    const bare = detected?.mime.split(';')[0];
    return detected && bare ? { ext: detected.ext, mimeType: ALIASES[bare] ?? bare } : undefined;
  } catch {
    // It has a mark that is known, and nothing behind it that goes with it.
    throw new UnsupportedMediaError(`The file is damaged at its beginning. ${WHAT_IS_TAKEN}`);
  }
}

async function isText(head: Uint8Array): Promise<boolean> {
  return checkText([head], false).then(
    () => true,
    () => false,
  );
}

/** The type on which bytes and sender agree. */
function agreed({ name, types }: Found, declared: Declared): MediaType {
  const named = namesOf(declared);
  for (const { said, mimeType } of named) if (!types.includes(mimeType)) throw new MediaTypeMismatchError(said, name);
  // The file name tells CSV from text and sound from video; the header often does not.
  const mimeType = named.at(-1)?.mimeType ?? types.find((type) => kindOf(type, declared.kind) === declared.kind) ?? types[0]!;
  const kind = kindOf(mimeType, declared.kind);
  if (declared.kind && declared.kind !== kind) throw new MediaTypeMismatchError(declared.kind, mimeType);
  return { kind, mimeType };
}

function namesOf({ mimeType, filename }: Declared): { said: string; mimeType: string }[] {
  const names: { said: string; mimeType: string }[] = [];
  const header = mimeType?.split(';')[0]!.trim().toLowerCase();
  // With letters: the end of "price list v1.2" is none.
  const extension = /\.(?=\d*[a-z])([a-z0-9]{1,20})$/.exec(filename ? safeFilename(filename).toLowerCase() : '')?.[1];
  // Windows takes tables in text for Excel's own.
  const excelsWord = header === OLD_OFFICE.xls && extension === 'csv';
  if (header && !SAYS_NOTHING.includes(header) && !excelsWord) names.push({ said: header, mimeType: ALIASES[header] ?? header });
  if (extension) names.push({ said: `.${extension}`, mimeType: EXTENSIONS[extension] ?? `.${extension}` });
  return names;
}

function kindOf(mimeType: string, declared?: MediaKind): MediaKind {
  if (mimeType === 'image/webp' && declared === 'sticker') return 'sticker';
  const group = mimeType.split('/')[0];
  return group === 'image' || group === 'video' || group === 'audio' ? group : 'document';
}
