import { type Fields, fields, list, oneOf, text } from './checks.js';
import { GraphError, refuse } from './graph-error.js';
import { MIME_TYPES } from './message-rules.js';

export interface TemplateComponent {
  type: 'HEADER' | 'BODY' | 'FOOTER' | 'BUTTONS';
  /** Of a header. */
  format?: 'TEXT' | 'IMAGE' | 'VIDEO' | 'DOCUMENT' | 'LOCATION';
  text?: string;
  buttons?: TemplateButton[];
  example?: object;
}

export interface TemplateButton {
  type: 'QUICK_REPLY' | 'URL' | 'PHONE_NUMBER' | 'COPY_CODE' | 'FLOW';
  text?: string;
  url?: string;
  phone_number?: string;
}

/** A template as the Graph API lists it. */
export interface GraphTemplate {
  id: string;
  name: string;
  language: string;
  status: 'APPROVED' | 'PENDING' | 'REJECTED' | 'PAUSED' | 'DISABLED';
  category: 'MARKETING' | 'UTILITY' | 'AUTHENTICATION';
  parameter_format: 'POSITIONAL' | 'NAMED';
  components: TemplateComponent[];
}

export interface NewTemplate extends Partial<Omit<GraphTemplate, 'name'>> {
  name: string;
  /** Short for components. */
  header?: string;
  body?: string;
  footer?: string;
  buttons?: TemplateButton[];
}

/** The templates of one business account. */
export class TemplateBook {
  readonly #all = new Map<string, GraphTemplate>();
  #ids = 900_000_000_000_000;

