import { Injectable } from '@nestjs/common';
import type { MediaContent } from '@soko/contracts';
import type { ReadyMedia } from '@soko/media';
import { MediaUploads } from '../media-uploads.js';
import { bytesOf, OutboundFiles } from '../outbound-files.js';
import type { TransportChannel } from '../transport.js';
import { CloudError } from './cloud-errors.js';
import type { CloudContent } from './cloud-payload.js';
import { type CloudAccess, CloudClient } from './cloud.client.js';

/** Meta keeps uploads for 30 days. */
const KEPT_DAYS = 29;
/** https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types: of Ogg it takes Opus, of text no tables. */
const AS_META_SAYS: Record<string, string> = { 'audio/ogg': 'audio/ogg; codecs=opus', 'text/csv': 'text/plain' };

export interface CloudUpload {
  content: CloudContent;
  /** Meta was asked to keep the file before, and may have forgotten it. */
  remembered: boolean;
  mediaId: string;
  remoteId: string;
}

/** Our files at Meta: each is uploaded once by each channel. */
@Injectable()
export class CloudFiles {
  constructor(
    private readonly files: OutboundFiles,
    private readonly uploads: MediaUploads,
    private readonly client: CloudClient,
  ) {}

  /** The file as a message names it, uploaded if it has to be. @throws TransportError */
  async of(channel: TransportChannel, access: CloudAccess, media: MediaContent): Promise<CloudUpload> {
    const { mediaId, caption } = media;
    const file = await this.files.open(channel.merchantId, media);
    const upload = () => this.upload(access, file);
    const { remoteId, remembered } = await this.uploads.once(channel, mediaId, KEPT_DAYS, upload);
    const { kind, filename } = file;
    const part = { id: remoteId, ...(caption ? { caption } : {}), ...(kind === 'document' ? { filename } : {}) };
    return { content: { type: kind, [kind]: part } as CloudContent, remembered, mediaId, remoteId };
  }

  private async upload(access: CloudAccess, file: ReadyMedia): Promise<string> {
    const mimeType = AS_META_SAYS[file.mimeType] ?? file.mimeType;
    try {
      return await this.client.upload(access, { ...file, mimeType, bytes: bytesOf(file) });
    } catch (error) {
      // Whatever became of it, no customer has got anything yet.
      if (error instanceof CloudError && error.fate === 'doubt')
        throw new CloudError({
          code: 'media_not_uploaded',
          fate: 'retry',
          text: 'WhatsApp did not answer to the upload of the file.',
        });
      throw error;
    }
  }

  /** The next message uploads it anew. */
  async forget(channel: TransportChannel, { mediaId, remoteId }: CloudUpload): Promise<void> {
    await this.uploads.forget(channel, mediaId, remoteId);
  }
}
