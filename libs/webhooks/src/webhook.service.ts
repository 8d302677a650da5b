import { Injectable } from '@nestjs/common';
import { decodeCursor, newId, NotFoundError, type Page, pageOf, type PageQuery } from '@soko/common';
import { findPage, Tenancy } from '@soko/database';
import { newSecret } from './signature.js';
import { WebhookClient } from './webhook.client.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { Webhook } from './webhook.entity.js';
import type {
  CreatedWebhookView,
  CreateWebhookBody,
  LogQuery,
  UpdateWebhookBody,
  WebhookLogView,
  WebhookView,
} from './webhooks.dto.js';
import { BadHeaderError, BlockedUrlError, TooManyHeadersError } from './webhooks.errors.js';

const MAX_HEADERS = 20;

interface LogRow {
  id: string;
  webhook_id: string;
  event_id: string;
  event_type: string;
  attempt: number;
  outcome: 'delivered' | 'failed';
  url: string;
  own_headers: string[] | null;
  response_status: number | null;
  response_body: string | null;
  duration_ms: number;
  error: string | null;
  requested_at: Date;
}

@Injectable()
export class WebhookService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly client: WebhookClient,
    private readonly secrets: WebhookSecrets,
  ) {}

  /** @throws BlockedUrlError, BadHeaderError, TooManyHeadersError */
  async create(merchantId: string, body: CreateWebhookBody): Promise<CreatedWebhookView> {
    await this.check(body);
    const secret = newSecret();
    const row = {
      merchantId,
      id: newId(),
      url: body.url,
      events: body.events,
      description: body.description ?? null,
      headers: this.secrets.sealHeaders(body.headers ?? {}, merchantId),
      secret: this.secrets.sealSecret(secret, merchantId),
      active: body.active ?? true,
    };
    await this.tenancy.run(merchantId, (tx) => tx.manager.insert(Webhook, row));
    return { ...this.view({ ...row, createdAt: new Date() }), secret };
  }

  /** @throws NotFoundError, BlockedUrlError, BadHeaderError, TooManyHeadersError */
  async update(merchantId: string, id: string, body: UpdateWebhookBody): Promise<WebhookView> {
    // What is not there is not there, whatever else is wrong.
    await this.get(merchantId, id);
    await this.check(body);
    return this.tenancy.run(merchantId, async ({ manager }) => {
      const { headers, ...rest } = body;
      const changes = { ...rest, ...(headers ? { headers: this.secrets.sealHeaders(headers, merchantId) } : {}) };
      if (Object.keys(changes).length > 0) await manager.update(Webhook, { merchantId, id }, changes);
      const row = await manager.findOneBy(Webhook, { merchantId, id });
      if (!row) throw new NotFoundError('webhook', id);
      return this.view(row);
    });
  }

  async get(merchantId: string, id: string): Promise<WebhookView> {
    const row = await this.tenancy.run(merchantId, ({ manager }) => manager.findOneBy(Webhook, { merchantId, id }));
    if (!row) throw new NotFoundError('webhook', id);
    return this.view(row);
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<WebhookView>> {
    return this.tenancy.run(merchantId, (tx) => findPage(tx, Webhook, query, (row) => this.view(row)));
  }

  /** Its deliveries and logs go with it. */
  async remove(merchantId: string, id: string): Promise<void> {
    const { affected } = await this.tenancy.run(merchantId, ({ manager }) => manager.delete(Webhook, { merchantId, id }));
    if (affected === 0) throw new NotFoundError('webhook', id);
  }

  /** Every attempt, newest first. */
  async logs(merchantId: string, webhookId: string, query: LogQuery): Promise<Page<WebhookLogView>> {
    await this.get(merchantId, webhookId);
    const after = decodeCursor(query.cursor, 'id');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<LogRow>(
        `SELECT * FROM webhook_logs WHERE merchant_id = $1 AND webhook_id = $2 AND ($3::uuid IS NULL OR id < $3)
           AND ($4::text IS NULL OR outcome = $4) AND ($5::text IS NULL OR event_type = $5)
         ORDER BY id DESC LIMIT $6`,
        [merchantId, webhookId, after?.[0] ?? null, query.status ?? null, query.event ?? null, query.limit + 1],
      ),
    );
    return pageOf(rows, query.limit, logView, (row) => [row.id]);
  }

  private view(row: Webhook): WebhookView {
    return {
      id: row.id,
      url: row.url,
      events: row.events,
      ...(row.description ? { description: row.description } : {}),
      headers: Object.keys(this.secrets.headers(row.headers, row.merchantId)),
      active: row.active,
      createdAt: row.createdAt.toISOString(),
    };
  }

  private async check(body: UpdateWebhookBody): Promise<void> {
    const headers = Object.entries(body.headers ?? {});
    if (headers.length > MAX_HEADERS) throw new TooManyHeadersError(MAX_HEADERS);
    for (const [name, value] of headers) {
      const plain = /^[A-Za-z0-9-]{1,100}$/.test(name) && typeof value === 'string' && /^[\x20-\x7e]{0,1000}$/.test(value);
      if (
        !plain ||
        /^(webhook-|host$|content-|connection$|transfer-encoding$|user-agent$|expect$|keep-alive$|upgrade$)/i.test(name)
      )
        throw new BadHeaderError(name);
    }
    if (body.url && !(await this.client.resolves(body.url))) throw new BlockedUrlError();
  }
}

function logView(row: LogRow): WebhookLogView {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    event: row.event_type,
    attempt: row.attempt,
    status: row.outcome,
    request: { url: row.url, headers: sentHeaders(row) },
    ...(row.response_status === null ? {} : { response: { status: row.response_status, body: row.response_body ?? '' } }),
    durationMs: row.duration_ms,
    ...(row.error ? { error: row.error } : {}),
    createdAt: row.requested_at.toISOString(),
  };
}

/** The headers of the call. Values of the merchant's own may be tokens, and a signature is good for five minutes: of these the names are told. */
function sentHeaders(row: LogRow): Record<string, string> {
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
