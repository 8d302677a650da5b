import { Injectable } from '@nestjs/common';
import { NotFoundError, ValidationError } from '@soko/common';
import { isForeignKeyViolation, isUniqueViolation, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { IsNull } from 'typeorm';
import { checkTemplate, type TemplateCheck } from './template-check.js';
import { parseTemplate } from './template-content.js';
import { diffStates } from './template-diff.js';
import { Template, type TemplateState } from './template.entity.js';
import { TemplateExistsError } from './templates.errors.js';
import type { TemplateLocale } from './value-format.js';

/** How templates are kept: nothing is written that was not checked. The database makes the versions. */
@Injectable()
export class TemplateStore {
  constructor(private readonly merchants: MerchantService) {}

  /** @param lock until the transaction ends nobody else changes it. @throws NotFoundError */
  async find(tx: TenantTx, id: string, lock = false): Promise<Template> {
    const row = await tx.manager.findOne(Template, {
      where: { merchantId: tx.merchantId, id, deletedAt: IsNull() },
      ...(lock ? { lock: { mode: 'pessimistic_write' as const } } : {}),
    });
    if (!row) throw new NotFoundError('template', id);
    return row;
  }

  /** @throws ValidationError with what keeps it from being sent; TemplateExistsError; NotFoundError for its file */
  async insert(tx: TenantTx, id: string, given: TemplateState, reason?: string): Promise<Saved> {
    const { state, warnings } = await this.checked(tx, given);
    await writing(state, () => tx.manager.insert(Template, { merchantId: tx.merchantId, id, ...state, reason: reason ?? null }));
    return { row: await this.find(tx, id), warnings };
  }

  /** Makes `row` as `given`: a version, when that is a change. @throws as `insert` */
  async save(tx: TenantTx, row: Template, given: TemplateState, reason?: string): Promise<Saved> {
    // What is only put away need not be good enough to be sent.
    const isPutAway = given.status !== 'active' && diffStates(row, given).every(({ path }) => path === 'status');
    const { state, warnings } = isPutAway ? { state: given, warnings: [] } : await this.checked(tx, given);
    if (diffStates(row, state).length === 0) return { row, warnings };
    const { merchantId, id } = row;
    await writing(state, () => tx.manager.update(Template, { merchantId, id }, { ...state, reason: reason ?? null }));
    return { row: await this.find(tx, id), warnings };
  }

  /** What decides how values are written in `language`. */
  async locale(tx: TenantTx, language: string): Promise<TemplateLocale> {
    const { timezone, currency } = await this.merchants.get(tx);
    return { language, timeZone: timezone, currency };
  }

  private async checked(tx: TenantTx, given: TemplateState): Promise<{ state: TemplateState } & Pick<TemplateCheck, 'warnings'>> {
    const source = parseTemplate(given);
    const { problems, warnings } = checkTemplate(source, await this.locale(tx, given.language));
    if (problems.length > 0) throw new ValidationError(problems);
    const { type, content, variables, cloud = null } = source;
    return { state: { ...given, type, content, variables, cloud }, warnings };
  }
}

export interface Saved {
  row: Template;
  warnings: TemplateCheck['warnings'];
}

async function writing<R>(state: TemplateState, write: () => Promise<R>): Promise<R> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error, 'message_templates_name')) throw new TemplateExistsError(state.name, state.language);
    const mediaId = 'mediaId' in state.content ? state.content.mediaId : undefined;
    if (isForeignKeyViolation(error) && mediaId) throw new NotFoundError('media', mediaId);
    throw error;
  }
}

/** The part of `row` that makes a version. */
export const stateOfRow = ({
  name,
  language,
  type,
  category,
  status,
  content,
  variables,
  cloud,
}: TemplateState): TemplateState => ({
  name,
  language,
  type,
  category,
  status,
  content,
  variables,
  cloud,
});
