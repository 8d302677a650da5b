import { Injectable } from '@nestjs/common';
import { Tenancy, type TenantTx } from '@soko/database';
import type { TransportChannel } from './transport.js';

/** A file as a network knows it. */
export interface RemoteCopy {
  remoteId: string;
  /** It was uploaded for an earlier message: the network may have forgotten it since. */
  remembered: boolean;
}

/** What a network has kept of files that were uploaded to it by a channel, until it forgets them. */
@Injectable()
export class MediaUploads {
  /** Who looks or uploads now. A channel is sent by one process at a time, so nobody else uploads for it. */
  private readonly underWay = new Map<string, Promise<RemoteCopy>>();

  constructor(private readonly tenancy: Tenancy) {}

  /**
   * The file at the network, uploaded if it is not there: once, however many messages want it at the same moment.
   * @param days how long it is kept there
   */
  once(channel: TransportChannel, mediaId: string, days: number, upload: () => Promise<string>): Promise<RemoteCopy> {
    const key = `${channel.id} ${mediaId}`;
    let copy = this.underWay.get(key);
    if (!copy) {
      // The look belongs to it: whoever looked before an upload was remembered would not see it, nor that it had been under way.
      copy = this.copy(channel, mediaId, days, upload).finally(() => this.underWay.delete(key));
      this.underWay.set(key, copy);
    }
    return copy;
  }

  private async copy(
    channel: TransportChannel,
    mediaId: string,
    days: number,
    upload: () => Promise<string>,
  ): Promise<RemoteCopy> {
    const known = await this.find(channel, mediaId);
    if (known) return { remoteId: known, remembered: true };
    const remoteId = await upload();
    await this.remember(channel, mediaId, remoteId, days);
    return { remoteId, remembered: false };
  }

  private async find({ merchantId, id }: TransportChannel, mediaId: string): Promise<string | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ remote_id: string }>(
        `SELECT remote_id FROM media_uploads WHERE merchant_id = $1 AND media_id = $2 AND channel_id = $3 AND expires_at > now()`,
        [merchantId, mediaId, id],
      ),
    );
    return row?.remote_id;
  }

  private async remember({ merchantId, id }: TransportChannel, mediaId: string, remoteId: string, days: number): Promise<void> {
    await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `INSERT INTO media_uploads (merchant_id, media_id, channel_id, remote_id, expires_at)
         SELECT merchant_id, id, $3, $4, now() + $5 * interval '1 day' FROM media_files WHERE merchant_id = $1 AND id = $2
         ON CONFLICT (merchant_id, media_id, channel_id) DO UPDATE SET remote_id = excluded.remote_id, expires_at = excluded.expires_at`,
        [merchantId, mediaId, id, remoteId, days],
      ),
    );
  }

  async forget({ merchantId, id }: TransportChannel, mediaId: string, remoteId: string): Promise<void> {
    await this.tenancy.run(merchantId, (tx) =>
      tx.query('DELETE FROM media_uploads WHERE merchant_id = $1 AND media_id = $2 AND channel_id = $3 AND remote_id = $4', [
        merchantId,
        mediaId,
        id,
        remoteId,
      ]),
    );
  }

  /** The network could not use what these messages were sent with: it is uploaded anew for the next ones. */
  async forgetSent(tx: TenantTx, channelId: string, waMessageIds: string[]): Promise<void> {
    await tx.query(
      `DELETE FROM media_uploads u USING message_ids i, messages m
       WHERE u.merchant_id = $1 AND u.channel_id = $2 AND i.merchant_id = $1 AND i.channel_id = $2 AND i.wa_message_id = ANY ($3)
         AND m.merchant_id = $1 AND m.id = i.message_id AND u.media_id::text = lower(m.content #>> '{media,mediaId}')`,
      [tx.merchantId, channelId, waMessageIds],
    );
  }
}
