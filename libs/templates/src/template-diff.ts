import type { TemplateSource } from './template-content.js';
import type { TemplateState } from './template.entity.js';

/** One text or number that differs between two versions: `before` is missing when it was added, `after` when it was taken out. */
export interface TemplateChange {
  /** `content.buttons.0.title`, by place, for the order is shown; `variables.total.example`, by name. */
  path: string;
  before?: unknown;
  after?: unknown;
}

type Version = Pick<TemplateSource | TemplateState, 'content' | 'variables'>;

/** What changed from `before` to `after`: content, then variables, each by path. The order of variables is no change. */
export const diffTemplates = (before: Version, after: Version): TemplateChange[] =>
  changesBetween(leavesOf(before), leavesOf(after));

type Leaves = Map<string, unknown>;

const changesBetween = (old: Leaves, current: Leaves): TemplateChange[] =>
  [...new Set([...old.keys(), ...current.keys()])]
    .filter((path) => old.get(path) !== current.get(path))
    .toSorted(byPath)
    .map((path) => ({
      path,
      ...(old.has(path) && { before: old.get(path) }),
      ...(current.has(path) && { after: current.get(path) }),
    }));

const FIELDS = ['name', 'language', 'type', 'category', 'status'] as const;

/** What changed between two states of a template: the fields of its own, the counterpart, then as `diffTemplates`. */
export function diffStates(before: TemplateState, after: TemplateState): TemplateChange[] {
  const fields = FIELDS.filter((field) => before[field] !== after[field]);
  return [
    ...fields.map((field) => ({ path: field, before: before[field], after: after[field] })),
    ...changesBetween(leavesBelow('cloud', before.cloud), leavesBelow('cloud', after.cloud)),
    ...diffTemplates(before, after),
  ];
}

/** jsonb keeps no order of fields, so that theirs cannot be the order of changes; place 2 comes before place 10. */
const collator = new Intl.Collator('en', { numeric: true });
const byPath = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : 1);

const leavesOf = ({ content, variables }: Version): Leaves =>
  new Map([
    ...leavesBelow('content', content),
    ...variables.flatMap(({ name, ...rest }) => [...leavesBelow(`variables.${name}`, rest)]),
  ]);

function leavesBelow(path: string, value: unknown): Leaves {
  const leaves: Leaves = new Map();
  const walk = (part: unknown, at: string): void => {
    if (typeof part === 'object' && part !== null) {
      for (const [key, each] of Object.entries(part)) walk(each, `${at}.${key}`);
    } else if (part !== undefined && part !== null) leaves.set(at, part);
  };
  walk(value, path);
  return leaves;
}
