import { Injectable } from '@nestjs/common';
import { decodeCursor, newId, type Page, pageOf } from '@soko/common';
import { type EventEnvelope, merchantRegistered, type MerchantRegisteredData } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { Reacts } from '@soko/queues';
import { IsNull, MoreThan } from 'typeorm';
import { defaultTemplates } from './default-templates.js';
import type { TypedContent } from './template-content.js';
import type { CreateTemplateBody, SavedTemplateView, TemplateQuery, TemplateView, UpdateTemplateBody } from './template.dto.js';
import { Template } from './template.entity.js';
import { stateOfRow, TemplateStore } from './template.store.js';
import { savedView, viewOf } from './template-view.js';
import { TemplateChangedError } from './templates.errors.js';

type Content = TypedContent['content'];

/** The merchant's templates. Every change is a version; see `TemplateHistoryService`. */
@Injectable()
export class TemplateService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: TemplateStore,
    private readonly merchants: MerchantService,
  ) {}

  async list(merchantId: string, { limit, cursor, type, status, language, name }: TemplateQuery): Promise<Page<TemplateView>> {
    const after = decodeCursor(cursor, 'id')?.[0];
    const given = Object.entries({ type, status, language, name }).filter(([, value]) => value !== undefined);
    const rows = await this.tenancy.run(merchantId, ({ manager }) =>
      manager.find(Template, {
        where: { merchantId, deletedAt: IsNull(), ...Object.fromEntries(given), ...(after ? { id: MoreThan(after) } : {}) },
        order: { id: 'ASC' },
        take: limit + 1,
      }),
    );
    return pageOf(rows, limit, viewOf, (row) => [row.id]);
  }

  /** @throws NotFoundError */
  async get(merchantId: string, id: string): Promise<TemplateView> {
    return viewOf(await this.tenancy.run(merchantId, (tx) => this.store.find(tx, id)));
  }

  /** @throws ValidationError, TemplateExistsError, NotFoundError for its file */
  async create(merchantId: string, body: CreateTemplateBody): Promise<SavedTemplateView> {
    const { name, language, type, category = 'utility', status = 'active', variables = [], cloud = null, reason } = body;
    const state = { name, language, type, category, status, content: body.content as unknown as Content, variables, cloud };
    const { row, warnings } = await this.tenancy.run(merchantId, (tx) => this.store.insert(tx, newId(), state, reason));
    return savedView(row, warnings);
  }

  /** What is not given stays. @throws NotFoundError, TemplateChangedError, and as `create` */
  async update(merchantId: string, id: string, body: UpdateTemplateBody): Promise<SavedTemplateView> {
    const { version, reason, ...changes } = body;
    const { row, warnings } = await this.tenancy.run(merchantId, async (tx) => {
      const found = await this.store.find(tx, id, true);
      if (version !== undefined && version !== found.version) throw new TemplateChangedError(found.version);
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      return this.store.save(tx, found, { ...stateOfRow(found), ...given }, reason);
    });
    return savedView(row, warnings);
  }

  /** Its versions stay, for messages that were made of them. @throws NotFoundError */
  async remove(merchantId: string, id: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      await this.store.find(tx, id, true);
      await tx.query('UPDATE message_templates SET deleted_at = now() WHERE merchant_id = $1 AND id = $2', [merchantId, id]);
    });
  }

  /** What every merchant starts with. What is there, or was there and is gone, is the merchant's own affair. */
  @Reacts(merchantRegistered, 'templates.seed')
  async seed(tx: TenantTx, _event: EventEnvelope<MerchantRegisteredData>): Promise<void> {
    const { name } = await this.merchants.get(tx);
    await tx.query(
      `INSERT INTO message_templates (merchant_id, name, language, type, category, content, variables, reason)
       SELECT $1, d.name, d.language, 'text', 'utility', d.content, d.variables, 'Every shop starts with it.'
       FROM jsonb_to_recordset($2) AS d (name text, language text, content jsonb, variables jsonb)
       WHERE NOT EXISTS (SELECT FROM message_templates t WHERE t.merchant_id = $1 AND t.name = d.name AND t.language = d.language)
       ON CONFLICT DO NOTHING`,
      [tx.merchantId, JSON.stringify(defaultTemplates(name))],
    );
  }
}
