// @ts-check
// `npm run demo`: the whole story, against a running stack or one that it starts for itself.
import { nodeWillDo } from './node-version.mjs';

if (nodeWillDo()) {
  const { runDemo } = await import('./demo/run.mjs');
  process.exit(await runDemo());
} else {
  process.exitCode = 1;
}
