import type { TenantTx } from '@soko/database';
import type { Webhook } from './webhook.entity.js';
import type { WebhookView } from './webhooks.dto.js';

/** How the calls of a subscription have gone. */
export interface Health {
  webhook_id: string;
  failing_since: Date | null;
  breaker: 'closed' | 'open' | 'half_open';
  breaker_until: Date | null;
}

export async function healthOf(tx: TenantTx, webhookIds: string[]): Promise<Map<string, Health>> {
  const rows = await tx.query<Health>(
    `SELECT webhook_id, failing_since, breaker, breaker_until FROM webhook_drains WHERE merchant_id = $1 AND webhook_id = ANY ($2::uuid[])`,
    [tx.merchantId, webhookIds],
  );
  return new Map(rows.map((row) => [row.webhook_id, row]));
}

/** @param headers names of the merchant's own */
export function webhookView(row: Webhook, headers: string[], health?: Health, now = new Date()): WebhookView {
  const { breaker = 'closed', breaker_until: until = null, failing_since: failingSince = null } = health ?? {};
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    ...(row.description ? { description: row.description } : {}),
    headers,
    ...(row.filters ? { filters: row.filters } : {}),
    ...(row.rateLimit === null ? {} : { rateLimit: row.rateLimit }),
    ordered: row.ordered,
    active: row.active,
    ...(row.disabledReason ? { disabledReason: row.disabledReason } : {}),
    ...(row.disabledAt ? { disabledAt: row.disabledAt.toISOString() } : {}),
    ...(failingSince ? { failingSince: failingSince.toISOString() } : {}),
    ...(breaker === 'closed'
      ? {}
      : { breaker: { state: breaker, ...(until && until > now ? { until: until.toISOString() } : {}) } }),
    ...(row.oldSecretUntil && row.oldSecretUntil > now ? { oldSecretValidUntil: row.oldSecretUntil.toISOString() } : {}),
    createdAt: row.createdAt.toISOString(),
  };
}
