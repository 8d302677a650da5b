import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '@soko/config';
import { createLogger, Metrics } from '@soko/observability';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { PlatformMetrics } from './platform-metrics.js';

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

const read = (path: string): string => readFileSync(join(projectRoot(), path), 'utf8');
const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** What is asked of the stores is not asked here: only what there is. */
const never = (): never => {
  throw new Error('nothing is collected here');
};
const metrics = new Metrics('api');
metrics.watchProcess();
const platform = new PlatformMetrics(
  metrics,
  { query: never } as never,
  { list: never } as never,
  { counts: never } as never,
  createLogger('test', 'silent'),
);
const known = new Set(
  metrics.registry
    .getMetricsAsArray()
    .flatMap(({ name }) => [name, `${name}_count`, `${name}_sum`, `${name}_bucket`])
    .concat('up'),
);
/** Names that stand before labels or an operator: not functions, not labels, not words in quotes. */
const namesIn = (expr: string): string[] => [
  ...new Set(expr.replaceAll(/"[^"]*"/g, '""').match(/\b(?:soko|nodejs|process|http)_\w+|\bup\b/g) ?? []),
];

test('every metric that an alert rule names is one that is told', () => {
  const unknown = rules.flatMap(({ alert, expr }) =>
    namesIn(expr)
      .filter((name) => !known.has(name))
      .map((name) => `${alert}: ${name}`),
  );
  expect(unknown).toEqual([]);
  for (const { alert, expr } of rules) expect(namesIn(expr), alert).not.toEqual([]);
  expect(platform).toBeInstanceOf(PlatformMetrics);
});

test('each rule waits, has a severity, and says what is wrong and what to do', () => {
  expect(rules.map(({ alert }) => alert)).toEqual(
    expect.arrayContaining(['SokoDeadLetters', 'SokoOutboxLag', 'SokoQueueDepth', 'SokoChannelDown', 'SokoScrapeMissing']),
  );
  for (const rule of rules) {
    expect(rule.for, rule.alert).toMatch(/^\d+m$/);
    expect(['warning', 'critical'], rule.alert).toContain(rule.labels.severity);
    expect(rule.annotations.summary.length, rule.alert).toBeGreaterThan(10);
    expect(rule.annotations.description.length, rule.alert).toBeGreaterThan(10);
  }
});

test('the page for operators has each rule and each metric of ours', () => {
  const page = read('docs/operations.md');
  for (const { alert } of rules) expect(page).toContain(`\`${alert}\``);
  const ours = metrics.registry.getMetricsAsArray().map(({ name }) => name);
  expect(ours.filter((name) => name.startsWith('soko_') && !page.includes(`\`${name}\``))).toEqual([]);
});

test('no metric is told by merchant', async () => {
  const labels = metrics.registry
    .getMetricsAsArray()
    .flatMap((metric) => (metric as unknown as { labelNames?: string[] }).labelNames ?? []);
  expect(labels).toContain('queue');
  expect(labels.filter((label) => /merchant|channel_?id|chat/i.test(label))).toEqual([]);
});
