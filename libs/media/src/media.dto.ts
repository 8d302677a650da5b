import { IsIn, IsString, Length } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';
import { MEDIA_KINDS, type MediaKind } from '@soko/contracts';

export const FILE_STATUSES = ['processing', 'ready', 'failed'] as const;
export type FileStatus = (typeof FILE_STATUSES)[number];

export class MediaQuery extends PageQuery {
  /** image, video, audio, document or sticker. @example image */
  @Optional() @IsIn(MEDIA_KINDS) kind?: MediaKind;
  /** processing, ready or failed. @example ready */
  @Optional() @IsIn(FILE_STATUSES) status?: FileStatus;
}

export class MediaVariantView {
  /** Valid for an hour. @example "https://soko.example.com/media/…" */
  url!: string;
  /** @example image/jpeg */
  mimeType!: string;
  /** Pixels. @example 800 */
  width!: number;
  /** Pixels. @example 600 */
  height!: number;
  /** Bytes. @example 61234 */
  size!: number;
}

/** The sizes of a picture, once it has been processed; nothing of other kinds. */
export class MediaVariantsView {
  /** At most 2048 pixels on its longest side. */
  original?: MediaVariantView;
  /** At most 800. */
  medium?: MediaVariantView;
  /** At most 200. */
  thumbnail?: MediaVariantView;
}

export class MediaView {
  id!: string;
  /** image, video, audio, document or sticker. @example image */
  kind!: MediaKind;
  /** Of the file as it was sent, by its bytes. @example image/jpeg */
  mimeType!: string;
  /** Bytes of the file as it was sent. @example 1848123 */
  size!: number;
  /** SHA-256 of the file as it was sent, in hex. @example 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 */
  hash!: string;
  /** @example maize.jpg */
  filename!: string;
  /** processing, ready or failed. @example ready */
  status!: FileStatus;
  /** Why it failed. @example "The picture is damaged." */
  reason?: string;
  /** Opens the file for an hour, without a login. @example "https://soko.example.com/media/…" */
  url!: string;
  /** @example "https://soko.example.com/media/…" */
  thumbnailUrl?: string;
  /** See https://blurha.sh: draws a blurred picture until the real one is there. @example LKO2?U%2Tw=w]~RBVZRi};RPxuwH */
  blurhash?: string;
  /** Pixels. @example 2048 */
  width?: number;
  /** Pixels. @example 1536 */
  height?: number;
  variants!: MediaVariantsView;
  /** Where it lies in the store. @example "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071/019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6072/original" */
  path!: string;
  /** upload, or inbound: a customer sent it. @example upload */
  origin!: string;
  createdAt!: string;
}

export class SignedUrlView {
  /** @example "https://soko.example.com/media/…" */
  url!: string;
  expiresAt!: string;
}

/** A file within JSON: at most 15 MB. Larger ones go as multipart/form-data. */
export class UploadBody {
  /** @example dot.png */
  @IsString() @Length(1, 255) filename!: string;
  /** @example image/png */
  @IsString() @Length(1, 100) mimeType!: string;
  /** The bytes, in base64. @example iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg== */
  @IsString() @Length(4, 20_000_000) data!: string;
}
