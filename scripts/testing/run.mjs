// @ts-check
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { ROOT } from '../launcher/paths.mjs';
import { Problem } from '../launcher/problem.mjs';
import { ensureBuilt, ensureInstalled } from '../preflight.mjs';

const PROJECTS = ['unit', 'integration', 'e2e'];
const PARTS = ['static', ...PROJECTS, 'queues'];
const bin = (/** @type {string} */ name) => join(ROOT, 'node_modules', '.bin', name);

/** An integration test that looks into a queue, serves one, or counts in what may be Redis. */
const ASKS_THE_QUEUES = /serves:|alarms|\bqueue\(|QueueInspector|Limiter|REDIS_URL/;
/** End to end, and yet the same whatever the queues are kept in: the launcher has its own, others ask the api alone. */
const SAME_ON_ANY_STORE = [
  'launcher',
  'commands',
  'swagger-page',
  'simulator-page',
  'every-endpoint',
  'fuzz',
  'http',
  'tenants',
  'idempotency',
  'two-apis',
  // What they are about lies in other tables; what a killed process does to a queue, `chaos` shows.
  'cloud-deliveries',
  'web-chaos',
  'web-gateways',
  'media',
  'media-story',
  'templates',
  'deliveries',
  'orders-chaos',
  'staff',
  'broadcasts',
  'realtime',
];

/** One check a line: what it is called, and the command. */
const STATIC = /** @type {const} */ ([
  ['lint', bin('oxlint'), ['--type-aware']],
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
  ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
  ['import rules', bin('depcruise'), ['apps', 'libs']],
  ['docs/openapi.json', process.execPath, [join(ROOT, 'dist/apps/api/src/openapi/openapi.cli.js'), '--check']],
]);

/** @param {string[]} wanted parts; all of them when empty @returns {Promise<number>} the exit code */
export async function runTests(wanted) {
  const unknown = wanted.filter((part) => !PARTS.includes(part));
  if (unknown.length > 0) {
    console.error(`There is no part ${unknown.join(', ')}: choose among ${PARTS.join(', ')}`);
    return 1;
  }
  const parts = wanted.length > 0 ? wanted : ['static', ...PROJECTS];
  try {
    await ensureInstalled();
    await ensureBuilt();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.detail) console.error(error.detail);
    console.error(error.message);
    console.log('0 passed, 1 failed');
    return 1;
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (parts.includes('static')) add(total, await runStatic());
  const projects = PROJECTS.filter((project) => parts.includes(project));
  if (projects.length > 0) add(total, await runVitest(projects));
  if (parts.includes('queues')) add(total, await runVitest(['integration', 'e2e'], await testsOfQueues()));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed === 0 ? 0 : 1;
}

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** @param {Count} total @param {Count} more */
function add(total, more) {
  total.passed += more.passed;
  total.failed += more.failed;
  total.skipped += more.skipped;
}

/** @returns {Promise<Count>} */
async function runStatic() {
  const results = await Promise.all(STATIC.map(async ([name, command, args]) => ({ name, ...(await run(command, args)) })));
  for (const { name, code, output } of results) {
    console.log(`${code === 0 ? '✓' : '✗'} ${name}`);
    if (code !== 0) console.log(output);
  }
  const failed = results.filter((result) => result.code !== 0).length;
  return { passed: results.length - failed, failed, skipped: 0 };
}

/** The tests whose outcome may depend on where the queues are kept, as files. @returns {Promise<string[]>} */
async function testsOfQueues() {
  const folders = ['libs', 'apps', 'test'].map((folder) => readdir(join(ROOT, folder), { recursive: true, withFileTypes: true }));
  const files = (await Promise.all(folders)).flat().map(({ parentPath, name }) => join(parentPath, name));
  const endToEnd = files.filter(
    (file) => file.endsWith('.e2e-spec.ts') && !SAME_ON_ANY_STORE.includes(basename(file, '.e2e-spec.ts')),
  );
  const integration = files.filter((file) => file.endsWith('.int-spec.ts'));
  const asking = await Promise.all(integration.map(async (file) => ASKS_THE_QUEUES.test(await readFile(file, 'utf8'))));
  return [...integration.filter((_, index) => asking[index]), ...endToEnd].map((file) => relative(ROOT, file));
}

/** @param {string[]} projects @param {string[]} [files] all of them when left out @returns {Promise<Count>} */
async function runVitest(projects, files = []) {
  const folder = await mkdtemp(join(tmpdir(), 'soko-results-'));
  const file = join(folder, 'results.json');
  try {
    const args = [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...projects.flatMap((p) => ['--project', p]),
      ...files,
    ];
    const { code } = await run(bin('vitest'), args, 'inherit');
    const result = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
    for (const line of failures(result)) console.log(line);
    const passed = result.numPassedTests ?? 0;
    const failed = result.numFailedTests ?? 0;
    // A file that cannot even be loaded, or a run without a test, has no failed test and is a failure all the same.
    const broken = code !== 0 && failed === 0 ? 1 : passed === 0 ? 1 : 0;
    return { passed, failed: failed + broken, skipped: result.numPendingTests ?? 0 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Each failed test and why, once more at the very end, where whoever has only the last lines finds them.
 * @param {{ testResults?: { name: string, message?: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }[] }} result
 * @returns {string[]}
 */
function failures({ testResults = [] }) {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const file = relative(ROOT, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return message ? [`✗ ${file}: ${message.slice(0, 1_000)}`] : [];
    return failed.map((test) => `✗ ${file} > ${test.fullName}: ${test.failureMessages?.join('\n').slice(0, 2_000) ?? ''}`);
  });
}

/** @param {string} command @param {readonly string[]} args @param {'pipe' | 'inherit'} [stdio] @returns {Promise<{ code: number | null, output: string }>} */
function run(command, args, stdio = 'pipe') {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', stdio, stdio] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
