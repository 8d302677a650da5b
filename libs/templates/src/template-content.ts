import 'reflect-metadata';
import { type FieldError, NestedList, Optional, validateInput, ValidationError } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import { ArrayUnique, IsIn, IsString, IsUUID, Length, Matches, MaxLength, ValidateBy, ValidateIf } from 'class-validator';
import { CloudCounterpart } from './cloud-counterpart.js';
import { NAME, NAME_MESSAGE } from './variable-name.js';
import { formatValue, VARIABLE_TYPES, type VariableType } from './value-format.js';

/* A raw text is longer or shorter than what it is rendered to: here it is only bounded. WhatsApp's limits are in template-render.ts. */
const RAW_TEXT = 16_384;
const RAW_LINE = 1024;
/** Ids are for us, not for the customer: they have no holes, and WhatsApp refuses spaces around them. */
const ID = /^(?!\s|[^]*(\{\{|\}\}))[^]*(?<!\s)$/;
const ID_MESSAGE = '$property must have no spaces around it and no {{ }} in it';

export class TextTemplate {
  /** @example "Order {{number}} is confirmed" */
  @Optional() @IsString() @Length(1, RAW_TEXT) header?: string;
  /** @example "Thank you, {{customer}}!" */
  @IsString() @Length(1, RAW_TEXT) body!: string;
  /** @example "Reply STOP to hear no more" */
  @Optional() @IsString() @Length(1, RAW_TEXT) footer?: string;
}

class InteractiveTemplate {
  /** @example "Order {{number}}" */
  @Optional() @IsString() @Length(1, RAW_LINE) header?: string;
  /** @example "Is {{address}} right?" */
  @IsString() @Length(1, RAW_TEXT) body!: string;
  /** @example "{{shop}}" */
  @Optional() @IsString() @Length(1, RAW_LINE) footer?: string;
}

export class TemplateButton {
  /** @example yes */
  @IsString() @Length(1, 256) @Matches(ID, { message: ID_MESSAGE }) id!: string;
  /** @example "Yes, {{customer}}" */
  @IsString() @Length(1, RAW_LINE) title!: string;
}
export class ButtonsTemplate extends InteractiveTemplate {
  @NestedList(() => TemplateButton, 1, 3)
  buttons!: TemplateButton[];
}

export class TemplateRow {
  /** @example rice */
  @IsString() @Length(1, 200) @Matches(ID, { message: ID_MESSAGE }) id!: string;
  /** @example "Rice {{size}}" */
  @IsString() @Length(1, RAW_LINE) title!: string;
  /** @example "{{price}} each" */
  @Optional() @IsString() @MaxLength(RAW_LINE) description?: string;
}
export class TemplateSection {
  /** @example Staples */
  @Optional() @IsString() @Length(1, RAW_LINE) title?: string;
  @NestedList(() => TemplateRow, 1, 10)
  rows!: TemplateRow[];
}
export class ListTemplate extends InteractiveTemplate {
  /** @example Choose */
  @IsString() @Length(1, RAW_LINE) button!: string;
  @NestedList(() => TemplateSection, 1, 10)
  sections!: TemplateSection[];
}

/** Exactly one of `mediaId` and `mediaVariable`. */
export class MediaTemplate {
  /** @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071 */
  @ValidateIf(({ mediaId, mediaVariable }: MediaTemplate) => mediaId !== undefined || mediaVariable === undefined)
  @IsUUID()
  mediaId?: string;
  /** The variable, of type text, whose value is the id of the file. @example photo */
  @Optional() @IsString() @MaxLength(64) @Matches(NAME, { message: NAME_MESSAGE }) mediaVariable?: string;
  /** @example "{{product}} for {{price}}" */
  @Optional() @IsString() @Length(1, RAW_TEXT) caption?: string;
}

const NOWHERE = { language: 'en', timeZone: 'UTC', currency: 'USD' };

/** A text that is a value of the variable's own type. */
const IsValueOfType = (): PropertyDecorator =>
  ValidateBy({
    name: 'isValueOfType',
    validator: {
      validate: (value, args) => mistake(args!.object as TemplateVariable, value) === undefined,
      defaultMessage: (args) => `$property ${mistake(args!.object as TemplateVariable, args!.value)}`,
    },
  });

function mistake({ name, type }: Pick<TemplateVariable, 'name' | 'type'>, value: unknown): string | undefined {
  // What is no type, or no text, is refused for that alone.
  if (!VARIABLE_TYPES.includes(type) || typeof value !== 'string') return undefined;
  try {
    formatValue({ name, type }, value, NOWHERE);
  } catch (error) {
    if (error instanceof ValidationError) return error.errors?.[0]?.message;
    throw error;
  }
}

