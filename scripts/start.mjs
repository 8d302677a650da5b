// @ts-check
// `npm start`. The rest is imported only after the version check: an old Node shall see one clear line, not a SyntaxError.
import { nodeWillDo } from './node-version.mjs';

if (nodeWillDo()) {
  void import('./launcher/run.mjs').then((launcher) => launcher.run());
} else {
  process.exitCode = 1;
}
