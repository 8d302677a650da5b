import { Injectable } from '@nestjs/common';
import { deliverWebhook } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { type Revival, Revives } from '@soko/dead-letters';

/** Lets deliveries that are dead begin anew, with their whole schedule before them. */
@Injectable()
export class DeliveryReviver {
  @Revives('webhook_delivery')
  async revive(tx: TenantTx, deliveryId: string): Promise<Revival> {
    const [row] = await tx.query(
      `UPDATE webhook_deliveries SET status = 'pending', attempts = 0, due_at = now(), ring_at = now() + interval '10 seconds'
       WHERE merchant_id = $1 AND id = $2 AND status = 'dead' RETURNING 1 AS one`,
      [tx.merchantId, deliveryId],
    );
    // Gone with its subscription, or replayed by the merchant.
    if (!row) return 'done';
    tx.wake(deliverWebhook, { merchantId: tx.merchantId, deliveryId });
    return 'handed_on';
  }
}
