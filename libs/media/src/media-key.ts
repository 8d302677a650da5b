import { isUuid } from '@soko/common';

export const VARIANT_NAMES = ['original', 'medium', 'thumbnail'] as const;
export type VariantName = (typeof VARIANT_NAMES)[number];

/** Whose bytes, and which of their sizes. */
export interface MediaKey {
  merchantId: string;
  blobId: string;
  variant: VariantName;
}

/** Where a variant lies: `merchantId/blobId/variant`. */
export const keyOf = (merchantId: string, blobId: string, variant: VariantName): string => `${merchantId}/${blobId}/${variant}`;

/** A key as it came from outside; nothing for anything else, and so no path of its own ever reaches a disk. */
export function parseKey(path: string): MediaKey | undefined {
  const [merchantId, blobId, variant, ...rest] = path.split('/');
  const known = VARIANT_NAMES.find((name) => name === variant);
  if (!known || rest.length > 0 || !isUuid(merchantId) || !isUuid(blobId)) return undefined;
  return { merchantId: merchantId.toLowerCase(), blobId: blobId.toLowerCase(), variant: known };
}
