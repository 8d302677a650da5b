import { type FieldError, isUuid, ValidationError } from '@soko/common';
import type { CloudTemplate } from '@soko/contracts';
import { counterpartFaults, counterpartVariables, renderCounterpart } from './cloud-counterpart.js';
import { mapTexts, type RenderedContent, type TemplateSource, textsOf, type TypedContent } from './template-content.js';
import { formatValue, isolate, type TemplateLocale } from './value-format.js';

/** By name: of whatever type the variable wants, see `formatValue`. */
export type TemplateValues = Record<string, unknown>;

/**
 * The message of a template. Optional texts that come out blank are left out; a hole is filled once, and a value that looks like a hole
 * stays text, with a space between its braces.
 * @throws ValidationError with everything that is wrong: `variables.<name>` for each value that is missing, unknown or of another type,
 * else `content.…` for each limit of WhatsApp's that the result breaks, with the limit and the length
 */
export function renderTemplate(source: TemplateSource, values: TemplateValues, locale: TemplateLocale): RenderedContent {
  const { content, faults } = tryRender(source, values, locale);
  if (!content) throw new ValidationError(faults);
  return content;
}

/** What a template comes to. */
export interface TryRendered {
  /** There when there are no faults. */
  content?: RenderedContent;
  /** The texts as they are filled, in the template's own shape. */
  filled?: TypedContent;
  /** What Meta is to be sent of it when the window is closed. */
  cloud?: CloudTemplate;
  faults: FieldError[];
}

/** As `renderTemplate`, for those who go on with the faults. */
export function tryRender(source: TemplateSource, values: TemplateValues, locale: TemplateLocale): TryRendered {
  const declared = source.variables.map(({ name }) => name);
  const own = [
    ...holeFaults(source),
    ...(source.cloud ? counterpartFaults(source.cloud, declared, source.type === 'media') : []),
  ];
  const { texts, faults } = formatValues(source, values, locale);
  // Lengths say nothing while values are missing, nor does that of a text whose holes are wrong.
  if (faults.length > 0) return { faults: [...own, ...faults] };
  const filled = fill(source, texts);
  const broken = new Set(own.map((fault) => fault.path));
  const all = [...own, ...limitFaults(filled).filter((fault) => !broken.has(fault.path))];
  if (all.length > 0) return { faults: all };
  const content = contentOf(filled);
  const mediaId = content.type === 'media' ? content.media.mediaId : undefined;
  const valueOf = (name: string): string => texts.get(name)?.among ?? '';
  return {
    content,
    filled,
    ...(source.cloud && { cloud: renderCounterpart(source.cloud, valueOf, mediaId) }),
    faults: [],
  };
}

const HOLE = /\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}/g;

/** The variables that `source` and its counterpart use, each once, in the order in which they are read. */
export function usedVariables({ type, content, cloud }: TypedContent & Pick<TemplateSource, 'cloud'>): string[] {
  const names = textsOf(content).flatMap(({ text }) => [...text.matchAll(HOLE)].map((match) => match[1]!));
  const media = type === 'media' && content.mediaVariable ? [content.mediaVariable] : [];
  return [...new Set([...media, ...names, ...counterpartVariables(cloud)])];
}

/** What is wrong with the holes of a template: no variable of that name, or nearly a hole, which a customer would read as it is. */
function holeFaults(source: TemplateSource): FieldError[] {
  const declared = new Map(source.variables.map((variable) => [variable.name, variable]));
  const faults: FieldError[] = [];
  for (const { path, text } of textsOf(source.content)) {
    const pieces = text.split(HOLE);
    // Every other piece is a name. A single brace that touches a hole would make a new one of a value in braces.
    const rests = pieces.filter((_, index) => index % 2 === 0);
    const isOdd = (rest: string, at: number) =>
      /\{\{|\}\}/.test(rest) || (at > 0 && rest.startsWith('}')) || (at < rests.length - 1 && rest.endsWith('{'));
    if (rests.some(isOdd)) {
      const message = `${fieldOf(path)} has braces that are no variable: write {{name}} with a letter first and only letters, digits and _`;
      faults.push({ path, code: 'hole', message });
    }
    const unknown = new Set(pieces.filter((name, index) => index % 2 === 1 && !declared.has(name)));
    for (const name of unknown) {
      faults.push({
        path,
        code: 'undeclared',
        message: `${fieldOf(path)} uses {{${name}}}: declare ${name} in variables, or take it out`,
      });
    }
  }
  if (source.type === 'media' && source.content.mediaVariable && declared.get(source.content.mediaVariable)?.type !== 'text') {
    const message = `mediaVariable names ${source.content.mediaVariable}: declare it in variables, with type text`;
    faults.push({ path: 'content.mediaVariable', code: 'undeclared', message });
  }
  return faults;
}

