import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, newId, NotFoundError, type Page, pageOf } from '@soko/common';
import { type MediaKind, processMedia } from '@soko/contracts';
import { isForeignKeyViolation, Tenancy, type TenantTx } from '@soko/database';

import { type IncomingFile, withIncomingFile } from './incoming-file.js';
import { MediaBlobs } from './media-blobs.js';
import type { MediaQuery, MediaView, SignedUrlView } from './media.dto.js';
import { MediaFailedError, MediaInUseError, MediaNotReadyError } from './media.errors.js';
import { keyOf, parseKey } from './media-key.js';
import { type Declared, safeFilename } from './media-kind.js';
import { LINK_SECONDS, MEDIA_ROWS, type MediaRow, servedAs, servedType, viewOf } from './media-row.js';
import type { MediaStore } from './media-store.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

export type MediaOrigin = 'upload' | 'inbound';

/** A file that can be handed over to a customer. */
export interface ReadyMedia {
  id: string;
  kind: MediaKind;
  /** Of what `read` gives; a picture's may be another than that of the upload. */
  mimeType: string;
  /** Bytes of what `read` gives. */
  size: number;
  filename: string;
  width?: number;
  height?: number;
  read: () => Promise<Readable>;
  /** A small JPEG or WebP of a picture. */
  thumbnail?: () => Promise<Readable>;
}