/** Whether a text is a value of the variable's type. */
export const fitsVariable = (variable: Pick<TemplateVariable, 'name' | 'type'>, value: string): boolean =>
  mistake(variable, value) === undefined;

export class TemplateVariable {
  /** @example customer */
  @IsString() @Length(1, 64) @Matches(NAME, { message: NAME_MESSAGE }) name!: string;
  /** @example text */
  @IsIn(VARIABLE_TYPES) type!: VariableType;
  /** A value as long as they get: the limits are checked with it. @example Rudo */
  @IsString() @Length(1, RAW_LINE) @IsValueOfType() example!: string;
  /** What stands there when no value is given. @example "dear customer" */
  @Optional() @IsString() @MaxLength(RAW_LINE) @IsValueOfType() default?: string;
}

class VariableList {
  @NestedList(() => TemplateVariable, 0, 32)
  @ArrayUnique((variable?: TemplateVariable) => variable?.name, { message: 'each variable needs a name of its own' })
  variables!: TemplateVariable[];
}

export const TEMPLATE_TYPES = ['text', 'buttons', 'list', 'media'] as const;
export type TemplateType = (typeof TEMPLATE_TYPES)[number];

/** What a template says, each type in its own shape. */
export type TypedContent =
  | { type: 'text'; content: TextTemplate }
  | { type: 'buttons'; content: ButtonsTemplate }
  | { type: 'list'; content: ListTemplate }
  | { type: 'media'; content: MediaTemplate };
/** Everything that a version of a template is rendered from. */
export type TemplateSource = TypedContent & { variables: TemplateVariable[]; cloud?: CloudCounterpart };

export type RenderedContent = Exclude<OutboundContent, { type: 'location' }>;

const CLASSES: Record<TemplateType, new () => object> = {
  text: TextTemplate,
  buttons: ButtonsTemplate,
  list: ListTemplate,
  media: MediaTemplate,
};

/**
 * A template as it comes in, with the shape of everything checked; whether its texts and variables go together is for `checkTemplate`.
 * @throws ValidationError with every fault, in paths such as `content.buttons.0.title` and `variables.0.example`
 */
export function parseTemplate(given: { type: unknown; content: unknown; variables: unknown; cloud?: unknown }): TemplateSource {
  const type = TEMPLATE_TYPES.find((each) => each === given.type);
  if (!type)
    throw new ValidationError([{ path: 'type', code: 'isIn', message: `type must be one of ${TEMPLATE_TYPES.join(', ')}` }]);
  const faults: FieldError[] = [];
  const attempt = <T extends object>(of: new () => T, value: unknown, prefix: string): T | undefined => {
    try {
      return validateInput(of, value);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      faults.push(...error.errors!.map((fault) => ({ ...fault, path: [prefix, fault.path].filter(Boolean).join('.') })));
    }
  };
  const content = attempt(CLASSES[type], given.content, 'content');
  const list = attempt(VariableList, { variables: given.variables }, '');
  const cloud = (given.cloud ?? undefined) === undefined ? undefined : attempt(CloudCounterpart, given.cloud, 'cloud');
  if (content instanceof MediaTemplate && content.mediaId !== undefined && content.mediaVariable !== undefined) {
    faults.push({ path: 'content.mediaVariable', code: 'media', message: 'give mediaId or mediaVariable, not both' });
  }
  if (faults.length > 0) throw new ValidationError(faults);
  return { type, content, variables: list!.variables, ...(cloud && { cloud }) } as TemplateSource;
}

const NOT_TEXT = new Set(['id', 'mediaId', 'mediaVariable']);

/**
 * A copy of `part` with every text that a customer reads replaced by what `map` makes of it, and left out where that is undefined. `path`
 * is dotted, from `content` on.
 */
export function mapTexts<T>(part: T, map: (text: string, path: string) => string | undefined, path = 'content'): T {
  if (typeof part === 'string') return map(part, path) as T;
  if (Array.isArray(part)) return part.map((each, index) => mapTexts(each, map, `${path}.${index}`)) as T;
  if (typeof part !== 'object' || part === null) return part;
  const entries = Object.entries(part).map(([key, each]: [string, unknown]) => [
    key,
    NOT_TEXT.has(key) ? each : mapTexts(each, map, `${path}.${key}`),
  ]);
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined)) as T;
}

/** Every text of `content` that a customer reads, each with its path. */
export function textsOf(content: TypedContent['content']): { path: string; text: string }[] {
  const texts: { path: string; text: string }[] = [];
  mapTexts(content, (text, path) => {
    texts.push({ path, text });
    return text;
  });
  return texts;
}
