import { Injectable } from '@nestjs/common';
import { type FieldError, ValidationError } from '@soko/common';
import type { CloudTemplate } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { IsNull } from 'typeorm';
import { languageChain } from './language-chain.js';
import { checkTemplate } from './template-check.js';
import { parseTemplate, type RenderedContent, type TemplateSource, type TemplateVariable } from './template-content.js';
import type { PreviewBody } from './template.dto.js';
import { Template, type TemplateCategory } from './template.entity.js';
import { type TemplateValues, tryRender, usedVariables } from './template-render.js';
import { TemplateStore } from './template.store.js';
import { TemplateNotActiveError, TemplateNotFoundError } from './templates.errors.js';
import { isRightToLeft } from './value-format.js';

/** What every template can fall back on. */
const LAST_LANGUAGE = 'en';

/** What is wanted to be said, and to whom. */
export interface Wanted {
  name: string;
  /** Of the customer, where it is known; else the merchant's own. */
  language?: string;
  /** By name; or what makes them for the language that was found. */
  variables: TemplateValues | ((language: string) => TemplateValues);
  /** The values are an offer, and the template takes what it needs: others are no mistake. */
  spare?: boolean;
}

/** A message of a template, with what it was made of. */
export interface Rendered {
  template: { id: string; version: number; name: string; language: string; category: TemplateCategory };
  content: RenderedContent;
  /** What Meta is to be sent in its place when the window is closed. */
  cloud?: CloudTemplate;
}

/** A template that can be sent, and what it must be told. */
export interface SendableTemplate {
  id: string;
  name: string;
  /** Another one after every change of what is sent under this name, in whatever language. */
  edition: string;
  /** What it uses and has no default for, in the order in which it is read. */
  needs: TemplateVariable[];
  /** Which of them is the id of a file. */
  fileVariable?: string;
}

/** A template as it would be sent now. */
export interface TemplatePreview {
  /** Stored, or as it was given. */
  template?: Pick<Template, 'name' | 'language' | 'status' | 'cloudStatus' | 'cloudReason'>;
  source: TemplateSource;
  language: string;
  direction: 'ltr' | 'rtl';
  /** Names of variables without a value: in `filled` and `content` their examples stand for them. */
  missing: string[];
  /** The template's own shape, with values. */
  filled: TemplateSource['content'];
  content: RenderedContent;
  cloud?: CloudTemplate;
  warnings: string[];
}

