import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Injectable } from '@nestjs/common';
import type { MediaContent, OutboundContent } from '@soko/contracts';
import type { AnyMediaMessageContent, MediaGenerationOptions, proto } from '@whiskeysockets/baileys';
import { MediaUploads } from '../media-uploads.js';
import { bytesOf, type OutboundFile, OutboundFiles } from '../outbound-files.js';
import { type TransportChannel, TransportError } from '../transport.js';
import type { Written } from './baileys-content.js';

/** WhatsApp keeps what was uploaded for about a month, and promises nothing. */
const KEPT_DAYS = 14;
/** An upload of which nothing goes on for so long is given up. */
const STALL_MS = 60_000;

export type WebUpload = MediaGenerationOptions['upload'];

/**
 * Our files on WhatsApp Web's servers, where they lie encrypted: what is remembered of an upload is the message that tells where, and by
 * which key. Each is uploaded once by each channel, so that a retry carries the same message.
 */
@Injectable()
export class BaileysFiles {
  constructor(
    private readonly files: OutboundFiles,
    private readonly uploads: MediaUploads,
  ) {}

  /** @throws TransportError */
  async written(channel: TransportChannel, content: OutboundContent, upload: WebUpload): Promise<Written> {
    return content.type === 'media' ? { type: 'media', file: await this.of(channel, content.media, upload) } : content;
  }

  private async of(channel: TransportChannel, media: MediaContent, upload: WebUpload): Promise<proto.IMessage> {
    const file = await this.files.open(channel.merchantId, media);
    const { remoteId } = await this.uploads.once(channel, media.mediaId, KEPT_DAYS, () => this.upload(file, upload));
    const message = await decode(remoteId);
    return { [`${file.kind}Message`]: { ...partOf(message), ...(media.caption ? { caption: media.caption } : {}) } };
  }

  /** @returns the message that tells where it lies, in base64 */
  private async upload(file: OutboundFile, upload: WebUpload): Promise<string> {
    const { prepareWAMessageMedia, proto: wire } = await import('@whiskeysockets/baileys');
    let message: proto.IMessage;
    try {
      message = await prepareWAMessageMedia(await contentOf(file), { upload, mediaUploadTimeoutMs: STALL_MS });
    } catch (error) {
      throw new TransportError('media_not_uploaded', `WhatsApp did not take the file: ${(error as Error).message}`, 'retry');
    }
    return Buffer.from(wire.Message.encode(message).finish()).toString('base64');
  }
}

/** What is given here Baileys does not work out: it would read the whole file for it. */
async function contentOf(file: OutboundFile): Promise<AnyMediaMessageContent> {
  const { kind, mimeType: mimetype, filename: fileName, width, height, sticker } = file;
  const media = { stream: Readable.from(bytesOf(file)) };
  switch (kind) {
    case 'image':
      return { image: media, mimetype, width, height, jpegThumbnail: await thumbnailOf(file) };
    case 'video':
      return { video: media, mimetype, jpegThumbnail: '' };
    case 'audio':
      return { audio: media, seconds: 0, ...(mimetype === 'audio/ogg' ? VOICE : { mimetype }) };
    case 'sticker':
      return { sticker: media, mimetype, isAnimated: sticker?.animated, width: sticker?.width, height: sticker?.height };
    case 'document':
      return { document: media, mimetype, fileName };
  }
}

/** Ogg is Opus here, which phones show as something spoken. Baileys would decode it to draw its waves. */
const VOICE = { mimetype: 'audio/ogg; codecs=opus', ptt: true, waveform: new Uint8Array(64) };

/** In base64; nothing of a picture that can be seen through, whose small sizes are no JPEGs. */
async function thumbnailOf({ thumbnail }: OutboundFile): Promise<string> {
  const bytes = thumbnail ? await buffer(await thumbnail()) : Buffer.alloc(0);
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? bytes.toString('base64') : '';
}

async function decode(kept: string): Promise<proto.IMessage> {
  const { proto: wire } = await import('@whiskeysockets/baileys');
  return wire.Message.decode(Buffer.from(kept, 'base64'));
}

const PARTS = ['imageMessage', 'videoMessage', 'audioMessage', 'documentMessage', 'stickerMessage'] as const;
const partOf = (message: proto.IMessage): object => message[PARTS.find((part) => message[part])!]!;
