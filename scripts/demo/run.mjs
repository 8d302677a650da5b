// @ts-check
import { Problem } from '../launcher/problem.mjs';
import { dataDirFrom } from '../launcher/paths.mjs';
import { loadDotEnv } from '../launcher/settings.mjs';
import { ensureBuilt, ensureInstalled } from '../preflight.mjs';
import { seedDemo } from '../seed.mjs';
import { findStack, startStack } from '../stack.mjs';

/** @returns {Promise<number>} the exit code */
export async function runDemo() {
  /** @type {(() => Promise<void>) | undefined} */
  let stop;
  try {
    loadDotEnv();
    await ensureInstalled();
    await ensureBuilt();
    const dataDir = dataDirFrom(process.env.SOKO_DATA_DIR);
    let url = (await findStack(dataDir))?.url;
    if (url) {
      console.log(`Playing on the stack that runs at ${url}`);
    } else {
      console.log('No stack is running here: starting one for the demo');
      const stack = await startStack({ log: () => undefined, seed: false });
      stop = stack.stop;
      url = stack.url;
    }
    const { accessToken } = await seedDemo(url, dataDir);
    // Needs an installed package, and so comes after the install.
    const { playStory } = await import('./story.mjs');
    const phone = await playStory(url, accessToken);
    if (!stop) console.log(`See it at ${url}/simulator: the phone is ${phone}.`);
    return 0;
  } catch (error) {
    const { message, detail = '', stack } = /** @type {Error & { detail?: string }} */ (error);
    if (detail) console.error(detail);
    console.error(`\nThe demo failed: ${error instanceof Problem ? message : stack}`);
    return 1;
  } finally {
    await stop?.();
  }
}
