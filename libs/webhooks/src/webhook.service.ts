import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, type PageQuery } from '@soko/common';
import { findPage, Tenancy, type TenantTx } from '@soko/database';
import { newSecret } from '@soko/inbound';
import { checkFilters, type Filters } from './webhook-filters.js';
import { WebhookClient } from './webhook.client.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { Webhook } from './webhook.entity.js';
import { healthOf, webhookView } from './webhook.view.js';
import type { CreatedWebhookView, CreateWebhookBody, RotatedSecretView, UpdateWebhookBody, WebhookView } from './webhooks.dto.js';
import { BadHeaderError, BlockedUrlError, TooManyHeadersError } from './webhooks.errors.js';

const MAX_HEADERS = 20;
/** How long the secret before the present one signs too. */
const OVERLAP_MS = 24 * 3_600_000;

@Injectable()
export class WebhookService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly client: WebhookClient,
    private readonly secrets: WebhookSecrets,
  ) {}

  /** It is sent what happens from now on. @throws BlockedUrlError, BadHeaderError, TooManyHeadersError, BadFilterError */
  async create(merchantId: string, body: CreateWebhookBody): Promise<CreatedWebhookView> {
    checkFilters(body.filters ?? {}, body.events);
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
      filters: kept(body.filters),
      rateLimit: body.rateLimit ?? null,
      ordered: body.ordered ?? false,
      oldSecret: null,
      oldSecretUntil: null,
    };
    await this.tenancy.run(merchantId, (tx) => tx.manager.insert(Webhook, row));
    const made = { ...row, disabledReason: null, disabledAt: null, createdAt: new Date() };
    return { ...webhookView(made, this.headersOf(made)), secret };
  }

  /**
   * One that is taken up again goes on with what happens from now on.
   * @throws NotFoundError, BlockedUrlError, BadHeaderError, TooManyHeadersError, BadFilterError
   */
  async update(merchantId: string, id: string, body: UpdateWebhookBody): Promise<WebhookView> {
    // What is not there is not there, whatever else is wrong.
    await this.get(merchantId, id);
    await this.check(body);
    return this.tenancy.run(merchantId, async (tx) => {
      const before = await this.lock(tx, id);
      const { headers, filters, ...rest } = body;
      if (filters !== undefined || body.events) {
        checkFilters((filters === undefined ? before.filters : filters) ?? {}, body.events ?? before.events);
      }
      const changes = {
        ...rest,
        ...(headers === undefined ? {} : { headers: this.secrets.sealHeaders(headers ?? {}, merchantId) }),
        ...(filters === undefined ? {} : { filters: kept(filters) }),
      };
      if (Object.keys(changes).length > 0) await tx.manager.update(Webhook, { merchantId, id }, changes);
      return this.read(tx, id);
    });
  }

  get(merchantId: string, id: string): Promise<WebhookView> {
    return this.tenancy.run(merchantId, (tx) => this.read(tx, id));
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<WebhookView>> {
    return this.tenancy.run(merchantId, async (tx) => {
      const { data, pagination } = await findPage(tx, Webhook, query, (row) => row);
      const health = await healthOf(
        tx,
        data.map(({ id }) => id),
      );
      return { data: data.map((row) => webhookView(row, this.headersOf(row), health.get(row.id))), pagination };
    });
  }

  /** What it is owed and its logs go with it. */
  async remove(merchantId: string, id: string): Promise<void> {
    const { affected } = await this.tenancy.run(merchantId, ({ manager }) => manager.delete(Webhook, { merchantId, id }));
    if (affected === 0) throw new NotFoundError('webhook', id);
  }

  /** A new secret. The one before it signs too for a day; one before that does not any more. */
  rotateSecret(merchantId: string, id: string): Promise<RotatedSecretView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const before = await this.lock(tx, id);
      const secret = newSecret();
      const until = new Date(Date.now() + OVERLAP_MS);
      await tx.manager.update(
        Webhook,
        { merchantId, id },
        {
          secret: this.secrets.sealSecret(secret, merchantId),
          oldSecret: this.secrets.sealOldSecret(this.secrets.secret(before.secret, merchantId), merchantId),
          oldSecretUntil: until,
        },
      );
      return { secret, oldSecretValidUntil: until.toISOString() };
    });
  }

  private async read(tx: TenantTx, id: string): Promise<WebhookView> {
    const [row, health] = await Promise.all([
      tx.manager.findOneBy(Webhook, { merchantId: tx.merchantId, id }),
      healthOf(tx, [id]),
    ]);
    if (!row) throw new NotFoundError('webhook', id);
    return webhookView(row, this.headersOf(row), health.get(id));
  }

  private async lock(tx: TenantTx, id: string): Promise<Webhook> {
    const where = { merchantId: tx.merchantId, id };
    const row = await tx.manager.findOne(Webhook, { where, lock: { mode: 'pessimistic_write' } });
    if (!row) throw new NotFoundError('webhook', id);
    return row;
  }

  private headersOf = (row: Webhook): string[] => Object.keys(this.secrets.headers(row.headers, row.merchantId));

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
    const refusal = body.url && (await this.client.refusalOf(body.url));
    if (refusal) throw new BlockedUrlError(refusal);
  }
}

/** None at all is kept as nothing. */
const kept = (filters: Filters | null | undefined): Filters | null =>
  filters && Object.keys(filters).length > 0 ? filters : null;
