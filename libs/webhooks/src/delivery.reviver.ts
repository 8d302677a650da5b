import { Injectable } from '@nestjs/common';
import { drainWebhook } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { type Revival, Revives } from '@soko/dead-letters';

/** Lets deliveries that are dead begin anew, with their whole schedule before them. */
@Injectable()
export class DeliveryReviver {
  @Revives('webhook_delivery')
  async revive(tx: TenantTx, deliveryId: string): Promise<Revival> {
    const [row] = await tx.query<{ webhookId: string }>(
      `UPDATE webhook_deliveries SET status = 'pending', attempts = 0, due_at = now()
       WHERE merchant_id = $1 AND id = $2 AND status = 'dead' RETURNING webhook_id AS "webhookId"`,
      [tx.merchantId, deliveryId],
    );
    // Gone with its subscription, or replayed by the merchant.
    if (!row) return 'done';
    await tx.query('SELECT ring_webhook($1, $2)', [tx.merchantId, row.webhookId]);
    tx.wake(drainWebhook, { merchantId: tx.merchantId, webhookId: row.webhookId });
    return 'handed_on';
  }
}
