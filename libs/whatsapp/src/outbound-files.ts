import { Injectable } from '@nestjs/common';
import { NotFoundError, ValidationError } from '@soko/common';
import type { MediaContent, MediaKind } from '@soko/contracts';
import { MediaFailedError, MediaNotReadyError, MediaService, type ReadyMedia } from '@soko/media';
import { TransportError } from './transport.js';
import { WEBP_HEAD_BYTES, type WebpHead, webpHead } from './webp-head.js';

/** What WhatsApp takes: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types */
const TAKEN: Record<MediaKind, { types?: string[]; bytes: number }> = {
  image: { types: ['image/jpeg', 'image/png'], bytes: 5_000_000 },
  video: { types: ['video/mp4', 'video/3gpp'], bytes: 16_000_000 },
  audio: { types: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'], bytes: 16_000_000 },
  document: { bytes: 100_000_000 },
  sticker: { types: ['image/webp'], bytes: 500_000 },
};
/** A sticker that does not move. */
const STILL_STICKER_BYTES = 100_000;
/** Pixels, on both sides. */
const STICKER_SIDE = 512;
/** Characters; an emoji is one of them. */
const CAPTION_LENGTH = 1_024;

export interface FileFault {
  field: 'mediaId' | 'caption';
  message: string;
}

/** What WhatsApp looks at. */
export type FileFacts = Pick<ReadyMedia, 'kind' | 'mimeType' | 'size'> & { sticker?: WebpHead };

/** Why WhatsApp would not take the file with these words under it; nothing when it would. */
export function faultOf(file: FileFacts, caption?: string): FileFault | undefined {
  const message = fileFault(file);
  if (message) return { field: 'mediaId', message };
  if (caption && (file.kind === 'audio' || file.kind === 'sticker')) {
    return { field: 'caption', message: `WhatsApp shows no caption under a ${file.kind}: send it as a message of its own` };
  }
  const length = Array.from(caption ?? '').length;
  if (length <= CAPTION_LENGTH) return undefined;
  return { field: 'caption', message: `a caption has at most ${CAPTION_LENGTH} characters, and this one has ${length}` };
}

function fileFault({ kind, mimeType, size, sticker }: FileFacts): string | undefined {
  const { types, bytes } = TAKEN[kind];
  if (types && !types.includes(mimeType)) return `WhatsApp takes a ${kind} as ${types.join(', ')}, and the file is ${mimeType}`;
  const still = kind === 'sticker' && !sticker?.animated;
  const most = still ? STILL_STICKER_BYTES : bytes;
  if (size > most) return `WhatsApp takes a ${still ? 'still sticker' : kind} of at most ${most} bytes, and the file has ${size}`;
  if (kind !== 'sticker') return undefined;
  if (!sticker) return 'the sticker is damaged at its beginning';
  const { width, height } = sticker;
  if (width === STICKER_SIDE && height === STICKER_SIDE) return undefined;
  return `WhatsApp takes stickers of ${STICKER_SIDE} × ${STICKER_SIDE} pixels, and the file has ${width} × ${height}`;
}

/** Its bytes, from a stream that is opened for the first of them: one that nobody reads would stay open. */
export async function* bytesOf(file: Pick<ReadyMedia, 'read'>): AsyncGenerator<Buffer> {
  yield* (await file.read()) as AsyncIterable<Buffer>;
}

/** A file that goes out now. */
export type OutboundFile = ReadyMedia & { sticker?: WebpHead };

/** Our own files on their way to customers. */
@Injectable()
export class OutboundFiles {
  constructor(private readonly media: MediaService) {}

  /** Refuses at once what WhatsApp would refuse later; of a picture that is still processed, nobody knows yet. @throws AppError */
  async check(merchantId: string, { mediaId, caption }: MediaContent): Promise<void> {
    let file: OutboundFile;
    try {
      file = await this.known(merchantId, mediaId);
    } catch (error) {
      if (error instanceof MediaNotReadyError) return;
      throw error;
    }
    const fault = faultOf(file, caption);
    if (fault) throw new ValidationError([{ path: `media.${fault.field}`, code: 'whatsapp', message: fault.message }]);
  }

  /** The file of a message that is to go out now. @throws TransportError */
  async open(merchantId: string, { mediaId, caption }: MediaContent): Promise<OutboundFile> {
    const file = await this.known(merchantId, mediaId).catch((error: unknown) => {
      if (error instanceof MediaNotReadyError) throw new TransportError('media_not_ready', error.detail, 'wait');
      if (error instanceof NotFoundError)
        throw new TransportError('media_gone', 'The file was deleted before it was sent.', 'failed');
      if (error instanceof MediaFailedError) throw new TransportError('media_failed', error.detail, 'failed');
      throw error;
    });
    const fault = faultOf(file, caption);
    if (fault) throw new TransportError('media_refused', `${fault.message}.`, 'failed');
    return file;
  }

  /** @throws as `MediaService.open` */
  private async known(merchantId: string, mediaId: string): Promise<OutboundFile> {
    const file = await this.media.open(merchantId, mediaId);
    if (file.kind !== 'sticker') return file;
    let head = Buffer.alloc(0);
    for await (const bytes of bytesOf(file)) {
      head = Buffer.concat([head, bytes]);
      if (head.length >= WEBP_HEAD_BYTES) break;
    }
    return { ...file, sticker: webpHead(head) };
  }
}
