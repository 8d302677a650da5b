import { TemplateVariablesError } from './templates.errors.js';

export interface TemplateText {
  header?: string;
  body: string;
  footer?: string;
}
export type Variables = Record<string, string | number>;

const HOLE = /\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}/g;

/** The names between `{{ }}` of a text, each once. */
export const holes = (text: string): string[] => [...new Set([...text.matchAll(HOLE)].map((match) => match[1]!))];

/**
 * The text with every `{{name}}` filled. Values go in as they are, in one pass: a value that looks like a variable stays text.
 * @throws TemplateVariablesError naming every variable that is missing; nothing is ever sent with a hole.
 */
export function render(template: TemplateText, variables: Variables): string {
  const text = [template.header, template.body, template.footer].filter(Boolean).join('\n\n');
  // Own values only: every object has a `constructor`. Variables come from JSON, so null is possible whatever the type says.
  const missing = holes(text).filter((name) => !Object.hasOwn(variables, name) || (variables[name] ?? null) === null);
  if (missing.length > 0) throw new TemplateVariablesError(missing);
  return text.replace(HOLE, (_, name: string) => String(variables[name]));
}
