import { Injectable } from '@nestjs/common';
import type { MediaContent, OutboundContent } from '@soko/contracts';
import type { ReadyMedia } from '@soko/media';
import type { AnyMediaMessageContent, MediaGenerationOptions, proto } from '@whiskeysockets/baileys';
import { buffer } from 'node:stream/consumers';
import { MediaUploads } from '../media-uploads.js';
import { OutboundFiles } from '../outbound-files.js';
import { type TransportChannel, TransportError } from '../transport.js';
import type { Written } from './baileys-content.js';

/** WhatsApp keeps what was uploaded for about a month, and promises nothing. */
const KEPT_DAYS = 14;

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
    const known = await this.uploads.find(channel, media.mediaId);
    const message = known ? await decode(known) : await this.upload(channel, file, media.mediaId, upload);
    return { [`${file.kind}Message`]: { ...partOf(message), ...(media.caption ? { caption: media.caption } : {}) } };
  }

  private async upload(channel: TransportChannel, file: ReadyMedia, mediaId: string, upload: WebUpload): Promise<proto.IMessage> {
    const { prepareWAMessageMedia, proto: wire } = await import('@whiskeysockets/baileys');
    let message: proto.IMessage;
    try {
      message = await prepareWAMessageMedia(await contentOf(file), { upload });
    } catch (error) {
      throw new TransportError('media_not_uploaded', `WhatsApp did not take the file: ${(error as Error).message}`, 'retry');
    }
    const kept = Buffer.from(wire.Message.encode(message).finish()).toString('base64');
    await this.uploads.remember(channel, mediaId, kept, KEPT_DAYS);
    return message;
  }
}

/** What is given here Baileys does not work out: it would read the whole file for it. */
async function contentOf(file: ReadyMedia): Promise<AnyMediaMessageContent> {
  const { kind, mimeType: mimetype, filename: fileName, width, height } = file;
  const media = { stream: await file.read() };
  const jpegThumbnail = file.thumbnail ? (await buffer(await file.thumbnail())).toString('base64') : '';
  switch (kind) {
    case 'image':
      return { image: media, mimetype, width, height, jpegThumbnail };
    case 'video':
      return { video: media, mimetype, jpegThumbnail };
    case 'audio':
      return { audio: media, mimetype, seconds: 0 };
    case 'sticker':
      return { sticker: media, mimetype };
    case 'document':
      return { document: media, mimetype, fileName };
  }
}

async function decode(kept: string): Promise<proto.IMessage> {
  const { proto: wire } = await import('@whiskeysockets/baileys');
  return wire.Message.decode(Buffer.from(kept, 'base64'));
}

const PARTS = ['imageMessage', 'videoMessage', 'audioMessage', 'documentMessage', 'stickerMessage'] as const;
const partOf = (message: proto.IMessage): object => message[PARTS.find((part) => message[part])!]!;
