import { Injectable } from '@nestjs/common';
import { newId, type Page, type PageQuery } from '@soko/common';
import { type EventEnvelope, merchantRegistered, type MerchantRegisteredData, type OutboundContent } from '@soko/contracts';
import { findPage, Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { Reacts } from '@soko/queues';
import { DEFAULT_TEMPLATES } from './default-templates.js';
import { render, type Variables } from './render.js';
import type { TemplateView } from './template.dto.js';
import { Template } from './template.entity.js';
import { TemplateNotFoundError } from './templates.errors.js';

const DEFAULT_LANGUAGE = 'en';

@Injectable()
export class TemplateService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly merchants: MerchantService,
  ) {}

  /**
   * The text of a template, in `language`, else in the merchant's own, else in English.
   * @throws TemplateNotFoundError, TemplateVariablesError
   */
  async render(tx: TenantTx, name: string, variables: Variables, language?: string): Promise<OutboundContent> {
    const merchant = await this.merchants.get(tx);
    const found = await tx.manager.findBy(Template, { merchantId: tx.merchantId, name, status: 'active' });
    const wanted = [language, merchant.locale, DEFAULT_LANGUAGE].filter((each) => each !== undefined);
    const candidates = wanted.flatMap((each) => [each, each.split(/[-_]/)[0]]);
    const template = candidates.map((each) => found.find((t) => t.language === each)).find(Boolean);
    if (!template) throw new TemplateNotFoundError(name);
    return { type: 'text', text: { body: render(template.content, variables) } };
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<TemplateView>> {
    return this.tenancy.run(merchantId, (tx) => findPage(tx, Template, query, view));
  }

  @Reacts(merchantRegistered, 'templates.seed')
  async seed(tx: TenantTx, _event: EventEnvelope<MerchantRegisteredData>): Promise<void> {
    const rows = DEFAULT_TEMPLATES.map((template) => ({
      ...template,
      merchantId: tx.merchantId,
      id: newId(),
      type: 'text' as const,
      language: DEFAULT_LANGUAGE,
      category: 'utility',
      status: 'active' as const,
    }));
    await tx.manager.createQueryBuilder().insert().into(Template).values(rows).orIgnore().execute();
  }
}

function view({ id, name, type, language, category, status, content, variables }: Template): TemplateView {
  return { id, name, type, language, category, status, content, variables };
}