/** The files of merchants: what they uploaded, and what customers sent. */
@Injectable()
export class MediaService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly blobs: MediaBlobs,
    @Inject(MEDIA_STORE) private readonly store: MediaStore,
    @Inject(TEMPORARY) private readonly temporary: string,
  ) {}

  /**
   * Takes a file in: looks at its bytes, keeps them once for each merchant, and rings for its sizes when it is a picture.
   * @throws UnsupportedMediaError, MediaTypeMismatchError, MediaTooLargeError, UnreadableMediaError
   */
  take(merchantId: string, source: Readable, declared: Declared, origin: MediaOrigin): Promise<MediaView> {
    return withIncomingFile(source, declared, (file) => this.keep(merchantId, file, declared, origin), this.temporary);
  }

  /**
   * Takes in what a customer sent, under an id of the caller's choice: the same id again is the same file. Customers' phones name types as
   * they like, so the bytes alone decide. @throws as `take`
   */
  receive(merchantId: string, id: string, source: Readable, kind: MediaKind, filename?: string): Promise<MediaView> {
    const declared = kind === 'sticker' ? { kind } : {};
    const keep = (file: IncomingFile) => this.keep(merchantId, file, { filename: filename ?? kind }, 'inbound', id);
    return withIncomingFile(source, declared, keep, this.temporary);
  }

  /** As `take`, of a file that lies in a temporary place already. Inside a unit of work, the file is there when the unit is. */
  async keep(
    merchantId: string,
    file: IncomingFile,
    declared: Pick<Declared, 'filename'>,
    origin: MediaOrigin,
    id = newId(),
  ): Promise<MediaView> {
    const filename = safeFilename(declared.filename ?? file.kind);
    for (;;) {
      const stored = await this.blobs.store(merchantId, file);
      const row = await this.tenancy.run(merchantId, async (tx) => {
        // Whoever deletes its last file holds the same lock: then it goes, and the bytes are stored once more.
        const blob = await this.blobs.settle(tx, stored, file);
        if (!blob) return undefined;
        await tx.query(
          `INSERT INTO media_files (merchant_id, id, blob_id, kind, mime_type, filename, origin) VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT DO NOTHING`,
          [merchantId, id, blob.id, file.kind, file.mimeType, filename, origin],
        );
        if (blob.fresh && file.kind === 'image') tx.wake(processMedia, { merchantId, blobId: blob.id });
        return this.find(tx, id);
      });
      // Others were whole before ours.
      if (row && row.blob_id !== stored) await this.blobs.erase(merchantId, stored);
      if (row) return viewOf(this.store, row);
    }
  }

  /** @throws NotFoundError */
  async get(merchantId: string, id: string): Promise<MediaView> {
    return viewOf(this.store, await this.tenancy.run(merchantId, (tx) => this.find(tx, id)));
  }

  /** Those of `ids` that there are, by their ids. */
  async getMany(merchantId: string, ids: string[]): Promise<Map<string, MediaView>> {
    if (ids.length === 0) return new Map();
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<MediaRow>(`${MEDIA_ROWS} AND f.id = ANY ($2::uuid[])`, [merchantId, ids]),
    );
    const views = await Promise.all(rows.map((row) => viewOf(this.store, row)));
    return new Map(views.map((view) => [view.id, view]));
  }

  /** Newest first. */
  async list(merchantId: string, { limit, cursor, kind, status }: MediaQuery): Promise<Page<MediaView>> {
    const before = decodeCursor(cursor, 'id')?.[0] ?? null;
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<MediaRow>(
        `${MEDIA_ROWS} AND ($2::uuid IS NULL OR f.id < $2) AND ($3::text IS NULL OR f.kind = $3) AND ($4::text IS NULL OR b.status = $4)
         ORDER BY f.id DESC LIMIT $5`,
        [merchantId, before, kind ?? null, status ?? null, limit + 1],
      ),
    );
    const page = pageOf(
      rows,
      limit,
      (row) => row,
      (row) => [row.id],
    );
    return { ...page, data: await Promise.all(page.data.map((row) => viewOf(this.store, row))) };
  }

  /** @throws NotFoundError, MediaInUseError */
  async delete(merchantId: string, id: string): Promise<void> {
    const gone = await this.tenancy.apart(merchantId, async (tx) => {
      const { blob_id: blobId } = await this.find(tx, id);
      await this.blobs.lock(tx, blobId);
      await this.remove(tx, id);
      return (await this.blobs.releaseIfUnused(tx, blobId)) ? blobId : undefined;
    });
    if (gone) await this.blobs.erase(merchantId, gone);
  }

  /** A new link to what lies at `path`. @throws NotFoundError */
  async signedUrl(merchantId: string, path: string): Promise<SignedUrlView> {
    const row = (await this.tenancy.run(merchantId, (tx) => this.at(tx, path)))[0]!;
    const { variant } = parseKey(path)!;
    const stored = row.variants[variant];
    if (!stored && variant !== 'original') throw new NotFoundError('media', path);
    const as = servedAs(row, stored?.mimeType ?? row.mime_type);
    const expiresAt = new Date(Date.now() + LINK_SECONDS * 1_000).toISOString();
    return { url: await this.store.signedUrl(keyOf(merchantId, row.blob_id, variant), LINK_SECONDS, as), expiresAt };
  }

  /** Deletes every file that lies at `path`, or none. @throws NotFoundError, MediaInUseError */
  async deletePath(merchantId: string, path: string): Promise<void> {
    const gone = await this.tenancy.apart(merchantId, async (tx) => {
      const blobId = (await this.at(tx, path))[0]!.blob_id;
      await this.blobs.lock(tx, blobId);
      for (const { id } of await this.at(tx, path)) await this.remove(tx, id);
      return (await this.blobs.releaseIfUnused(tx, blobId)) ? blobId : undefined;
    });
    if (gone) await this.blobs.erase(merchantId, gone);
  }

  /** For a transport. @throws NotFoundError, MediaNotReadyError, MediaFailedError */
  async open(merchantId: string, id: string): Promise<ReadyMedia> {
    const row = await this.tenancy.run(merchantId, (tx) => this.find(tx, id));
    if (row.status === 'failed') throw new MediaFailedError(id, row.reason ?? 'it is damaged');
    if (row.status !== 'ready') throw new MediaNotReadyError(id);
    const { original, thumbnail } = row.variants;
    return {
      id,
      kind: row.kind,
      mimeType: servedType(row),
      size: original?.size ?? row.size,
      filename: row.filename,
      ...(original ? { width: original.width, height: original.height } : {}),
      read: () => this.store.get(keyOf(merchantId, row.blob_id, 'original')),
      ...(thumbnail ? { thumbnail: () => this.store.get(keyOf(merchantId, row.blob_id, 'thumbnail')) } : {}),
    };
  }

  private async find(tx: TenantTx, id: string): Promise<MediaRow> {
    const [row] = await tx.query<MediaRow>(`${MEDIA_ROWS} AND f.id = $2`, [tx.merchantId, id]);
    if (!row) throw new NotFoundError('media', id);
    return row;
  }

  /** The files whose bytes lie at `path`; there is one at least. */
  private async at(tx: TenantTx, path: string): Promise<MediaRow[]> {
    const key = parseKey(path);
    const rows =
      key?.merchantId === tx.merchantId
        ? await tx.query<MediaRow>(`${MEDIA_ROWS} AND f.blob_id = $2 ORDER BY f.id`, [tx.merchantId, key.blobId])
        : [];
    if (rows.length === 0) throw new NotFoundError('media', path);
    return rows;
  }

  /** @throws MediaInUseError; the foreign keys refuse what comes in between. */
  private async remove(tx: TenantTx, id: string): Promise<void> {
    const uses = await tx.query<{ used: string }>(USES, [tx.merchantId, id]);
    if (uses.length > 0) throw new MediaInUseError(uses.map(({ used }) => used));
    try {
      await tx.query('DELETE FROM media_files WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    } catch (error) {
      throw isForeignKeyViolation(error) ? new MediaInUseError(['something that was added just now']) : error;
    }
  }
}

/** What keeps the file $2, some of it, in words. */
const USES = `
  (SELECT 'the product ' || p.name AS used FROM product_media m JOIN products p ON p.merchant_id = m.merchant_id AND p.id = m.product_id
   WHERE m.merchant_id = $1 AND m.media_id = $2 LIMIT 5)
  UNION ALL
  (SELECT 'the template ' || name || ' (' || language || ')' FROM message_templates WHERE merchant_id = $1 AND media_id = $2 LIMIT 5)
  UNION ALL
  (SELECT 'a message that waits to be sent (' || message_id || ')' FROM pending_sends WHERE merchant_id = $1 AND media_id = $2 LIMIT 5)
  UNION ALL
  (SELECT 'the delivery of order #' || o.number FROM delivery_tasks t JOIN orders o ON o.merchant_id = t.merchant_id AND o.id = t.order_id
   WHERE t.merchant_id = $1 AND t.photo_id = $2 LIMIT 5)`;
