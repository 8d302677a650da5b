import { newId } from '@soko/common';
import { botConnected } from '@soko/contracts';
import type { RelayedEvent } from '@soko/queues';
import { integration, startReceiver } from '@soko/testing';
import { expect, onTestFinished } from 'vitest';
import { Drains } from './drains.js';
import { WebhookLogService } from './webhook-log.service.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookService } from './webhook.service.js';
import { WebhookSink } from './webhook.sink.js';
import { WebhookDeliveryModule, WebhooksModule } from './webhooks.module.js';

export type Answer = Parameters<typeof startReceiver>[0];
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** What a busy machine takes. */
const PATIENCE_MS = 25_000;

export interface DrainRow {
  cursor: number;
  done: string[];
  bell: number;
  fence: number;
  held: boolean;
  /** Seconds from now. */
  ring: number | null;
  breaker: string;
  resume: number | null;
  warned: number;
  failing: boolean;
}
export interface OwedRow {
  id: string;
  event_id: string;
  trigger: string;
  status: string;
  attempts: number;
  /** Seconds from now. */
  wait: number;
}

type Options = { answer?: Answer; columns?: Record<string, unknown> } & Omit<Parameters<typeof integration>[0], 'imports'>;

/** A partner who answers `answer`, subscribed to everything, and what the relay and the queue would do: no relay and no queue are at work. */
export async function setup({ answer, columns = {}, ...options }: Options = {}) {
  const house = await integration({ ...options, imports: [WebhooksModule, WebhookDeliveryModule] });
  const { tenancy, system, module } = house;
  const merchantId = await house.shop();
  const receiver = await startReceiver(answer);
  onTestFinished(() => receiver.close());
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  const sealed = module.get(WebhookSecrets);

  /** Straight into the table: what may not be subscribed to any more may still be there. */
  const subscribe = async (more: Record<string, unknown> = {}): Promise<string> => {
    const id = newId();
    const row = {
      merchant_id: merchantId,
      id,
      url: receiver.url,
      events: ['*'],
      headers: sealed.sealHeaders({ 'X-Token': 's3cret' }, merchantId),
      secret: sealed.sealSecret(SECRET, merchantId),
      ...more,
    };
    const names = Object.keys(row);
    await rows(`INSERT INTO webhooks (${names.join()}) VALUES (${names.map((_, n) => `$${n + 1}`).join()})`, Object.values(row));
    return id;
  };
  const webhookId = await subscribe(columns);
  const take = (id = webhookId) => module.get(Drains).take(merchantId, id);

  /** What a relay does: gives the events their places and tells the subscriptions. */
  const relay = () =>
    system.run(async (tx) => {
      const events = await tx.query<RelayedEvent>(
        `UPDATE events e SET position = p.position
         FROM (SELECT merchant_id, id, nextval('event_position') AS position FROM (
           SELECT merchant_id, id FROM events WHERE position IS NULL ORDER BY id) AS o) AS p
         WHERE e.merchant_id = p.merchant_id AND e.id = p.id
         RETURNING e.merchant_id AS "merchantId", e.id, e.type, e.subject, e.position`,
      );
      if (events.length > 0) await module.get(WebhookSink).fanOut(tx, events);
    });
  const emit = async (count = 1, channelId = newId()): Promise<void> => {
    await tenancy.run(merchantId, async (tx) => {
      for (let n = 0; n < count; n += 1) tx.outbox.emit(botConnected, { channelId, kind: 'simulator', reason: String(n) });
    });
    await relay();
  };
  const drain = async (id = webhookId): Promise<DrainRow> => {
    const [row] = await rows<DrainRow>(
      `SELECT cursor, done, bell, fence, lease_until > clock_timestamp() AS held, extract(epoch FROM ring_at - clock_timestamp())::float8 AS ring,
              breaker, extract(epoch FROM resume_at - clock_timestamp())::float8 AS resume, warned, failing_since IS NOT NULL AS failing
       FROM webhook_drains WHERE webhook_id = $1`,
      [id],
    );
    return row!;
  };
  const owed = () =>
    rows<OwedRow>(
      `SELECT id, event_id, trigger, status, attempts, extract(epoch FROM due_at - clock_timestamp())::float8 AS wait
       FROM webhook_deliveries ORDER BY id`,
    );
  return {
    ...house,
    merchantId,
    receiver,
    webhooks: module.get(WebhookService),
    webhookId,
    rows,
    subscribe,
    relay,
    emit,
    take,
    /** Emits, and rings as the queue would. */
    send: async (count = 1): Promise<void> => {
      await emit(count);
      await take();
    },
    /** All that is owed is due now, and rung for. */
    makeDue: async (): Promise<void> => {
      await rows(`UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'`);
      await rows('SELECT ring_webhook($1, $2)', [merchantId, webhookId]);
      await take();
    },
    events: () =>
      rows<{ id: string; type: string; data: object; position: number; created_at: Date }>(
        'SELECT * FROM events ORDER BY position',
      ),
    logs: async () => (await module.get(WebhookLogService).list(merchantId, webhookId, { limit: 100 })).data,
    /** So many calls are on record. */
    logged: async (count: number): Promise<void> => {
      await expect
        .poll(async () => (await rows<{ n: number }>('SELECT count(*)::int AS n FROM webhook_logs'))[0]!.n, {
          timeout: PATIENCE_MS,
        })
        .toBe(count);
    },
    called: async (count: number): Promise<void> => {
      await expect.poll(() => receiver.calls.length, { timeout: PATIENCE_MS }).toBe(count);
    },
    drain,
    owed,
  };
}
