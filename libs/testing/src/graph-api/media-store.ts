import { createHash, randomBytes } from 'node:crypto';
import { GraphError, refuse } from './graph-error.js';
import { MIME_TYPES } from './message-rules.js';

const DAY_MS = 86_400_000;
/** Uploaded files live 30 days; those of customers 7: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media */
const LIFE_MS = { uploaded: 30 * DAY_MS, received: 7 * DAY_MS };
const MB = 1024 * 1024;

export interface StoredMedia {
  id: string;
  bytes: Buffer;
  mimeType: string;
  filename?: string;
  source: keyof typeof LIFE_MS;
  /** Both are used: base64 in webhooks, hex in the answer to `GET /{media-id}`. */
  sha256: { hex: string; base64: string };
  expiresAt: number;
}

/** The files of one number. */
export class MediaStore {
  /** Life of a download URL. */
  urlLifeMs = 300_000;
  readonly #files = new Map<string, StoredMedia>();
  readonly #key = randomBytes(16).toString('hex');

  constructor(
    private readonly now: () => number,
    private readonly newId: () => string,
  ) {}

  add(file: Pick<StoredMedia, 'bytes' | 'mimeType' | 'filename' | 'source'>): StoredMedia {
    const digest = createHash('sha256').update(file.bytes).digest();
    const stored = {
      ...file,
      id: this.newId(),
      sha256: { hex: digest.toString('hex'), base64: digest.toString('base64') },
      expiresAt: this.now() + LIFE_MS[file.source],
    };
    this.#files.set(stored.id, stored);
    return stored;
  }

  /** A file of the business. @throws GraphError when Meta would not take it */
  upload(file: { bytes: Buffer; mimeType: string; filename?: string }): StoredMedia {
    const type = Object.entries(MIME_TYPES).find(([, types]) => types.test(file.mimeType))?.[0];
    if (!type) refuse(`Param file must be a file of a supported type - got ${file.mimeType}.`);
    const max = maxBytes(type, file.bytes);
    if (file.bytes.length === 0 || file.bytes.length > max) {
      refuse(`${type}: size must be 1 to ${max} bytes - got ${file.bytes.length}.`, 131053);
    }
    return this.add({ ...file, source: 'uploaded' });
  }

  get(id: string): StoredMedia | undefined {
    const found = this.#files.get(id);
    return found && found.expiresAt > this.now() ? found : undefined;
  }

  delete(id: string): boolean {
    return this.#files.delete(id);
  }

  get size(): number {
    return this.#files.size;
  }

  /** The answer to `GET /{media-id}`: each asks for a URL of its own. */
  describe(file: StoredMedia, baseUrl: string): object {
    const expires = this.now() + this.urlLifeMs;
    const query = new URLSearchParams({ mid: file.id, ext: String(expires), hash: this.#hash(file.id, String(expires)) });
    return {
      url: `${baseUrl}${DOWNLOAD_PATH}?${query.toString()}`,
      mime_type: file.mimeType,
      sha256: file.sha256.hex,
      file_size: file.bytes.length,
      id: file.id,
      messaging_product: 'whatsapp',
    };
  }

  /** The file behind such a URL. @throws GraphError 404 when it has died */
  download(query: URLSearchParams): StoredMedia {
    const [id, expires] = [query.get('mid') ?? '', query.get('ext') ?? ''];
    const file = this.get(id);
    if (!file || this.#hash(id, expires) !== query.get('hash') || Number(expires) <= this.now()) {
      throw new GraphError({ code: 100, status: 404, message: 'The URL has expired or does not exist' });
    }
    return file;
  }

  #hash(id: string, expires: string): string {
    return createHash('sha256').update(`${this.#key} ${id} ${expires}`).digest('base64url');
  }
}

export const DOWNLOAD_PATH = '/whatsapp_business/attachments/';

function maxBytes(type: string, bytes: Buffer): number {
  if (type === 'image') return 5 * MB;
  if (type === 'document') return 100 * MB;
  // An animated WebP has its flag in the VP8X chunk: https://developers.google.com/speed/webp/docs/riff_container
  if (type === 'sticker') return bytes.toString('latin1', 12, 16) === 'VP8X' && (bytes[20]! & 2) !== 0 ? 500 * 1024 : 100 * 1024;
  return 16 * MB;
}

/** A file's type by its first bytes, for those that say none. */
export function sniff(bytes: Buffer): string | undefined {
  const start = bytes.toString('latin1', 0, 12);
  if (start.startsWith('\u0089PNG')) return 'image/png';
  if (start.startsWith('\u00FF\u00D8')) return 'image/jpeg';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'image/webp';
  if (start.startsWith('%PDF')) return 'application/pdf';
  if (start.startsWith('OggS')) return 'audio/ogg; codecs=opus';
  if (start.slice(4, 8) === 'ftyp') return 'video/mp4';
  return undefined;
}
