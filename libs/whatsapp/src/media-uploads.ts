import { Injectable } from '@nestjs/common';
import { Tenancy } from '@soko/database';
import type { TransportChannel } from './transport.js';

/** What a network has kept of files that were uploaded to it by a channel, until it forgets them. */
@Injectable()
export class MediaUploads {
  constructor(private readonly tenancy: Tenancy) {}

  async find({ merchantId, id }: TransportChannel, mediaId: string): Promise<string | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ remote_id: string }>(
        `SELECT remote_id FROM media_uploads WHERE merchant_id = $1 AND media_id = $2 AND channel_id = $3 AND expires_at > now()`,
        [merchantId, mediaId, id],
      ),
    );
    return row?.remote_id;
  }

  /** @param days how long it is kept there */
  async remember({ merchantId, id }: TransportChannel, mediaId: string, remoteId: string, days: number): Promise<void> {
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
}
