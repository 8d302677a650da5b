import { NestedList, Optional, PageQuery } from '@soko/common';
import { Transform, Type } from 'class-transformer';
import {
  ArrayUnique,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
} from 'class-validator';
import { Nested } from '@soko/common';
import { CloudCounterpart } from './cloud-counterpart.js';
import { canonicalLanguage } from './language-chain.js';
import { TEMPLATE_TYPES, type TemplateType, TemplateVariable, type TypedContent } from './template-content.js';
import { TEMPLATE_CATEGORIES, TEMPLATE_STATUSES, type TemplateCategory, type TemplateStatus } from './template.entity.js';

/** A language, BCP 47; `pt_BR` is understood and kept as `pt-BR`. */
export function IsLanguage(): PropertyDecorator {
  return (target, key) => {
    Transform(({ value }) => (typeof value === 'string' ? (canonicalLanguage(value) ?? value) : (value as unknown)))(target, key);
    ValidateBy({
      name: 'isLanguage',
      validator: {
        validate: (value) => typeof value === 'string' && canonicalLanguage(value) === value,
        defaultMessage: () => '$property must be a language, for example en, fr or ar-EG',
      },
    })(target, key);
    Length(2, 35)(target, key);
  };
}

const NAME = /^\S(.*\S)?$/;
const NAME_MESSAGE = '$property must be one line with no spaces around it';
const OneNameEach = () =>
  ArrayUnique((variable?: TemplateVariable) => variable?.name, { message: 'each variable needs a name of its own' });

export class TemplateQuery extends PageQuery {
  /** text, buttons, list or media. @example text */
  @Optional() @IsIn(TEMPLATE_TYPES) type?: TemplateType;
  /** draft, active or archived. @example active */
  @Optional() @IsIn(TEMPLATE_STATUSES) status?: TemplateStatus;
  /** BCP 47, as it is kept. @example en */
  @Optional() @IsLanguage() language?: string;
  /** @example order_confirmation */
  @Optional() @IsString() @Length(1, 512) name?: string;
}

/** What a template says: `content` is checked by `type`, and every `{{name}}` in it must be one of `variables`. */
export class TemplateSourceBody {
  /** @example text */
  @IsIn(TEMPLATE_TYPES) type!: TemplateType;
  /** @example en */
  @IsLanguage() language!: string;
  /**
   * text `{ header?, body, footer? }`; buttons adds `buttons: [{ id, title }]`; list adds `button, sections: [{ title?, rows: [{ id, title, description? }] }]`;
   * media `{ mediaId | mediaVariable, caption? }`.
   * @example { "header": "Your order", "body": "Thank you, {{customer}}! Your order #{{number}} is ready." }
   */
  @IsObject() content!: Record<string, unknown>;
  /** @example [{ "name": "customer", "type": "text", "example": "Rudo", "default": "dear customer" }, { "name": "number", "type": "text", "example": "1042" }] */
  @Optional() @NestedList(() => TemplateVariable, 0, 32) @OneNameEach() variables?: TemplateVariable[];
  /** What Meta has approved for it. */
  @Optional() @Nested(() => CloudCounterpart) cloud?: CloudCounterpart;
}

export class CreateTemplateBody extends TemplateSourceBody {
  /** One name may have many languages. @example order_ready */
  @IsString() @Length(1, 512) @Matches(NAME, { message: NAME_MESSAGE }) name!: string;
  /** `utility` when missing. Messages from a template of category `marketing` go to nobody who wants none. @example utility */
  @Optional() @IsIn(TEMPLATE_CATEGORIES) category?: TemplateCategory;
  /** `active` when missing; drafts and archived templates are not sent. @example active */
  @Optional() @IsIn(TEMPLATE_STATUSES) status?: TemplateStatus;
  /** Why it is made. @example "For the new shop" */
  @Optional() @IsString() @Length(1, 500) reason?: string;
}

/** Only what is given changes; what changes anything makes a version. */
export class UpdateTemplateBody {
  @Optional() @IsString() @Length(1, 512) @Matches(NAME, { message: NAME_MESSAGE }) name?: string;
  @Optional() @IsLanguage() language?: string;
  @Optional() @IsIn(TEMPLATE_TYPES) type?: TemplateType;
  /** @example utility */
  @Optional() @IsIn(TEMPLATE_CATEGORIES) category?: TemplateCategory;
  /** @example active */
  @Optional() @IsIn(TEMPLATE_STATUSES) status?: TemplateStatus;
  /** In the shape of its type; the whole of it. */
  @Optional() @IsObject() content?: Record<string, unknown>;
  /** All of them. */
  @Optional() @NestedList(() => TemplateVariable, 0, 32) @OneNameEach() variables?: TemplateVariable[];
  /** null: Meta has none any more. */
  @IsOptional() @Nested(() => CloudCounterpart) cloud?: CloudCounterpart | null;
  /** The version that was read: refused (409 `template_changed`) when it is not the newest any more. */
  @Optional() @IsInt() @Min(1) @Max(2_147_483_647) version?: number;
  /** Why it is changed. @example "Customers asked for the total" */
  @Optional() @IsString() @Length(1, 500) reason?: string;
}

