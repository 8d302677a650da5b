import type { FieldError } from '@soko/common';
import { counterpartLimits } from './cloud-counterpart.js';
import type { TemplateSource } from './template-content.js';
import { tryRender, type TemplateValues, usedVariables } from './template-render.js';
import { formatValue, type TemplateLocale } from './value-format.js';

/** `problems` keep a template from being saved, `warnings` do not. Paths are `content.buttons.0.title` or `variables.0`. */
export interface TemplateCheck {
  problems: FieldError[];
  warnings: FieldError[];
}

/**
 * Whether a parsed template can be sent: holes, limits and repeated titles, with the longest values that its examples and defaults let
 * expect, and with the examples and the defaults themselves, which may be alike where the longest are not.
 */
export function checkTemplate(source: TemplateSource, locale: TemplateLocale): TemplateCheck {
  const { variables } = source;
  const valuesOf = (value: (variable: TemplateSource['variables'][number]) => string): TemplateValues =>
    Object.fromEntries(variables.map((variable) => [variable.name, value(variable)]));
  const faults = [
    valuesOf((variable) => longest(variable, locale)),
    valuesOf(({ example }) => example),
    valuesOf((variable) => variable.default ?? variable.example),
  ].flatMap((values) => {
    const { cloud, faults: found } = tryRender(source, values, locale);
    return [...found, ...(cloud ? counterpartLimits(cloud) : [])];
  });
  const problems = new Map<string, FieldError>();
  for (const fault of faults) {
    const key = `${fault.path} ${fault.code === 'undeclared' ? fault.message : fault.code}`;
    if (!problems.has(key)) problems.set(key, inVariables(fault, source));
  }
  const used = usedVariables(source);
  const warnings = variables.flatMap(({ name }, at) =>
    used.includes(name) ? [] : [{ path: `variables.${at}`, code: 'unused', message: `${name} is used nowhere in the template` }],
  );
  return { problems: [...problems.values()], warnings };
}

function longest(variable: TemplateSource['variables'][number], locale: TemplateLocale): string {
  const { example, default: fallback = example } = variable;
  const length = (value: string) => formatValue(variable, value, locale).length;
  return length(fallback) > length(example) ? fallback : example;
}

/** The fault of a value, which here is an example or a default, under the path of its variable. */
function inVariables(fault: FieldError, { variables }: TemplateSource): FieldError {
  const at = variables.findIndex(({ name }) => fault.path === `variables.${name}`);
  return at < 0 ? fault : { ...fault, path: `variables.${at}` };
}