/** Makes messages of templates. */
@Injectable()
export class TemplateRenderer {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly merchants: MerchantService,
    private readonly store: TemplateStore,
  ) {}

  /**
   * The message in the language that was asked for, else in the merchant's own, else in English, each without its region too. That
   * language decides how values are written.
   * @throws TemplateNotFoundError, TemplateNotActiveError; ValidationError as `renderTemplate`
   */
  async render(tx: TenantTx, { name, language, variables, spare }: Wanted): Promise<Rendered> {
    const row = await this.choose(tx, name, language, 'active');
    const source = parseTemplate(row);
    const offered = typeof variables === 'function' ? variables(row.language) : variables;
    const declared = source.variables.map((variable) => variable.name);
    const values = spare ? Object.fromEntries(Object.entries(offered).filter(([each]) => declared.includes(each))) : offered;
    const { content, cloud, faults } = tryRender(source, values, await this.store.locale(tx, row.language));
    if (!content) throw new ValidationError(faults);
    const { id, version, category } = row;
    return { template: { id, version, name, language: row.language, category }, content, ...(cloud ? { cloud } : {}) };
  }

  /**
   * What would come of it, whatever its status. A value that is missing is no mistake here; all else is, as in sending.
   * @throws ValidationError, NotFoundError, TemplateNotFoundError
   */
  async preview(merchantId: string, body: PreviewBody): Promise<TemplatePreview> {
    if ((body.templateId === undefined) === (body.template === undefined))
      throw new ValidationError([{ path: 'templateId', code: 'template', message: 'give either templateId or template' }]);
    return this.tenancy.run(merchantId, async (tx) => {
      const template = body.templateId === undefined ? undefined : await this.stored(tx, body.templateId, body.language);
      const source = template ? parseTemplate(template) : parsedBody(body.template!);
      const language = template?.language ?? body.language ?? body.template!.language;
      const locale = await this.store.locale(tx, language);
      const rendered = renderWhatIsThere(source, body.variables ?? {}, (values) => {
        const tried = tryRender(source, values, locale);
        return template ? tried : { ...tried, faults: tried.faults.map(inTemplate) };
      });
      return {
        ...(template ? { template } : {}),
        source,
        language,
        direction: isRightToLeft(language) ? 'rtl' : 'ltr',
        ...rendered,
        warnings: [
          ...(body.language && language !== body.language
            ? [`There is none in ${body.language}: the one in ${language} is shown.`]
            : []),
          ...checkTemplate(source, locale).warnings.map(({ message }) => `${message}.`),
        ],
      };
    });
  }

  /** One of each name, by name: what they would get whose language nobody knows, where that can be sent and is of this category. */
  async sendable(tx: TenantTx, category: TemplateCategory): Promise<SendableTemplate[]> {
    const { locale } = await this.merchants.get(tx);
    const active = await tx.manager.findBy(Template, { merchantId: tx.merchantId, status: 'active', deletedAt: IsNull() });
    const chain = languageChain(locale, LAST_LANGUAGE);
    const names = new Set(active.map(({ name }) => name));
    return [...names].toSorted().flatMap((name) => {
      const rows = active.filter((each) => each.name === name);
      const [row] = chain.flatMap((language) => rows.filter((each) => each.language === language));
      return row?.category === category ? [sendableOf(row, rows)] : [];
    });
  }

  /** The one with this id, or that of the same name which a send in `language` would find. */
  private async stored(tx: TenantTx, id: string, language?: string): Promise<Template> {
    const row = await this.store.find(tx, id);
    return language === undefined || language === row.language ? row : this.choose(tx, row.name, language);
  }

  /** Drafts and archived ones stand in nobody's way: they are not there, unless there is nothing else, which is then said. */
  private async choose(tx: TenantTx, name: string, language?: string, status?: 'active'): Promise<Template> {
    const [{ locale }, found] = await Promise.all([
      this.merchants.get(tx),
      tx.manager.findBy(Template, { merchantId: tx.merchantId, name, deletedAt: IsNull() }),
    ]);
    const chain = languageChain(language, locale, LAST_LANGUAGE);
    const candidates = chain.flatMap((each) => found.filter((row) => row.language === each));
    const row = candidates.find((each) => !status || each.status === status);
    if (row) return row;
    const [first] = candidates;
    if (first) throw new TemplateNotActiveError(name, first.language, first.status);
    throw new TemplateNotFoundError(name, found.map((each) => each.language).toSorted());
  }
}

function sendableOf(row: Template, all: Template[]): SendableTemplate {
  const source = parseTemplate(row);
  const used = usedVariables(source);
  const open = source.variables.filter((variable) => variable.default === undefined && used.includes(variable.name));
  return {
    id: row.id,
    name: row.name,
    edition: all
      .map(({ id, version }) => `${id}:${version}`)
      .toSorted()
      .join(),
    needs: open.toSorted((a, b) => used.indexOf(a.name) - used.indexOf(b.name)),
    ...(source.type === 'media' && source.content.mediaVariable ? { fileVariable: source.content.mediaVariable } : {}),
  };
}

type Attempt = ReturnType<typeof tryRender>;
type Shown = Pick<TemplatePreview, 'missing' | 'filled' | 'content' | 'cloud'>;

function renderWhatIsThere(source: TemplateSource, given: TemplateValues, attempt: (values: TemplateValues) => Attempt): Shown {
  const first = attempt(given);
  const used = usedVariables(source);
  const isMissing = (name: string) => first.faults.some(({ path, code }) => code === 'missing' && path === `variables.${name}`);
  const missing = used.filter(isMissing);
  const examples = source.variables.filter(({ name }) => missing.includes(name)).map(({ name, example }) => [name, example]);
  const { filled, content, cloud, faults } = missing.length > 0 ? attempt({ ...given, ...Object.fromEntries(examples) }) : first;
  if (!content) throw new ValidationError(faults);
  return { missing, filled: filled!.content, content, ...(cloud ? { cloud } : {}) };
}

/** With the path of the request's body, where the values stand beside the template. */
const inTemplate = (fault: FieldError): FieldError =>
  fault.path.startsWith('variables.') ? fault : { ...fault, path: `template.${fault.path}` };

function parsedBody(template: NonNullable<PreviewBody['template']>): TemplateSource {
  try {
    return parseTemplate({ ...template, variables: template.variables ?? [] });
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.errors!.map((fault) => ({ ...fault, path: `template.${fault.path}` })));
  }
}
