import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { SystemDb } from '@soko/database';
import { Log } from '@soko/observability';
import { isLeftBehind } from './left-behind.js';
import { MediaBlobs } from './media-blobs.js';
import { LocalMediaStore, type MediaStore, PARTS } from './media-store.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

/** Nothing takes so long: what was not touched since has been left. */
const LEFT = '1 hour';
const BATCH = 500;

/** Clears up after crashes: uploads that were not finished, bytes that no file is of, and what lies about in temporary folders. */
@Injectable()
export class MediaSweep {
  constructor(
    private readonly system: SystemDb,
    private readonly blobs: MediaBlobs,
    private readonly log: Log,
    @Inject(MEDIA_STORE) private readonly store: MediaStore,
    @Inject(TEMPORARY) private readonly temporary: string,
  ) {}

  /** @returns how many blobs are gone. */
  async sweep(): Promise<number> {
    await this.system.query(
      `UPDATE media_blobs SET status = 'removing', ring_at = NULL WHERE status = 'storing' AND touched_at < now() - interval '${LEFT}'`,
    );
    let gone = 0;
    let batch: { merchant_id: string; id: string }[];
    do {
      batch = await this.system.query(
        `SELECT merchant_id, id FROM media_blobs WHERE status = 'removing' AND touched_at < now() - interval '${LEFT}' LIMIT ${BATCH}`,
      );
      // The bytes first: a row without bytes is found again, bytes without a row never.
      for (const { merchant_id: merchantId, id } of batch) await this.blobs.erase(merchantId, id);
      await this.system.query(
        `DELETE FROM media_blobs b USING unnest($1::uuid[], $2::uuid[]) AS gone (merchant_id, id)
         WHERE b.merchant_id = gone.merchant_id AND b.id = gone.id AND b.status = 'removing'`,
        [batch.map((row) => row.merchant_id), batch.map((row) => row.id)],
      );
      gone += batch.length;
    } while (batch.length === BATCH);
    await this.clear(this.temporary);
    if (this.store instanceof LocalMediaStore) await this.clear(join(this.store.folder, PARTS));
    if (gone > 0) this.log.info({ gone }, 'media that nobody uses was removed');
    return gone;
  }

  private async clear(folder: string): Promise<void> {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const touched = await stat(path).then(({ mtimeMs }) => mtimeMs, Date.now);
      if (isLeftBehind(name, touched)) await rm(path, { recursive: true, force: true });
    }
  }
}
