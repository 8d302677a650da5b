// @ts-check
// `npm run bench:start`: what a newcomer waits for and what the stack holds, on a clone of HEAD with an empty home folder.
// Cold: nothing installed, nothing built. Beside it, as the bare baseline: `npm ci` alone in the same run.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REST_MS = 20_000;
const LIMITS = { coldS: 90, warmS: 8, residentMB: 600 };

const folder = await mkdtemp(join(tmpdir(), 'soko-bench-'));
const clone = join(folder, 'clone');
/** @type {import('node:net').AddressInfo} */
const address = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const found = /** @type {import('node:net').AddressInfo} */ (server.address());
    server.close(() => resolve(found));
  });
});
/** @param {string} home */
const environment = (home) => ({ PATH: process.env.PATH, HOME: join(folder, home), PORT: String(address.port) });

try {
  execFileSync('git', ['clone', '--quiet', ROOT, clone]);
  const bare = await timed(() => run('npm', ['ci'], environment('home-bare')));
  await rm(join(clone, 'node_modules'), { recursive: true });
  const cold = await timed(() => startStack('home'));
  await cold.result.stop();
  const warm = await timed(() => startStack('home'));
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  const memory = await residentMemory(warm.result.pid);
  await warm.result.stop();

  console.log(
    `cold start to ready        ${cold.seconds.toFixed(1)} s   (limit ${LIMITS.coldS} s; npm ci alone ${bare.seconds.toFixed(1)} s, ratio ${(cold.seconds / bare.seconds).toFixed(2)})`,
  );
  console.log(`warm start to ready        ${warm.seconds.toFixed(1)} s   (limit ${LIMITS.warmS} s)`);
  console.log(
    `resident at rest           ${memory.pss.toFixed(0)} MB  (limit ${LIMITS.residentMB} MB; each page once: proportional set size of api, bot-gateway, worker and PostgreSQL)`,
  );
  for (const [name, mb] of memory.apps) console.log(`  ${name.padEnd(24)} ${mb.toFixed(0)} MB`);
  console.log(`  ${`PostgreSQL, ${memory.servers} processes`.padEnd(24)} ${memory.postgres.toFixed(0)} MB`);
  console.log(
    `sum of resident set sizes  ${memory.rss.toFixed(0)} MB  (counts PostgreSQL's shared memory and the common code once per process)`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** @template T @param {() => Promise<T>} work @returns {Promise<{ result: T, seconds: number }>} */
async function timed(work) {
  const started = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - started) / 1000 };
}

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<void>} */
function run(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: clone, env, stdio: 'ignore' });
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')}: exit code ${code}`)),
    );
  });
}

/** Resolves when the table stands there. @param {string} home @returns {Promise<{ pid: number, stop: () => Promise<void> }>} */
async function startStack(home) {
  const child = spawn(process.execPath, ['scripts/start.mjs'], { cwd: clone, env: environment(home), stdio: 'pipe' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let output = '';
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        if (output.includes('Demo login')) resolve(undefined);
      });
    }
    child.once('close', () => reject(new Error(output)));
  });
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** MB of every process below the launcher, from /proc. @param {number} launcher */
async function residentMemory(launcher) {
  const apps = /** @type {[string, number][]} */ ([]);
  const total = { pss: 0, rss: 0, postgres: 0, servers: 0 };
  const parents = new Map();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isBelow = (/** @type {number} */ pid) => {
    for (let at = pid; at > 1; at = parents.get(at) ?? 0) if (at === launcher) return pid !== launcher;
    return false;
  };
  for (const pid of pids.filter(isBelow)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    const mb = (/** @type {string} */ field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) / 1024;
    const app = /dist\/apps\/([^/]+)/.exec(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))?.[1];
    total.pss += mb('Pss');
    total.rss += mb('Rss');
    if (app) apps.push([app, mb('Pss')]);
    else {
      total.postgres += mb('Pss');
      total.servers += 1;
    }
  }
  return { ...total, apps };
}
