import { Inject, Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import type { IncomingFile } from './incoming-file.js';
import { keyOf, VARIANT_NAMES } from './media-key.js';
import type { MediaStore } from './media-store.js';
import { MEDIA_STORE } from './tokens.js';

export type BlobStatus = 'storing' | 'processing' | 'ready' | 'failed' | 'removing';

/**
 * The bytes behind files. A row stands before the first byte is written and until the last one is gone, so that whatever a crash
 * leaves is found by its row. Files of other bytes, or of the same that came again later, have other ids and so other places.
 */
@Injectable()
export class MediaBlobs {
  constructor(
    private readonly tenancy: Tenancy,
    @Inject(MEDIA_STORE) private readonly disk: MediaStore,
  ) {}

  /**
   * The bytes of `file` lie in the store when this returns: those that came before, or these, under a place of their own. Nobody else
   * ever writes an upload there. @returns the blob's id
   */
  async store(merchantId: string, file: IncomingFile): Promise<string> {
    const known = await this.tenancy.apart(merchantId, (tx) => this.live(tx, file.hash));
    if (known) return known;
    const id = newId();
    await this.tenancy.apart(merchantId, (tx) =>
      tx.query(
        `INSERT INTO media_blobs (merchant_id, id, hash, size, mime_type, status) VALUES ($1, $2, $3, $4, $5, 'storing')`,
        [merchantId, id, file.hash, file.size, file.mimeType],
      ),
    );
    await this.disk.put(keyOf(merchantId, id, 'original'), file.path, file);
    return id;
  }

  /**
   * A blob of these bytes that stays while the transaction lasts: this one, or another that was whole before it, and then this one goes.
   * @returns nothing when it is gone; `fresh`: it is this one, and it was not whole before
   */
  async settle(tx: TenantTx, id: string, { hash, kind }: IncomingFile): Promise<{ id: string; fresh: boolean } | undefined> {
    // One after the other, for what is not there yet cannot be locked.
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1::text || $2, 0))', [tx.merchantId, hash]);
    const whole = await this.live(tx, hash);
    const status = await this.lock(tx, whole ?? id);
    if (whole && whole !== id) await this.giveUp(tx, id);
    if (status === 'processing' || status === 'ready') return { id: whole ?? id, fresh: false };
    if (status !== 'storing') return undefined;
    await this.stored(tx, id, kind === 'image');
    return { id, fresh: true };
  }

  private async live(tx: TenantTx, hash: string): Promise<string | undefined> {
    const [row] = await tx.query<{ id: string }>(
      `SELECT id FROM media_blobs WHERE merchant_id = $1 AND hash = $2 AND status IN ('processing', 'ready')`,
      [tx.merchantId, hash],
    );
    return row?.id;
  }

  /** The sweep removes it. */
  private async giveUp(tx: TenantTx, id: string): Promise<void> {
    await tx.query(
      `UPDATE media_blobs SET status = 'removing', touched_at = clock_timestamp() WHERE merchant_id = $1 AND id = $2 AND status = 'storing'`,
      [tx.merchantId, id],
    );
  }

  /** Its status, which stays until the transaction ends; nothing when it is gone. */
  async lock(tx: TenantTx, id: string): Promise<BlobStatus | undefined> {
    const [row] = await tx.query<{ status: BlobStatus }>(
      'SELECT status FROM media_blobs WHERE merchant_id = $1 AND id = $2 FOR UPDATE',
      [tx.merchantId, id],
    );
    return row?.status;
  }

  private async stored(tx: TenantTx, id: string, toProcess: boolean): Promise<void> {
    await tx.query(
      `UPDATE media_blobs SET status = CASE WHEN $3 THEN 'processing' ELSE 'ready' END, touched_at = clock_timestamp(),
         ring_at = CASE WHEN $3 THEN now() + interval '10 seconds' END WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, id, toProcess],
    );
  }

  /** Gives up a locked blob that no file is of any more. @returns whether it does */
  async releaseIfUnused(tx: TenantTx, id: string): Promise<boolean> {
    const rows = await tx.query(
      `UPDATE media_blobs SET status = 'removing', ring_at = NULL, touched_at = clock_timestamp()
       WHERE merchant_id = $1 AND id = $2 AND NOT EXISTS (SELECT FROM media_files WHERE merchant_id = $1 AND blob_id = $2) RETURNING 1 AS one`,
      [tx.merchantId, id],
    );
    return rows.length > 0;
  }

  /**
   * Removes the bytes of a blob that was given up, or of one that cannot be used. The row of the former goes an hour later by the sweep,
   * and with it whatever a worker that was at it has written after this, or a crash has left undone.
   */
  async erase(merchantId: string, id: string): Promise<void> {
    await Promise.all(VARIANT_NAMES.map((variant) => this.disk.delete(keyOf(merchantId, id, variant))));
  }

  /** For a worker that came too late: what it has written is nobody's, unless another one is at the same work or has finished it. */
  async eraseUnlessWanted(merchantId: string, id: string): Promise<void> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ status: BlobStatus }>('SELECT status FROM media_blobs WHERE merchant_id = $1 AND id = $2', [merchantId, id]),
    );
    if (row?.status !== 'processing' && row?.status !== 'ready') await this.erase(merchantId, id);
  }
}
