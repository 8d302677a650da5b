// @ts-check
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled } from '../preflight.mjs';
import { alreadyRunning, findStack, startStack } from '../stack.mjs';
import { openDataDir } from './data-dir.mjs';
import { killAllNow } from './live.mjs';
import { lockHolder } from './lock.mjs';
import { prefixed } from './log-line.mjs';
import { assertPortFree } from './ports.mjs';
import { Problem } from './problem.mjs';
import { loadDotEnv, readSettings } from './settings.mjs';
import { readyTable } from './table.mjs';

/** One Ctrl-C comes twice when npm is above us: from the terminal and forwarded by npm. A second one by hand comes later than this. */
const SAME_KEYPRESS_MS = 500;
const PARENT_CHECK_MS = 250;
/** Everything is promised to be gone after 10 s. */
const STOP_DEADLINE_MS = 9_500;

/** @param {string} line */
const log = (line) => void (process.stdout.writable && process.stdout.write(`${line}\n`));

async function killAtOnce() {
  await killAllNow();
  process.exit(130);
}

/** `npm start`, from the checks to the end. */
export async function run() {
  const startedAt = Date.now() - process.uptime() * 1000;
  const colour = process.stdout.isTTY && !process.env.NO_COLOR;
  const abort = new AbortController();
  /** @param {string} line */
  const say = (line) => log(prefixed('soko', line, colour));
  const asked = untilAskedToStop(abort, say);
  try {
    await checksBeforeAnything();
    await ensureInstalled({ log: say, signal: abort.signal });
    await ensureBuilt({ log: say, signal: abort.signal });
    const stack = await startStack({ log, colour, signal: abort.signal });
    log(readyTable({ url: stack.url, seeded: stack.seeded, tookMs: Date.now() - startedAt }));
    await asked;
    await stack.stop();
    say('stopped');
    process.exit(0);
  } catch (error) {
    if (abort.signal.aborted) {
      say('stopped');
      process.exit(0);
    }
    report(/** @type {Error} */ (error));
    process.exit(1);
  }
}

/** The cheap reasons to refuse, before a minute of installing and building. */
async function checksBeforeAnything() {
  loadDotEnv();
  const { dataDir, port, host } = readSettings(process.env);
  await openDataDir(dataDir);
  const holder = await lockHolder(join(dataDir, 'stack.lock'));
  if (holder) throw alreadyRunning(dataDir, holder, await findStack(dataDir));
  await assertPortFree(port, host);
}

/** @param {AbortController} abort @param {(line: string) => void} say @returns {Promise<void>} */
function untilAskedToStop(abort, say) {
  return new Promise((resolve) => {
    let firstAt = 0;
    const onSignal = () => {
      if (!firstAt) {
        firstAt = Date.now();
        say('stopping (Ctrl-C again kills at once)');
        abort.abort(new Error('asked to stop'));
        resolve();
        setTimeout(() => void killAtOnce(), STOP_DEADLINE_MS).unref();
      } else if (Date.now() - firstAt > SAME_KEYPRESS_MS) {
        void killAtOnce();
      }
    };
    for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, onSignal);
    // npm passes SIGTERM on to the shell between us only, which dies of it and leaves us running.
    const parent = process.ppid;
    if (process.env.npm_lifecycle_event)
      setInterval(() => firstAt || process.ppid === parent || onSignal(), PARENT_CHECK_MS).unref();
    // Whoever read our lines is gone, as in `npm start | head`: stop in order, and count it as no second Ctrl-C.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => firstAt || onSignal());
  });
}

/** @param {Error} error */
function report(error) {
  if (!(error instanceof Problem)) return console.error(error);
  if (error.detail) console.error(error.detail);
  console.error(error.message);
}