export class RollbackBody {
  /** The version whose state is wanted again. @example 1 */
  @IsInt() @Min(1) @Max(2_147_483_647) version!: number;
  /** @example "The new text was too long" */
  @Optional() @IsString() @Length(1, 500) reason?: string;
}

export class VersionDiffQuery {
  /** The version before `to` when missing. @example 1 */
  @Optional() @Type(() => Number) @IsInt() @Min(1) @Max(2_147_483_647) from?: number;
  /** The newest when missing. @example 2 */
  @Optional() @Type(() => Number) @IsInt() @Min(1) @Max(2_147_483_647) to?: number;
}

/** Either `templateId` or `template`. */
export class PreviewBody {
  /** A stored one, in whatever status. */
  @Optional() @IsUUID() templateId?: string;
  /**
   * One that need not be stored.
   * @example { "type": "text", "language": "en", "content": { "body": "Thank you, {{customer}}! Your order #{{number}} is ready." }, "variables": [{ "name": "customer", "type": "text", "example": "Rudo" }, { "name": "number", "type": "text", "example": "1042" }] }
   */
  @Optional() @Nested(() => TemplateSourceBody) template?: TemplateSourceBody;
  /** By name. Money is `{ amount, currency? }` in minor units, or a ready text; dates are days or times, ISO 8601. @example { "customer": "Tino", "number": 1043 } */
  @Optional() @IsObject() variables?: Record<string, unknown>;
  /** For `templateId`: as a send that asks for this language finds it. For `template`: how values are written. @example en */
  @Optional() @IsLanguage() language?: string;
}

export class CloudStateView {
  /** unknown (Meta was not asked yet), approved, pending, rejected, paused, disabled or missing. @example approved */
  status!: string;
  /** Meta's words. @example "Low quality" */
  reason?: string;
  checkedAt?: string;
}

export class TemplateView {
  id!: string;
  /** @example order_ready */
  name!: string;
  /** @example text */
  type!: TemplateType;
  /** @example en */
  language!: string;
  /** @example utility */
  category!: TemplateCategory;
  /** @example active */
  status!: TemplateStatus;
  /** In the shape of its type. @example { "header": "Your order", "body": "Thank you, {{customer}}! Your order #{{number}} is ready." } */
  content!: TypedContent['content'];
  variables!: TemplateVariable[];
  /** What Meta has approved for it. */
  cloud?: CloudCounterpart;
  /** How that stands at Meta, as far as it was told (POST /api/templates/sync). */
  cloudState?: CloudStateView;
  /** Grows by one with every change. @example 2 */
  version!: number;
  /** Why it was changed last. @example "Customers asked for the total" */
  reason?: string;
  createdAt!: string;
  updatedAt!: string;
}

export class TemplateWarningView {
  /** @example variables.0 */
  path!: string;
  /** @example unused */
  code!: string;
  /** @example "number is used nowhere in the template" */
  message!: string;
}

/** A template as it was just saved. */
export class SavedTemplateView extends TemplateView {
  /** What kept it from nothing, and should be looked at. */
  warnings!: TemplateWarningView[];
}

export class TemplateActorView {
  /** user, key, bot or system. @example user */
  type!: string;
  /** @example 01990000-0000-7000-8000-000000000003 */
  id?: string;
  /** @example owner */
  role?: string;
}

export class TemplateChangeView {
  /** `content.body`, `variables.total.example`, `status`. @example content.body */
  path!: string;
  /** Missing when it was added. @example "Thank you!" */
  before?: unknown;
  /** Missing when it was taken out. @example "Thank you, {{customer}}!" */
  after?: unknown;
}

export class TemplateVersionView {
  /** @example 2 */
  version!: number;
  /** @example order_ready */
  name!: string;
  /** @example en */
  language!: string;
  /** @example text */
  type!: TemplateType;
  /** @example utility */
  category!: TemplateCategory;
  /** @example active */
  status!: TemplateStatus;
  /** @example { "body": "Thank you, {{customer}}!" } */
  content!: TypedContent['content'];
  variables!: TemplateVariable[];
  cloud?: CloudCounterpart;
  actor!: TemplateActorView;
  /** @example "Customers asked for the total" */
  reason?: string;
  /** Against the version before; empty for the first. */
  changes!: TemplateChangeView[];
  createdAt!: string;
}

export class TemplateDiffView {
  /** @example 1 */
  from!: number;
  /** @example 2 */
  to!: number;
  changes!: TemplateChangeView[];
}
