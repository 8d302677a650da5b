import { Injectable } from '@nestjs/common';
import type { EventEnvelope } from '@soko/contracts';
import { Tenancy } from '@soko/database';
import { noteWebhookAttempt } from '@soko/observability';
import { nextAttemptIn } from './retry-schedule.js';
import { signatureHeaders } from './signature.js';
import { type CallResult, WebhookClient } from './webhook.client.js';
import { WebhookSecrets } from './webhook-secrets.js';

interface Claim {
  webhook_id: string;
  event_id: string;
  attempts: number;
  url: string;
  headers: string | null;
  secret: string;
  type: string;
  data: object;
  created_at: Date;
}

/** Makes attempts of deliveries: claim, call, write down. The call is outside any transaction. */
@Injectable()
export class WebhookDeliveryService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly client: WebhookClient,
    private readonly secrets: WebhookSecrets,
  ) {}

  /** The next attempt of one delivery, if it is due. At least once: after a crash in between, the call is made again. */
  async attempt(merchantId: string, deliveryId: string): Promise<void> {
    const claim = await this.claim(merchantId, deliveryId);
    if (!claim) return;
    const envelope: EventEnvelope = {
      id: claim.event_id,
      type: claim.type,
      timestamp: claim.created_at.toISOString(),
      merchantId,
      data: claim.data,
    };
    const body = JSON.stringify(envelope);
    const own = this.secrets.headers(claim.headers, merchantId);
    const headers = {
      ...own,
      'content-type': 'application/json',
      'user-agent': 'Soko-Webhooks/1.0',
      ...signatureHeaders(this.secrets.secret(claim.secret, merchantId), claim.event_id, Math.floor(Date.now() / 1000), body),
    };
    const result = await this.client.post(claim.url, headers, body);
    await this.record(merchantId, deliveryId, claim, withoutSecrets(headers, own), result);
  }

  /** Takes the delivery for the time that a call may need: a second alarm finds it not due. */
  private async claim(merchantId: string, deliveryId: string): Promise<Claim | undefined> {
    const [claim] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Claim>(
        `WITH due AS (
           UPDATE webhook_deliveries d SET attempts = d.attempts + 1, due_at = now() + interval '20 seconds',
                  ring_at = now() + interval '21 seconds'
           FROM webhooks w
           WHERE d.merchant_id = $1 AND d.id = $2 AND d.status = 'pending' AND d.due_at <= now()
             AND w.merchant_id = $1 AND w.id = d.webhook_id AND w.active
           RETURNING d.webhook_id, d.event_id, d.attempts, w.url, w.headers, w.secret
         )
         SELECT due.*, e.type, e.data, e.created_at FROM due
         JOIN events e ON e.merchant_id = $1 AND e.id = due.event_id`,
        [merchantId, deliveryId],
      ),
    );
    return claim;
  }

  private async record(
    merchantId: string,
    deliveryId: string,
    claim: Claim,
    headers: Record<string, string>,
    result: CallResult,
  ): Promise<void> {
    const delivered = result.status !== undefined && result.status >= 200 && result.status < 300;
    noteWebhookAttempt(delivered ? 'delivered' : 'failed');
    const wait = delivered ? undefined : nextAttemptIn(claim.attempts);
    const status = delivered ? 'delivered' : wait === undefined ? 'dead' : 'pending';
    const error = delivered ? null : (result.error ?? `the receiver answered ${result.status}`);
    await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `WITH settled AS (
           UPDATE webhook_deliveries SET status = $3, due_at = now() + coalesce($4, 0) * interval '1 millisecond',
                  ring_at = now() + $4::float8 * interval '1 millisecond'
           WHERE merchant_id = $1 AND id = $2 AND status = 'pending' RETURNING webhook_id
         )
         INSERT INTO webhook_logs (merchant_id, webhook_id, delivery_id, event_id, event_type, attempt, outcome, request,
                                   response_status, response_body, duration_ms, error)
         SELECT $1, webhook_id, $2, $5, $6, $7, $8, $9, $10, $11, $12, $13 FROM settled`,
        [
          merchantId,
          deliveryId,
          status,
          wait ?? null,
          claim.event_id,
          claim.type,
          claim.attempts,
          delivered ? 'delivered' : 'failed',
          JSON.stringify({ url: claim.url, headers }),
          result.status ?? null,
          result.body ?? null,
          result.durationMs,
          error,
        ],
      ),
    );
  }
}

/** The merchant's own headers may hold tokens: their names are logged, their values are not. */
function withoutSecrets(headers: Record<string, string>, own: Record<string, string>): Record<string, string> {
  const hidden = new Set(Object.keys(own));
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hidden.has(name) ? '***' : value]));
}
