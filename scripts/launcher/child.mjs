// @ts-check
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { markGone, markLive } from './live.mjs';
import { ROOT } from './paths.mjs';
import { Problem } from './problem.mjs';
import { signalTo } from './processes.mjs';

const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 5_000;
/** A child that lived this long had a good start: its next failure is a new story. */
const GOOD_LIFE_MS = 30_000;
const KEPT_LINES = 40;

/** @typedef {{ name: string, entry: string, env: NodeJS.ProcessEnv, print: (line: string) => void, log: (line: string) => void }} ChildPlan */

/** One app, kept alive. */
export class SupervisedChild {
  /** How often it was started again after it had died. */
  restarts = 0;
  #backoff = FIRST_BACKOFF_MS;
  #everReady = false;
  #wanted = false;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  /** @type {Promise<void>} */
  #ended = Promise.resolve();
  #readiness = readiness();

  /** @param {ChildPlan} plan */
  constructor(plan) {
    this.plan = plan;
  }

  get name() {
    return this.plan.name;
  }

  /** Of the process now running; undefined between two lives. */
  get pid() {
    return this.#process?.pid;
  }

  /** Resolves when the present life serves; between two lives it is the next one's. Rejects when the child fails before it ever served, or is stopped. */
  get ready() {
    return this.#readiness.promise;
  }

  start() {
    if (this.#wanted) return this.ready;
    this.#wanted = true;
    this.#spawn();
    return this.ready;
  }

  /** Ends the present life; unless it was stop() that asked, another follows. @param {NodeJS.Signals} [signal] @returns {Promise<void>} when the process has ended */
  async kill(signal = 'SIGKILL') {
    if (this.pid) signalTo(this.pid, signal);
    await this.#ended;
  }

  /** Ends it for good: politely, then by force. */
  async stop(graceMs = 7_000) {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const pid = this.pid;
    if (pid) {
      signalTo(pid, 'SIGTERM');
      const forced = setTimeout(() => signalTo(-pid, 'SIGKILL') || signalTo(pid, 'SIGKILL'), graceMs);
      await this.#ended;
      clearTimeout(forced);
    }
    this.#readiness.reject(new Problem(`${this.name} was stopped`));
    this.#readiness = readiness();
  }

  #spawn() {
    const { entry, env, print } = this.plan;
    const startedAt = Date.now();
    // Detached, so that Ctrl-C at the terminal reaches the supervisor only. If that one is killed, the IPC channel closes, and the app ends itself.
    const child = spawn(process.execPath, [...nodeOptions(env), entry], {
      cwd: ROOT,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = child;
    if (child.pid) markLive(child.pid);
    let serves = false;
    /** Held back until it serves: when it never does, they are what to read. @type {string[]} */
    let held = [];
    if (child.stdout) createInterface({ input: child.stdout }).on('line', print);
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) =>
        serves ? print(line) : (held = [...held, line].slice(-KEPT_LINES)),
      );
    }
    child.on('message', (message) => {
      if (/** @type {{ type?: unknown } | null} */ (message)?.type !== 'ready') return;
      serves = true;
      this.#everReady = true;
      held.splice(0).forEach(print);
      this.#readiness.resolve();
    });
    child.on('error', (error) => held.push(error.message));
    this.#ended = new Promise((resolve) => {
      /** @param {string} how */
      const whenEnded = async (how) => {
        if (this.#process !== child) return;
        this.#process = undefined;
        if (child.pid) markGone(child.pid);
        if (serves) this.#readiness = readiness();
        const unasked = this.#wanted;
        resolve();
        // Its last words may still be in the pipe; a grandchild may hold the pipe open for ever.
        await Promise.race([new Promise((closed) => child.once('close', closed)), sleep(200)]);
        // Meanwhile it may have been stopped, or stopped and started.
        if (unasked && this.#wanted && !this.#process) this.#afterDeath(how, Date.now() - startedAt, held);
      };
      child.once('exit', (code, signal) => void whenEnded(signal ? `killed by ${signal}` : `exit code ${code}`));
      child.once('error', () => {
        if (!child.pid) void whenEnded('it cannot be run');
      });
    });
  }

  /** @param {string} how @param {number} livedMs @param {string[]} lastLines */
  #afterDeath(how, livedMs, lastLines) {
    if (!this.#everReady) {
      this.#wanted = false;
      this.#readiness.reject(
        new Problem(`${this.name} ended before it was ready (${how}): what it said is above`, lastLines.join('\n')),
      );
      return;
    }
    lastLines.forEach(this.plan.print);
    if (livedMs >= GOOD_LIFE_MS) this.#backoff = FIRST_BACKOFF_MS;
    this.plan.log(`${this.name} died (${how}): starting it again in ${this.#backoff} ms`);
    this.#timer = setTimeout(() => {
      this.restarts += 1;
      this.#spawn();
    }, this.#backoff);
    this.#backoff = Math.min(this.#backoff * 2, LONGEST_BACKOFF_MS);
  }
}

/**
 * On one machine with its database the apps are kept small, as far as it costs no speed: a quarter of Node’s space for young objects,
 * not less (bench:api halves with --optimize-for-size); source maps would cost each about 10 MB, and what the compiler writes
 * reads much like its source. A process on a machine of its own keeps Node's defaults. @param {NodeJS.ProcessEnv} env
 */
const nodeOptions = (env) => (env.SOKO_EMBEDDED === '1' ? ['--max-semi-space-size=4'] : ['--enable-source-maps']);

function readiness() {
  /** @type {{ resolve?: () => void, reject?: (error: Error) => void }} */
  const settle = {};
  /** @type {Promise<void>} */
  const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
  // Nobody need be waiting when it fails.
  promise.catch(() => undefined);
  return {
    promise,
    resolve: () => settle.resolve?.(),
    /** @param {Error} error */
    reject: (error) => settle.reject?.(error),
  };
}
