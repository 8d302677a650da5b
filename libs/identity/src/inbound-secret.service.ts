import { Injectable } from '@nestjs/common';
import { Sealer, Tenancy } from '@soko/database';
import { newSecret } from '@soko/inbound';
import type { InboundSecretView, NewInboundSecretView } from './merchant.dto.js';

const SECRET = 'inbound_secrets.secret';
const OLD = 'inbound_secrets.old_secret';
const OVERLAP = '24 hours';

interface Row {
  made_at: Date;
  old_until: Date | null;
}

/** What a merchant's own systems sign their calls with. */
@Injectable()
export class InboundSecretService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly sealer: Sealer,
  ) {}

  /** A new one, shown this once. The one before counts for a day more, those before it no longer. */
  async rotate(merchantId: string): Promise<NewInboundSecretView> {
    const secret = newSecret();
    return this.tenancy.run(merchantId, async (tx) => {
      // The row is there and locked before it is read: of two at once, each is the other's old one.
      await tx.query('SELECT 1 AS one FROM merchants WHERE id = $1 FOR UPDATE', [merchantId]);
      const [had] = await tx.query<{ secret: string }>('SELECT secret FROM inbound_secrets WHERE merchant_id = $1', [merchantId]);
      const old = had ? this.sealer.seal(this.sealer.open(had.secret, merchantId, SECRET), merchantId, OLD) : null;
      const [row] = await tx.query<Row>(
        `INSERT INTO inbound_secrets (merchant_id, secret) VALUES ($1, $2)
         ON CONFLICT (merchant_id) DO UPDATE
         SET secret = excluded.secret, made_at = now(), old_secret = $3, old_until = now() + interval '${OVERLAP}'
         RETURNING made_at, CASE WHEN old_until > now() THEN old_until END AS old_until`,
        [merchantId, this.sealer.seal(secret, merchantId, SECRET), old],
      );
      return { secret, ...view(row!) };
    });
  }

  /** What can be told of it; nothing where there is none yet. */
  async status(merchantId: string): Promise<InboundSecretView | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Row>(
        'SELECT made_at, CASE WHEN old_until > now() THEN old_until END AS old_until FROM inbound_secrets WHERE merchant_id = $1',
        [merchantId],
      ),
    );
    return row && view(row);
  }

  /** Those that count now, the newest first; none of a merchant that is not there. */
  async secrets(merchantId: string): Promise<string[]> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ secret: string; old: string | null }>(
        'SELECT secret, CASE WHEN old_until > now() THEN old_secret END AS old FROM inbound_secrets WHERE merchant_id = $1',
        [merchantId],
      ),
    );
    if (!row) return [];
    const newest = this.sealer.open(row.secret, merchantId, SECRET);
    return row.old ? [newest, this.sealer.open(row.old, merchantId, OLD)] : [newest];
  }
}

const view = ({ made_at, old_until }: Row): InboundSecretView => ({
  createdAt: made_at.toISOString(),
  ...(old_until ? { oldValidUntil: old_until.toISOString() } : {}),
});
