import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import { MediaService } from '@soko/media';
import type { AddProductMediaBody, ProductMediaView } from './catalog.dto.js';
import { NotAPictureError, TooManyPicturesError } from './catalog.errors.js';
import { ProductService } from './product.service.js';

/** The most pictures of one product. */
export const MAX_PICTURES = 10;

/** The pictures of a product, in an order of the merchant's choice. The first one is what customers see. */
@Injectable()
export class ProductMediaService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly media: MediaService,
    private readonly products: ProductService,
  ) {}

  /** @throws NotFoundError */
  async list(merchantId: string, productId: string): Promise<ProductMediaView[]> {
    const ids = await this.tenancy.run(merchantId, async (tx) => {
      const found = await pictures(tx, productId);
      if (found.length === 0) await this.products.find(tx, productId);
      return found;
    });
    const views = await this.media.getMany(merchantId, ids);
    return ids.map((id, position) => ({ ...views.get(id)!, position }));
  }

  /**
   * Puts a picture at `position`, or behind all others; one that is there already moves.
   * @throws NotFoundError for the product and the file, NotAPictureError, TooManyPicturesError
   */
  async put(merchantId: string, productId: string, { mediaId, position }: AddProductMediaBody): Promise<ProductMediaView[]> {
    await this.tenancy.run(merchantId, async (tx) => {
      await this.lock(tx, productId);
      const [file] = await tx.query<{ kind: string; status: string }>(
        `SELECT f.kind, b.status FROM media_files f JOIN media_blobs b ON b.merchant_id = f.merchant_id AND b.id = f.blob_id
         WHERE f.merchant_id = $1 AND f.id = $2`,
        [merchantId, mediaId],
      );
      if (!file) throw new NotFoundError('media', mediaId);
      if (file.kind !== 'image' || file.status === 'failed') throw new NotAPictureError(mediaId);
      const before = await pictures(tx, productId);
      const after = before.filter((id) => id !== mediaId);
      if (after.length >= MAX_PICTURES) throw new TooManyPicturesError(MAX_PICTURES);
      after.splice(position ?? after.length, 0, mediaId);
      await this.write(tx, productId, before, after);
    });
    return this.list(merchantId, productId);
  }

  /** Takes one picture away from the product, or all; the files themselves stay. @throws NotFoundError */
  async remove(merchantId: string, productId: string, mediaId?: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      await this.lock(tx, productId);
      const before = await pictures(tx, productId);
      if (mediaId && !before.includes(mediaId)) throw new NotFoundError('media', mediaId);
      const after = mediaId ? before.filter((id) => id !== mediaId) : [];
      await this.write(tx, productId, before, after);
    });
  }

  /** Changes of one product's pictures wait for each other: each renumbers them all. @throws NotFoundError */
  private async lock(tx: TenantTx, productId: string): Promise<void> {
    const [row] = await tx.query('SELECT 1 FROM products WHERE merchant_id = $1 AND id = $2 FOR NO KEY UPDATE', [
      tx.merchantId,
      productId,
    ]);
    if (!row) throw new NotFoundError('product', productId);
  }

  private async write(tx: TenantTx, productId: string, before: string[], after: string[]): Promise<void> {
    if (before.join() === after.join()) return;
    await tx.query(
      `WITH gone AS (
         DELETE FROM product_media WHERE merchant_id = $1 AND product_id = $2 AND media_id <> ALL ($3::uuid[])
       )
       INSERT INTO product_media (merchant_id, product_id, media_id, position)
       SELECT $1, $2, id, place - 1 FROM unnest($3::uuid[]) WITH ORDINALITY AS listed (id, place)
       ON CONFLICT (merchant_id, product_id, media_id) DO UPDATE SET position = excluded.position`,
      [tx.merchantId, productId, after],
    );
    await this.products.tell(tx, productId, { media: after });
  }
}

/** Ids of the files, in their order. */
async function pictures(tx: TenantTx, productId: string): Promise<string[]> {
  const rows = await tx.query<{ media_id: string }>(
    'SELECT media_id FROM product_media WHERE merchant_id = $1 AND product_id = $2 ORDER BY position',
    [tx.merchantId, productId],
  );
  return rows.map((row) => row.media_id);
}