/** A value where it stands alone, and where it stands among words. */
interface FormattedValue {
  alone: string;
  among: string;
}

function formatValues(
  source: TemplateSource,
  values: TemplateValues,
  locale: TemplateLocale,
): { texts: Map<string, FormattedValue>; faults: FieldError[] } {
  const texts = new Map<string, FormattedValue>();
  const faults: FieldError[] = [];
  const used = new Set(usedVariables(source));
  const mediaVariable = source.type === 'media' ? source.content.mediaVariable : undefined;
  for (const variable of source.variables) {
    const { name, type } = variable;
    const path = `variables.${name}`;
    // Own values only: every object has a `constructor`. JSON has null, and a customer never reads "null".
    const value = (Object.hasOwn(values, name) ? values[name] : undefined) ?? variable.default;
    if (value === undefined) {
      if (used.has(name)) faults.push({ path, code: 'missing', message: `the template needs a value for ${name}` });
    } else if (name === mediaVariable && !isUuid(value)) {
      faults.push({ path, code: 'media', message: 'must be the id of an uploaded file' });
    } else {
      try {
        const alone = formatValue(variable, value, locale);
        texts.set(name, { alone, among: isolate(type, alone, locale.language) });
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        faults.push(...error.errors!);
      }
    }
  }
  const names = source.variables.map((variable) => variable.name);
  for (const name of Object.keys(values).filter((each) => !names.includes(each))) {
    const has = names.length > 0 ? `it has ${names.join(', ')}` : 'it has none';
    faults.push({ path: `variables.${name}`, code: 'unknown', message: `the template has no variable ${name}: ${has}` });
  }
  return { texts, faults };
}

/** Texts that a message can do without. */
const OPTIONAL = /\.(header|footer|description|caption)$|\.sections\.\d+\.title$/;

function fill(source: TypedContent, texts: Map<string, FormattedValue>): TypedContent {
  const content = mapTexts(source.content, (text, path) => {
    const filled = fillText(text, texts);
    return filled.trim() === '' && OPTIONAL.test(path) ? undefined : filled;
  });
  if (source.type !== 'media') return { ...source, content } as TypedContent;
  const { mediaId, mediaVariable, caption } = content as typeof source.content;
  return { type: 'media', content: { mediaId: mediaId ?? texts.get(mediaVariable!)?.alone, caption } };
}

function fillText(raw: string, texts: Map<string, FormattedValue>): string {
  // White space in a hole may be a line break, and lines are what values may not begin at will.
  const text = raw.replace(HOLE, '{{$1}}');
  const lines = text.split('\n').map((line) => {
    const filled = line.replace(HOLE, (hole, name: string) => {
      const value = texts.get(name);
      // Isolates do nothing for a value with no words around it, and typed answers are compared with titles.
      return (hole === text ? value?.alone : value?.among) ?? hole;
    });
    return filled === line ? line : withoutNewBlock(line.slice(0, line.search(HOLE)), filled);
  });
  // Checked texts have no double braces of their own: these come from values.
  return lines.join('\n').replace(/([{}])(?=\1)/g, '$1 ');
}

/** What makes a list or a quote of a line: https://faq.whatsapp.com/539178204879377 */
const BLOCK = /^([\s\p{Cf}]*)(>|[-*](?=\s|$)|\d+\.(?=\s|$))/u;
const LOOK_ALIKES: Record<string, string> = { '>': '›', '-': '‐', '*': '∗' };

/** `line`, which begins no list and no quote unless the words of the template before the first value, `before`, did. */
function withoutNewBlock(before: string, line: string): string {
  if (BLOCK.test(`${before}x`)) return line;
  return line.replace(BLOCK, (_, blank: string, mark: string) => blank + (LOOK_ALIKES[mark] ?? mark.replace('.', '․')));
}

