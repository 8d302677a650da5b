import { Injectable } from '@nestjs/common';
import { NotFoundError, ValidationError } from '@soko/common';
import type { MediaContent, MediaKind } from '@soko/contracts';
import { MediaFailedError, MediaNotReadyError, MediaService, type ReadyMedia } from '@soko/media';
import { TransportError } from './transport.js';

/** What WhatsApp takes: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types */
const TAKEN: Record<MediaKind, { types?: string[]; bytes: number }> = {
  image: { types: ['image/jpeg', 'image/png'], bytes: 5_000_000 },
  video: { types: ['video/mp4', 'video/3gpp'], bytes: 16_000_000 },
  audio: { types: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'], bytes: 16_000_000 },
  document: { bytes: 100_000_000 },
  sticker: { types: ['image/webp'], bytes: 500_000 },
};

export interface FileFault {
  field: 'mediaId' | 'caption';
  message: string;
}

/** Why WhatsApp would not take the file with these words under it; nothing when it would. */
export function faultOf(
  { kind, mimeType, size }: Pick<ReadyMedia, 'kind' | 'mimeType' | 'size'>,
  caption?: string,
): FileFault | undefined {
  const { types, bytes } = TAKEN[kind];
  if (types && !types.includes(mimeType)) {
    return { field: 'mediaId', message: `WhatsApp takes a ${kind} as ${types.join(', ')}, and the file is ${mimeType}` };
  }
  if (size > bytes) {
    return { field: 'mediaId', message: `WhatsApp takes a ${kind} of at most ${bytes} bytes, and the file has ${size}` };
  }
  if (caption && (kind === 'audio' || kind === 'sticker')) {
    return { field: 'caption', message: `WhatsApp shows no caption under a ${kind}: send it as a message of its own` };
  }
  if (caption && caption.length > 1_024) {
    return { field: 'caption', message: `a caption has at most 1024 characters, this one has ${caption.length}` };
  }
  return undefined;
}

/** Our own files on their way to customers. */
@Injectable()
export class OutboundFiles {
  constructor(private readonly media: MediaService) {}

  /** Refuses at once what WhatsApp would refuse later; of a picture that is still processed, nobody knows yet. @throws AppError */
  async check(merchantId: string, { mediaId, caption }: MediaContent): Promise<void> {
    let file: ReadyMedia;
    try {
      file = await this.media.open(merchantId, mediaId);
    } catch (error) {
      if (error instanceof MediaNotReadyError) return;
      throw error;
    }
    const fault = faultOf(file, caption);
    if (fault) throw new ValidationError([{ path: `media.${fault.field}`, code: 'whatsapp', message: fault.message }]);
  }

  /** The file of a message that is to go out now. @throws TransportError */
  async open(merchantId: string, { mediaId, caption }: MediaContent): Promise<ReadyMedia> {
    const file = await this.media.open(merchantId, mediaId).catch((error: unknown) => {
      if (error instanceof MediaNotReadyError) throw new TransportError('media_not_ready', error.detail, 'wait', 2_000);
      if (error instanceof NotFoundError)
        throw new TransportError('media_gone', 'The file was deleted before it was sent.', 'failed');
      if (error instanceof MediaFailedError) throw new TransportError('media_failed', error.detail, 'failed');
      throw error;
    });
    const fault = faultOf(file, caption);
    if (fault) throw new TransportError('media_refused', `${fault.message}.`, 'failed');
    return file;
  }
}
