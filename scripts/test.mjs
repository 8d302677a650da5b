// @ts-check
// `npm test`: sets itself up, checks everything, and ends with `N passed, N failed`.
// `npm test -- static unit` runs parts of it: static, unit, integration, e2e; or `queues`, which is what depends on the queue store.
import { nodeWillDo } from './node-version.mjs';

if (nodeWillDo()) {
  const { runTests } = await import('./testing/run.mjs');
  process.exitCode = await runTests(process.argv.slice(2));
} else {
  process.exitCode = 1;
}
