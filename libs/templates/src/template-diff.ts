import type { TemplateSource } from './template-content.js';

/** One text or number that differs between two versions: `before` is missing when it was added, `after` when it was taken out. */
export interface TemplateChange {
  /** `content.buttons.0.title`, by place, for the order is shown; `variables.total.example`, by name. */
  path: string;
  before?: unknown;
  after?: unknown;
}

type Version = Pick<TemplateSource, 'content' | 'variables'>;

/** What changed from `before` to `after`: content, then variables, each by path. The order of variables is no change. */
export function diffTemplates(before: Version, after: Version): TemplateChange[] {
  const old = leavesOf(before);
  const current = leavesOf(after);
  return [...new Set([...old.keys(), ...current.keys()])]
    .filter((path) => old.get(path) !== current.get(path))
    .toSorted(byPath)
    .map((path) => ({
      path,
      ...(old.has(path) && { before: old.get(path) }),
      ...(current.has(path) && { after: current.get(path) }),
    }));
}

/** jsonb keeps no order of fields, so that theirs cannot be the order of changes; place 2 comes before place 10. */
const collator = new Intl.Collator('en', { numeric: true });
const byPath = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : 1);

function leavesOf({ content, variables }: Version): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, each] of Object.entries(value)) walk(each, `${path}.${key}`);
    } else if (value !== undefined) leaves.set(path, value);
  };
  walk(content, 'content');
  for (const { name, ...rest } of variables) walk(rest, `variables.${name}`);
  return leaves;
}
