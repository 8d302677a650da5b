import { Injectable } from '@nestjs/common';
import { decodeCursor, idFloor, NotFoundError, type Page, pageOf, timeOf } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import type { LogQuery, Trigger, WebhookLogView } from './webhook-logs.dto.js';

/** What clocks of two machines may differ by. */
const CLOCKS_MS = 60_000;

export interface LogRow {
  id: string;
  webhook_id: string;
  event_id: string;
  event_type: string;
  attempt: number;
  trigger: Trigger;
  outcome: 'delivered' | 'failed';
  url: string;
  own_headers: string[] | null;
  response_status: number | null;
  response_body: string | null;
  duration_ms: number;
  error: string | null;
  error_class: string | null;
  next_try_at: Date | null;
  requested_at: Date;
}

/** Every call of the last 30 days, as a merchant reads it. */
@Injectable()
export class WebhookLogService {
  constructor(private readonly tenancy: Tenancy) {}

  /** Newest first. @throws NotFoundError */
  list(merchantId: string, webhookId: string, query: LogQuery): Promise<Page<WebhookLogView>> {
    const before = decodeCursor(query.cursor, 'id')?.[0];
    // No call is older than its event: the rest of the log need not be looked through.
    const after = query.eventId === undefined ? undefined : idFloor(timeOf(query.eventId) - CLOCKS_MS);
    return this.tenancy.run(merchantId, async (tx) => {
      const [[webhook], rows] = await Promise.all([
        tx.query('SELECT 1 AS one FROM webhooks WHERE merchant_id = $1 AND id = $2', [merchantId, webhookId]),
        tx.query<LogRow>(
          `SELECT * FROM webhook_logs WHERE merchant_id = $1 AND webhook_id = $2 AND ($3::uuid IS NULL OR id < $3)
             AND ($4::text IS NULL OR outcome = $4) AND ($5::text IS NULL OR event_type = $5) AND ($6::text IS NULL OR trigger = $6)
             AND ($7::uuid IS NULL OR event_id = $7 AND id > $8::uuid)
           ORDER BY id DESC LIMIT $9`,
          [
            merchantId,
            webhookId,
            before ?? null,
            query.status ?? null,
            query.event ?? null,
            query.trigger ?? null,
            query.eventId ?? null,
            after ?? null,
            query.limit + 1,
          ],
        ),
      ]);
      if (!webhook) throw new NotFoundError('webhook', webhookId);
      return pageOf(rows, query.limit, logView, (row) => [row.id]);
    });
  }

  /** @throws NotFoundError */
  get(merchantId: string, logId: string): Promise<WebhookLogView> {
    return this.tenancy.run(merchantId, async (tx) => logView(await readLog(tx, logId)));
  }
}

/** @throws NotFoundError */
export async function readLog(tx: TenantTx, logId: string): Promise<LogRow> {
  const [row] = await tx.query<LogRow>('SELECT * FROM webhook_logs WHERE merchant_id = $1 AND id = $2', [tx.merchantId, logId]);
  if (!row) throw new NotFoundError('log', logId);
  return row;
}

function logView(row: LogRow): WebhookLogView {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    event: row.event_type,
    attempt: row.attempt,
    trigger: row.trigger,
    status: row.outcome,
    request: { url: row.url, headers: headersOf(row), body: row.event_id },
    ...(row.response_status === null ? {} : { response: { status: row.response_status, body: row.response_body ?? '' } }),
    durationMs: row.duration_ms,
    ...(row.error ? { error: row.error } : {}),
    ...(row.error_class ? { errorClass: row.error_class } : {}),
    ...(row.next_try_at ? { nextTryAt: row.next_try_at.toISOString() } : {}),
    createdAt: row.requested_at.toISOString(),
  };
}

/** The headers of the call. Values of the merchant's own may be tokens, and a signature is good for five minutes: of these the names are told. */
function headersOf(row: LogRow): Record<string, string> {
  const own = (row.own_headers ?? []).map((name) => [name, '***']);
  return {
    ...(Object.fromEntries(own) as Record<string, string>),
    'content-type': 'application/json',
    'user-agent': 'Soko-Webhooks/1.0',
    'webhook-id': row.event_id,
    'webhook-timestamp': String(Math.floor(row.requested_at.getTime() / 1_000)),
    'webhook-signature': '***',
  };
}
