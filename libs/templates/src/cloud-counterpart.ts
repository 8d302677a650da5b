import 'reflect-metadata';
import { type FieldError, NestedList, Optional } from '@soko/common';
import { CLOUD_BUTTON_KINDS, type CloudButtonKind, type CloudTemplate, type CloudValues } from '@soko/contracts';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';
import { NAME, NAME_MESSAGE } from './variable-name.js';

/* What Meta takes: https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components */
const HEADER_LIMIT = 60;
const BODY_LIMIT = 1024;
const BUTTON_LIMITS: Record<CloudButtonKind, number> = { quick_reply: 256, url: 2000, copy_code: 20 };

/** Exactly one of `variable` and `value`. */
export class CounterpartButton {
  /** Of Meta's template, from 0. @example 0 */
  @IsInt() @Min(0) @Max(9) index!: number;
  /** @example url */
  @IsIn(CLOUD_BUTTON_KINDS) kind!: CloudButtonKind;
  /** Whose value is the end of the URL, the code, or what a tap on the reply is told by. @example number */
  @ValidateIf(({ variable, value }: CounterpartButton) => variable !== undefined || value === undefined)
  @IsString()
  @Length(1, 64)
  @Matches(NAME, { message: NAME_MESSAGE })
  variable?: string;
  /** The same for everybody. */
  @Optional() @IsString() @Length(1, 2000) value?: string;
}

/** Names of variables, in the order of the holes. */
function Holes(most: number): PropertyDecorator {
  const each = { each: true };
  return (target, key) => {
    for (const decorate of [
      Optional(),
      IsArray(),
      ArrayMaxSize(most),
      IsString(each),
      Length(1, 64, each),
      Matches(NAME, { ...each, message: NAME_MESSAGE }),
    ])
      decorate(target, key);
  };
}

/** A template that Meta has approved, which is sent in place of ours when the customer's last message is more than 24 hours old. */
export class CloudCounterpart {
  /** @example order_update */
  @IsString()
  @Length(1, 512)
  @Matches(/^[a-z0-9_]+$/, { message: '$property must have only a-z, 0-9 and _, as at Meta' })
  name!: string;
  /** Meta's code, `en` or `en_US`. @example en */
  @IsString()
  @Length(2, 20)
  @Matches(/^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$/, {
    message: "$property must be Meta's code of a language, for example en_US",
  })
  language!: string;
  /** How Meta's template names its holes: by number, or by name; the names are then those of our variables. `positional` when missing. */
  @Optional() @IsIn(['positional', 'named']) parameters?: 'positional' | 'named';
  /** The variable of a header in text. @example ["number"] */
  @Holes(1) header?: string[];
  /** The header is a picture, a video or a document: the template's own file. For templates of type media. */
  @Optional() @IsBoolean() headerMedia?: boolean;
  /** The variables of the body, in their order. @example ["number", "status"] */
  @Holes(32) body?: string[];
  @Optional()
  @NestedList(() => CounterpartButton, 0, 10)
  @ArrayUnique((button?: CounterpartButton) => button?.index, { message: 'each button needs an index of its own' })
  buttons?: CounterpartButton[];
}

/** Every variable that the counterpart takes, each with its path. */
function* uses({ header = [], body = [], buttons = [] }: CloudCounterpart): Generator<{ path: string; name: string }> {
  for (const [at, name] of header.entries()) yield { path: `cloud.header.${at}`, name };
  for (const [at, name] of body.entries()) yield { path: `cloud.body.${at}`, name };
  for (const [at, { variable }] of buttons.entries())
    if (variable) yield { path: `cloud.buttons.${at}.variable`, name: variable };
}

/** The variables that the counterpart takes, each once. */
export const counterpartVariables = (cloud: CloudCounterpart | undefined): string[] =>
  cloud ? [...new Set([...uses(cloud)].map(({ name }) => name))] : [];

/** What is wrong with a counterpart by itself. */
export function counterpartFaults(cloud: CloudCounterpart, declared: string[], isMedia: boolean): FieldError[] {
  const faults = [...uses(cloud)]
    .filter(({ name }) => !declared.includes(name))
    .map(({ path, name }) => ({ path, code: 'undeclared', message: `the counterpart takes ${name}: declare it in variables` }));
  if (cloud.headerMedia && !isMedia)
    faults.push({ path: 'cloud.headerMedia', code: 'media', message: 'only a template of type media has a file for the header' });
  if (cloud.headerMedia && cloud.header?.length)
    faults.push({ path: 'cloud.header', code: 'media', message: 'a template has one header: give header or headerMedia' });
  const unfit = (cloud.buttons ?? []).flatMap(({ variable, value }, at) => (variable && value ? [at] : []));
  for (const at of unfit)
    faults.push({ path: `cloud.buttons.${at}.value`, code: 'button', message: 'give variable or value, not both' });
  if (cloud.parameters === 'named' && new Set(cloud.body).size < (cloud.body ?? []).length)
    faults.push({
      path: 'cloud.body',
      code: 'repeated',
      message: 'a hole with a name is there once: each variable can stand in body once',
    });
  return faults;
}

/** What Meta is to be sent: the same values as in the text, in Meta's order. @param valueOf a variable's value as the customer reads it */
export function renderCounterpart(cloud: CloudCounterpart, valueOf: (name: string) => string, mediaId?: string): CloudTemplate {
  const { name, language, parameters, header = [], body = [], buttons = [], headerMedia } = cloud;
  const values = (names: string[]): CloudValues =>
    parameters === 'named' ? Object.fromEntries(names.map((each) => [each, valueOf(each)])) : names.map(valueOf);
  return {
    name,
    language,
    ...(header.length > 0 && { header: { values: values(header) } }),
    ...(headerMedia && mediaId && { header: { media: { mediaId } } }),
    ...(body.length > 0 && { body: values(body) }),
    ...(buttons.length > 0 && {
      buttons: buttons.map(({ index, kind, variable, value }) => ({ index, kind, value: variable ? valueOf(variable) : value! })),
    }),
  };
}

/** The limits of Meta's that the values break by themselves; what stands around them Meta alone knows. */
export function counterpartLimits({ header, body = [], buttons = [] }: CloudTemplate): FieldError[] {
  const headerText = header && 'values' in header ? Object.values(header.values).join('') : '';
  return [
    ...tooLong('cloud.header', headerText, HEADER_LIMIT),
    ...tooLong('cloud.body', Object.values(body).join(''), BODY_LIMIT),
    ...buttons.flatMap(({ kind, value }, at) => tooLong(`cloud.buttons.${at}`, value, BUTTON_LIMITS[kind])),
    ...[...Object.values(body), ...buttons.map(({ value }) => value)]
      .filter((value) => value.trim() === '')
      .slice(0, 1)
      .map(() => ({
        path: 'cloud',
        code: 'empty',
        message: 'Meta takes no empty value: give the variable a default that is not empty',
      })),
  ];
}

/** Meta counts characters: an emoji is one. */
function tooLong(path: string, text: string, limit: number): FieldError[] {
  const length = Array.from(text).length;
  if (length <= limit) return [];
  const message = `the values in ${path.slice('cloud.'.length)} are ${length} characters long together; Meta allows ${limit}`;
  return [{ path, code: 'tooLong', message }];
}
