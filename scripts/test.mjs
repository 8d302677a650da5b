// @ts-check
// `npm test`: sets itself up, checks everything, and ends with `N passed, N failed`.
// `npm test -- integration e2e` runs parts of it: static, unit, integration, e2e.
import { nodeWillDo } from './node-version.mjs';

if (nodeWillDo()) {
  const { runTests } = await import('./testing/run.mjs');
  process.exitCode = await runTests(process.argv.slice(2));
} else {
  process.exitCode = 1;
}
