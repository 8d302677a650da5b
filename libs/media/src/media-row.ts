import type { MediaKind } from '@soko/contracts';
import type { ServedAs } from './local-links.js';
import type { FileStatus, MediaVariantView, MediaView } from './media.dto.js';
import { keyOf, VARIANT_NAMES, type VariantName } from './media-key.js';
import type { MediaStore } from './media-store.js';

/** Seconds that a link lives. */
export const LINK_SECONDS = 3_600;

export type StoredVariant = Omit<MediaVariantView, 'url'>;

/** A file with its bytes. */
export interface MediaRow {
  merchant_id: string;
  id: string;
  blob_id: string;
  kind: MediaKind;
  mime_type: string;
  filename: string;
  origin: 'upload' | 'inbound';
  created_at: Date;
  hash: string;
  size: number;
  status: FileStatus | 'storing' | 'removing';
  reason: string | null;
  variants: Partial<Record<VariantName, StoredVariant>>;
  blurhash: string | null;
  width: number | null;
  height: number | null;
}

export const MEDIA_ROWS = `
  SELECT f.merchant_id, f.id, f.blob_id, f.kind, f.mime_type, f.filename, f.origin, f.created_at, b.hash, b.size, b.status, b.reason,
         b.variants, b.blurhash, b.width, b.height
  FROM media_files f JOIN media_blobs b ON b.merchant_id = f.merchant_id AND b.id = f.blob_id
  WHERE f.merchant_id = $1`;

/** The type of what a customer gets: a picture's may be another than that of the upload. */
export const servedType = (row: MediaRow): string => row.variants.original?.mimeType ?? row.mime_type;

/**
 * What a browser may do with it. Sounds and pictures can be shown where the link stands; whatever could be a page of its own is
 * only saved.
 */
export function servedAs(row: MediaRow, mimeType: string): ServedAs {
  const kind = row.kind === 'document' ? 'attachment' : 'inline';
  // RFC 6266: a name of plain letters for the old, the whole one by RFC 8187.
  const plain = row.filename.replaceAll(/[^\w.\- ]/g, '_');
  const whole = encodeURIComponent(row.filename).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return { mimeType, disposition: `${kind}; filename="${plain}"; filename*=UTF-8''${whole}` };
}

export async function viewOf(store: MediaStore, row: MediaRow): Promise<MediaView> {
  const link = (variant: VariantName, mimeType: string): Promise<string> =>
    store.signedUrl(keyOf(row.merchant_id, row.blob_id, variant), LINK_SECONDS, servedAs(row, mimeType));
  const variants: MediaView['variants'] = {};
  for (const name of VARIANT_NAMES) {
    const variant = row.variants[name];
    if (variant) variants[name] = { url: await link(name, variant.mimeType), ...variant };
  }
  return {
    id: row.id,
    kind: row.kind,
    mimeType: row.mime_type,
    size: row.size,
    hash: row.hash,
    filename: row.filename,
    status: row.status as FileStatus,
    ...(row.reason ? { reason: row.reason } : {}),
    url: variants.original?.url ?? (await link('original', row.mime_type)),
    ...(variants.thumbnail ? { thumbnailUrl: variants.thumbnail.url } : {}),
    ...(row.blurhash ? { blurhash: row.blurhash } : {}),
    ...(row.width && row.height ? { width: row.width, height: row.height } : {}),
    variants,
    path: keyOf(row.merchant_id, row.blob_id, 'original'),
    origin: row.origin,
    createdAt: row.created_at.toISOString(),
  };
}
