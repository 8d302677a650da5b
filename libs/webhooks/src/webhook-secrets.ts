import { Injectable } from '@nestjs/common';
import { Sealer } from '@soko/database';

const SECRET = 'webhooks.secret';
const OLD_SECRET = 'webhooks.old_secret';
const HEADERS = 'webhooks.headers';

/** What a subscription keeps sealed: its signing secret, the one before it, and the merchant's own headers, which may hold tokens. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly sealer: Sealer) {}

  sealSecret = (secret: string, merchantId: string): string => this.sealer.seal(secret, merchantId, SECRET);
  secret = (sealed: string, merchantId: string): string => this.sealer.open(sealed, merchantId, SECRET);

  /** A value is sealed for its place: what moves there is sealed anew. */
  sealOldSecret = (secret: string, merchantId: string): string => this.sealer.seal(secret, merchantId, OLD_SECRET);
  oldSecret = (sealed: string, merchantId: string): string => this.sealer.open(sealed, merchantId, OLD_SECRET);

  sealHeaders(headers: Record<string, string>, merchantId: string): string | null {
    return Object.keys(headers).length > 0 ? this.sealer.seal(JSON.stringify(headers), merchantId, HEADERS) : null;
  }

  headers(sealed: string | null, merchantId: string): Record<string, string> {
    return sealed === null ? {} : (JSON.parse(this.sealer.open(sealed, merchantId, HEADERS)) as Record<string, string>);
  }
}