/** WhatsApp's own, in UTF-16 code units: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages */
const LIMITS: [RegExp, number][] = [
  [/\.(header|footer)$/, 60],
  [/\.(body|caption)$/, 1024],
  [/\.(button|buttons\.\d+\.title)$/, 20],
  [/\.title$/, 24],
  [/\.description$/, 72],
];
const TEXT_LIMIT = 4096;
const ROW_LIMIT = 10;
const BUTTON_ID_LIMIT = 256;
const ROW_ID_LIMIT = 200;

function limitFaults(filled: TypedContent): FieldError[] {
  if (filled.type === 'text')
    return lengthFaults('content.body', textOf(filled.content), TEXT_LIMIT, ' with its header and footer');
  const faults = textsOf(filled.content).flatMap(({ path, text }) =>
    lengthFaults(path, text, LIMITS.find(([pattern]) => pattern.test(path))![1]),
  );
  if (filled.type === 'buttons') {
    const { buttons } = filled.content;
    faults.push(
      ...idFaults(
        buttons.map(({ id }, at) => ({ path: `content.buttons.${at}.id`, text: id })),
        BUTTON_ID_LIMIT,
      ),
    );
    faults.push(...repeated(buttons.map(({ title }, at) => ({ path: `content.buttons.${at}.title`, text: title }))));
  }
  if (filled.type === 'list') faults.push(...sectionFaults(filled.content.sections));
  return faults;
}

function sectionFaults(sections: Extract<TypedContent, { type: 'list' }>['content']['sections']): FieldError[] {
  const ids = sections.flatMap(({ rows }, s) =>
    rows.map(({ id }, r) => ({ path: `content.sections.${s}.rows.${r}.id`, text: id })),
  );
  const faults = idFaults(ids, ROW_ID_LIMIT);
  if (ids.length > ROW_LIMIT) {
    const message = `sections have ${ids.length} rows in all; WhatsApp allows ${ROW_LIMIT}: take out ${ids.length - ROW_LIMIT}`;
    faults.push({ path: 'content.sections', code: 'tooMany', message });
  }
  for (const [at, { title }] of sections.entries()) {
    if (sections.length === 1 || title !== undefined) continue;
    const path = `content.sections.${at}.title`;
    faults.push({ path, code: 'empty', message: `${fieldOf(path)} is empty: in a list of several sections each needs a title` });
  }
  return faults;
}

/** The last word of a path, which stands beside every message as a whole. */
const fieldOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

function lengthFaults(path: string, text: string, limit: number, what = ''): FieldError[] {
  if (text.trim() === '')
    return [{ path, code: 'empty', message: `${fieldOf(path)} is empty: WhatsApp sends nothing without it` }];
  if (text.length <= limit) return [];
  const message = `${fieldOf(path)}${what} is ${text.length} characters long; WhatsApp allows ${limit}: shorten the text or the values in it`;
  return [{ path, code: 'tooLong', message }];
}

const idFaults = (ids: { path: string; text: string }[], limit: number): FieldError[] => [
  ...ids.flatMap(({ path, text }) => lengthFaults(path, text, limit)),
  ...repeated(ids),
];

const repeated = (fields: { path: string; text: string }[]): FieldError[] =>
  fields
    .filter(({ text }, at) => fields.findIndex((other) => other.text === text) < at)
    .map(({ path, text }) => ({
      path,
      code: 'repeated',
      message: `${fieldOf(path)} is "${text}" a second time: each needs its own`,
    }));

const textOf = ({ header, body, footer }: { header?: string; body: string; footer?: string }): string =>
  [header, body, footer].filter(Boolean).join('\n\n');

function contentOf(filled: TypedContent): RenderedContent {
  switch (filled.type) {
    case 'text':
      return { type: 'text', text: { body: textOf(filled.content) } };
    case 'buttons':
      return { type: 'buttons', buttons: filled.content };
    case 'list':
      return { type: 'list', list: filled.content };
    case 'media':
      return {
        type: 'media',
        media: { mediaId: filled.content.mediaId!, ...(filled.content.caption && { caption: filled.content.caption }) },
      };
  }
}
