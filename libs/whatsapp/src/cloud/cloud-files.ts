import { Injectable } from '@nestjs/common';
import type { MediaContent } from '@soko/contracts';
import { MediaUploads } from '../media-uploads.js';
import { OutboundFiles } from '../outbound-files.js';
import type { TransportChannel } from '../transport.js';
import type { CloudContent } from './cloud-payload.js';
import { type CloudAccess, CloudClient } from './cloud.client.js';

/** Meta keeps uploads for 30 days. */
const KEPT_DAYS = 29;

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
    const known = await this.uploads.find(channel, mediaId);
    const remoteId = known ?? (await this.client.upload(access, { ...file, bytes: await file.read() }));
    if (!known) await this.uploads.remember(channel, mediaId, remoteId, KEPT_DAYS);
    const { kind, filename } = file;
    const part = { id: remoteId, ...(caption ? { caption } : {}), ...(kind === 'document' ? { filename } : {}) };
    return { content: { type: kind, [kind]: part } as CloudContent, remembered: known !== undefined, mediaId, remoteId };
  }

  /** The next message uploads it anew. */
  async forget(channel: TransportChannel, { mediaId, remoteId }: CloudUpload): Promise<void> {
    await this.uploads.forget(channel, mediaId, remoteId);
  }
}