  /** Adds it, or puts it in the place of the one with this name and language. @throws Error when Meta would not take it. */
  add({ header, body, footer, buttons, ...given }: NewTemplate): GraphTemplate {
    const components = given.components ?? [
      ...(header === undefined ? [] : [{ type: 'HEADER' as const, format: 'TEXT' as const, text: header }]),
      { type: 'BODY' as const, text: body ?? '' },
      ...(footer === undefined ? [] : [{ type: 'FOOTER' as const, text: footer }]),
      ...(buttons === undefined ? [] : [{ type: 'BUTTONS' as const, buttons }]),
    ];
    const named = components.flatMap((component) => variables(component.text)).some((name) => !/^\d+$/.test(name));
    const template: GraphTemplate = {
      language: 'en',
      status: 'APPROVED',
      category: 'UTILITY',
      parameter_format: named ? 'NAMED' : 'POSITIONAL',
      ...given,
      id: given.id ?? String((this.#ids += 1)),
      components,
    };
    assertMetaTakes(template);
    this.#all.set(`${template.name}\n${template.language}`, template);
    return template;
  }

  remove(name: string, language: string): void {
    this.#all.delete(`${name}\n${language}`);
  }

  get all(): GraphTemplate[] {
    return [...this.#all.values()];
  }

  find(name: string, language: string): GraphTemplate | undefined {
    return this.#all.get(`${name}\n${language}`);
  }

  /** One page, as `GET /{waba-id}/message_templates` answers. @param address its URL without a query. */
  page(query: URLSearchParams, address: string): object {
    const wanted = this.all.filter((template) =>
      (['name', 'status', 'language', 'category'] as const).every((key) => (query.get(key) ?? template[key]) === template[key]),
    );
    const limit = Math.min(Math.max(Number(query.get('limit') ?? 25) || 25, 1), 1000);
    const start = query.has('after') ? wanted.findIndex((template) => cursorOf(template) === query.get('after')) + 1 : 0;
    if (query.has('after') && start === 0) refuse('Invalid cursor');
    const data = wanted.slice(start, start + limit);
    const [first, last] = [data[0], data.at(-1)];
    if (!first || !last) return { data };
    const next = new URLSearchParams(query);
    next.set('limit', String(limit));
    next.set('after', cursorOf(last));
    const keys = query.get('fields')?.split(',') as (keyof GraphTemplate)[] | undefined;
    return {
      data: keys ? data.map((template) => Object.fromEntries(['id' as const, ...keys].map((key) => [key, template[key]]))) : data,
      paging: {
        cursors: { before: cursorOf(first), after: cursorOf(last) },
        ...(start + limit < wanted.length ? { next: `${address}?${next.toString()}` } : {}),
      },
    };
  }

  /** What the customer reads. @throws GraphError 132xxx */
  render(payload: Fields, mimeType: (mediaId: string) => string | undefined): { template: GraphTemplate; text: string } {
    const language = (payload.language as { code: string }).code;
    const template = this.find(payload.name as string, language);
    if (!template || template.status === 'PENDING' || template.status === 'REJECTED') {
      refuse(`template name (${String(payload.name)}) does not exist in ${language}`, 132001);
    }
    if (template.status === 'PAUSED') refuse('The template is paused because of its quality', 132015);
    if (template.status === 'DISABLED') refuse('The template is disabled', 132016);
    const given = payload.components === undefined ? [] : list(payload.components, "template['components']", 0, 12);
    const parts = given.map((component) => readComponent(component));
    const lines = template.components.flatMap((component) => {
      if (component.type === 'FOOTER') return [component.text ?? ''];
      if (component.type === 'BUTTONS') {
        checkButtons(component.buttons ?? [], parts);
        return [];
      }
      const part = parts.filter(({ type }) => type === component.type.toLowerCase()).flatMap(({ parameters }) => parameters);
      if (component.type === 'HEADER' && component.format && component.format !== 'TEXT') {
        checkMediaHeader(component.format.toLowerCase(), part, mimeType);
        return [];
      }
      return [fill(component, part, template.parameter_format)];
    });
    for (const { type } of parts) {
      const there = template.components.some(
        (component) => component.type.toLowerCase() === (type === 'button' ? 'buttons' : type),
      );
      if (!there) refuse(`${type}: number of localizable_params does not match: the template has no ${type}`, 132000);
    }
    return { template, text: lines.join('\n') };
  }
}

interface Part {
  type: 'header' | 'body' | 'button';
  subType?: string;
  index?: number;
  parameters: Fields[];
}

function readComponent(value: unknown): Part {
  const path = "template['components']";
  const { type: rawType, sub_type, index, parameters } = fields(value, path, ['type', 'sub_type', 'index', 'parameters']);
  const type = oneOf(rawType, `${path}['type']`, ['header', 'body', 'button']);
  const found = parameters === undefined ? [] : list(parameters, `${path}['parameters']`, 0, 100);
  const part: Part = { type, parameters: found.map((parameter) => fields(parameter, `${path}['parameters']`)) };
  if (type !== 'button') return part;
  const subTypes = ['quick_reply', 'url', 'copy_code', 'flow', 'catalog'] as const;
  const subType = oneOf(sub_type, `${path}['sub_type']`, subTypes);
  if (!/^\d$/.test(String(index))) refuse(`Param ${path}['index'] must be a string from "0" to "9".`);
  return { ...part, subType, index: Number(index) };
}

/** A text with its values. @throws GraphError 132000, 132005, 132012 */
function fill(component: TemplateComponent, parameters: Fields[], format: GraphTemplate['parameter_format']): string {
  const kind = component.type.toLowerCase();
  const names = variables(component.text);
  if (parameters.length !== names.length) {
    const counts = `number of localizable_params (${parameters.length}) does not match the expected number of params (${names.length})`;
    refuse(`${kind}: ${counts}`, 132000);
  }
  const values = new Map<string, string>();
  for (const [position, parameter] of parameters.entries()) {
    if (!['text', 'currency', 'date_time'].includes(parameter.type as string)) {
      refuse(`${kind}: parameter of type ${String(parameter.type)} where a text is wanted`, 132012);
    }
    const name = format === 'NAMED' ? text(parameter.parameter_name, 'parameter_name', 100) : String(position + 1);
    if (!names.includes(name)) refuse(`${kind}: there is no parameter ${name}`, 132012);
    values.set(name, valueOf(parameter));
  }
  if (values.size !== names.length) refuse(`${kind}: parameters must be all different`, 132012);
  const filled = (component.text ?? '').replaceAll(VARIABLE, (_, name: string) => values.get(name) ?? '');
  const max = component.type === 'HEADER' ? 60 : 1024;
  if (Array.from(filled).length > max) refuse(`${kind}: the filled text is longer than ${max} characters`, 132005);
  return filled;
}

function valueOf(parameter: Fields): string {
  if (parameter.type === 'text') return text(parameter.text, "parameters['text']", 32_768);
  const path = `parameters['${parameter.type as string}']`;
  return text(fields(parameter[parameter.type as string], path).fallback_value, `${path}['fallback_value']`, 1024);
}

function checkMediaHeader(type: string, parameters: Fields[], mimeType: (mediaId: string) => string | undefined): void {
  if (parameters.length !== 1) refuse(`header: number of localizable_params (${parameters.length}) does not match (1)`, 132000);
  const [parameter] = parameters as [Fields];
  if (parameter.type !== type) refuse(`header: Format mismatch, expected ${type}, received ${String(parameter.type)}`, 132012);
  const { id } = fields(parameter[type], `parameters['${type}']`);
  if (typeof id !== 'string' || type === 'location') return;
  const found = mimeType(id);
  if (!found) refuse(`Param parameters['${type}']['id'] is not a valid whatsapp business account media attachment ID`);
  if (!MIME_TYPES[type as 'image'].test(found)) refuse(`header: ${found} cannot be sent as ${type}`, 131053);
}

function checkButtons(buttons: TemplateButton[], parts: Part[]): void {
  const given = parts.filter(({ type }) => type === 'button');
  for (const { subType, index, parameters } of given) {
    const button = buttons[index!];
    if (!button || button.type.toLowerCase() !== subType)
      refuse(`buttons: button at index ${index} is not of type ${subType}`, 132012);
    if (button.type === 'URL') text(parameters[0]?.text, `buttons[${index}]['text']`, 2000);
    if (button.type === 'QUICK_REPLY') text(parameters[0]?.payload, `buttons[${index}]['payload']`, 256);
  }
  for (const [index, button] of buttons.entries()) {
    const wanted = (button.type === 'URL' && variables(button.url).length > 0) || button.type === 'COPY_CODE';
    if (wanted && !given.some((part) => part.index === index))
      refuse(`buttons: button at index ${index} requires a parameter`, 131008);
  }
}

const VARIABLE = /\{\{\s*(\w+)\s*\}\}/g;
const variables = (template: string | undefined): string[] => [
  ...new Set([...(template ?? '').matchAll(VARIABLE)].map(([, name]) => name!)),
];
const cursorOf = (template: GraphTemplate): string => Buffer.from(template.id).toString('base64url');

function assertMetaTakes({ name, components }: GraphTemplate): void {
  try {
    if (!/^[a-z0-9_]{1,512}$/.test(name)) refuse(`name ${name}: only a-z, 0-9 and _`);
    for (const { type, format = 'TEXT', text: words, buttons } of components) {
      if (type === 'BODY') text(words, 'body', 1024);
      if (type === 'FOOTER') text(words, 'footer', 60);
      if (type === 'HEADER' && format === 'TEXT') text(words, 'header', 60);
      if (type === 'HEADER' && variables(words).length > 1) refuse('header: one variable at most');
      if (type === 'BUTTONS') list(buttons, 'buttons', 1, 10);
    }
  } catch (error) {
    if (error instanceof GraphError)
      throw new Error(`Meta would not take template ${name}: ${error.failure.details}`, { cause: error });
    throw error;
  }
}
