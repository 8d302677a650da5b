import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Settings } from '@soko/config';
import type { MediaKind } from '@soko/contracts';
import { type ChannelKind, ChannelService } from '@soko/messaging';
import { CloudClient } from '../cloud/cloud.client.js';
import { CloudError } from '../cloud/cloud-errors.js';

/** The largest of our own limits: nothing more is read of anything. */
const MOST_BYTES = 50_000_000;

/** Where a customer's file lies. */
export interface RemoteFile {
  merchantId: string;
  channelId: string;
  channelKind: ChannelKind;
  kind: MediaKind;
  /** As the transport has kept it: `messages.media`. */
  reference: { id?: string; url?: string; directPath?: string; mediaKey?: string };
}

/** It will not be there later either. */
export class FileGoneError extends Error {}

/** Reads the files that customers send from where their network keeps them. */
@Injectable()
export class InboundFiles {
  constructor(
    private readonly channels: ChannelService,
    private readonly cloud: CloudClient,
    private readonly settings: Settings,
  ) {}

  /** @throws FileGoneError, CloudError; whatever else it throws may pass */
  async open(file: RemoteFile): Promise<Readable> {
    if (file.channelKind === 'cloud' && file.reference.id) return this.fromMeta(file, file.reference.id);
    if (file.channelKind === 'baileys' && file.reference.mediaKey) return this.fromWeb(file, file.reference.mediaKey);
    throw new FileGoneError('The message does not say where its file lies.');
  }

  private async fromMeta({ merchantId, channelId }: RemoteFile, mediaId: string): Promise<Readable> {
    const { accessToken } = await this.channels.secrets(merchantId, channelId);
    const found = await this.cloud.media({ accessToken }, mediaId).catch((error: unknown) => {
      // Meta says the same of every object that it does not have, a number or a file.
      if (error instanceof CloudError && error.code === 'number_unknown')
        throw new FileGoneError('WhatsApp does not have the file any more.');
      throw error;
    });
    return Readable.from(this.cloud.download({ accessToken }, found, MOST_BYTES));
  }

  private async fromWeb({ kind, reference }: RemoteFile, mediaKey: string): Promise<Readable> {
    const { downloadContentFromMessage } = await import('@whiskeysockets/baileys');
    try {
      return await downloadContentFromMessage({ url: this.webUrl(reference), mediaKey: Buffer.from(mediaKey, 'base64') }, kind);
    } catch (error) {
      // WhatsApp keeps files for about a month.
      const { statusCode } = (error as { output?: { statusCode?: number } }).output ?? {};
      if ([403, 404, 410].includes(statusCode ?? 0) || /\b(403|404|410)\b/.test((error as Error).message))
        throw new FileGoneError('WhatsApp does not have the file any more.');
      throw error;
    }
  }

  /** A host that the customer names is believed only where it is WhatsApp's, or that of the server which we are linked to. */
  private webUrl({ directPath, url }: RemoteFile['reference']): string {
    if (directPath?.startsWith('/')) return `https://mmg.whatsapp.net${directPath}`;
    const target = url && URL.canParse(url) ? new URL(url) : undefined;
    const whatsapps = target?.protocol === 'https:' && /(^|\.)whatsapp\.net$/.test(target.hostname);
    const linked = new URL(this.settings.WHATSAPP_WEB_URL);
    const ours = target?.host === linked.host && linked.hostname !== 'web.whatsapp.com';
    if (target && (whatsapps || ours)) return target.href;
    throw new FileGoneError('The file does not lie with WhatsApp.');
  }
}
