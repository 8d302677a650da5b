import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** What a browser is to take a file for. */
export interface ServedAs {
  mimeType: string;
  /** A whole `Content-Disposition`. */
  disposition: string;
}

/** What a link says of the file that it opens. */
export interface LinkQuery {
  /** Seconds since 1970. */
  expires: string;
  type: string;
  disposition: string;
  token: string;
}

/**
 * Links that open one stored file until a moment, as S3's presigned ones do: what a browser is to take the file for is signed too.
 */
export class LocalLinks {
  private readonly key: Buffer;

  /** @param base where `verify` is asked, without a slash at the end. @param secret any long secret of the house */
  constructor(
    private readonly base: string,
    secret: string,
  ) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'soko media links', 32));
  }

  /** @param now seconds since 1970 */
  make(key: string, seconds: number, { mimeType, disposition }: ServedAs, now = Date.now() / 1_000): string {
    const expires = String(Math.floor(now) + seconds);
    const token = this.sign(key, expires, mimeType, disposition);
    return `${this.base}/${key}?${new URLSearchParams({ expires, type: mimeType, disposition, token }).toString()}`;
  }

  /** Takes equally long for every wrong token. @param now seconds since 1970 */
  verify(key: string, { expires, type, disposition, token }: LinkQuery, now = Date.now() / 1_000): boolean {
    const right = Buffer.from(this.sign(key, expires, type, disposition));
    const given = Buffer.from(token);
    return given.length === right.length && timingSafeEqual(given, right) && now < Number(expires);
  }

  /** As JSON, so that no part can pass for the beginning of the next. */
  private sign(...parts: string[]): string {
    return createHmac('sha256', this.key).update(JSON.stringify(parts)).digest('base64url');
  }
}
