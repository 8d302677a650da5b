/** What the beginning of a WebP tells. */
export interface WebpHead {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  animated: boolean;
}

export const WEBP_HEAD_BYTES = 30;

/**
 * Reads the first chunk of a WebP: https://developers.google.com/speed/webp/docs/riff_container
 * @param bytes WEBP_HEAD_BYTES of it at least. @returns nothing when it is none
 */
export function webpHead(bytes: Buffer): WebpHead | undefined {
  const at = (from: number, to: number): string => bytes.toString('latin1', from, to);
  if (bytes.length < WEBP_HEAD_BYTES || at(0, 4) !== 'RIFF' || at(8, 12) !== 'WEBP') return undefined;
  switch (at(12, 16)) {
    case 'VP8X':
      // Sides are written less one.
      return {
        width: bytes.readUIntLE(24, 3) + 1,
        height: bytes.readUIntLE(27, 3) + 1,
        animated: (bytes.readUInt8(20) & 0b10) !== 0,
      };
    case 'VP8L': {
      const sides = bytes.readUInt32LE(21);
      return { width: (sides & 0x3fff) + 1, height: ((sides >>> 14) & 0x3fff) + 1, animated: false };
    }
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff, animated: false };
    default:
      return undefined;
  }
}
