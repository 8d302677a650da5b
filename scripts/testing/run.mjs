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
  'webhooks-chaos',
  'media',
  'media-story',
  'templates',
  'deliveries',
  'orders-chaos',
  'staff',
  'broadcasts',
  'client',
  'inbound-webhooks',
  'metrics',
  'webhooks',
  'realtime',
];

/** One check a line: what it is called, and the command. */
const STATIC = /** @type {const} */ ([
  ['lint', bin('oxlint'), ['--type-aware']],
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
  ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
  ['import rules', bin('depcruise'), ['apps', 'libs']],
  [
    'docs/openapi.json, docs/event-types.md',
    process.execPath,
    [join(ROOT, 'dist/apps/api/src/openapi/openapi.cli.js'), '--check'],
  ],
  ['packages/client/src/api.ts', process.execPath, [join(ROOT, 'scripts/client.mjs'), '--check']],
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

/** More failed files than this are no accident: they are not tried again. */
const MOST_AGAIN = 6;

/**
 * The tests of `projects`. A few files that fail are run once more, alone: what passes then had too little of the machine the first
 * time, or is a race. It counts as passed, and is named at the end, to be mended.
 * @param {string[]} projects @param {string[]} [files] all of them when left out @returns {Promise<Count>}
 */
async function runVitest(projects, files = []) {
  const first = await vitest(projects, files);
  const failed = first.files.filter((file) => file.status === 'failed');
  if (failed.length === 0 || failed.length > MOST_AGAIN) return told(first);
  for (const line of failures(failed)) console.log(line.replace('✗', '↻'));
  const names = failed.map(({ name }) => relative(ROOT, name));
  console.log(`↻ once more, alone: ${names.join(', ')}`);
  const second = await vitest(projects, names, ['--no-file-parallelism']);
  for (const { name } of failed.filter(
    (file) => !second.files.some((again) => again.name === file.name && again.status === 'failed'),
  ))
    console.log(`↻ ${relative(ROOT, name)} failed once and passed alone: it is not steady`);
  // The second run of a file stands for it; an error outside of any test is no file's, and stays.
  const rest = first.files.filter((file) => !failed.includes(file));
  return told({ broken: first.broken || second.broken, files: [...rest, ...second.files] });
}

/**
 * @typedef {{ name: string, status: string, message?: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }} TestFile
 * @typedef {{ broken: boolean, files: TestFile[] }} Outcome `broken`: it ended badly though no file failed, or ran nothing
 */

/** @param {string[]} projects @param {string[]} files @param {string[]} options @returns {Promise<Outcome>} */
async function vitest(projects, files, options = []) {
  const folder = await mkdtemp(join(tmpdir(), 'soko-results-'));
  const file = join(folder, 'results.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const args = ['run', ...reporters, ...options, ...projects.flatMap((p) => ['--project', p]), ...files];
    const { code } = await run(bin('vitest'), args, 'inherit');
    /** @type {{ testResults?: TestFile[] }} */
    const { testResults = [] } = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
    const broken = testResults.length === 0 || (code !== 0 && testResults.every(({ status }) => status !== 'failed'));
    if (broken) console.log(`✗ vitest ended with ${code}, and no test has failed: look for "Unhandled Errors" above`);
    return { broken, files: testResults };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Says what failed, and counts. @param {Outcome} outcome @returns {Count} */
function told({ broken, files }) {
  for (const line of failures(files)) console.log(line);
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const count = (/** @type {string[]} */ ...wanted) => tests.filter(({ status }) => wanted.includes(status)).length;
  // A file that cannot even be loaded has no failed test and is a failure all the same.
  const unloaded = files.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  return {
    passed: count('passed'),
    failed: count('failed') + unloaded.length + (broken ? 1 : 0),
    skipped: count('skipped', 'pending', 'todo', 'disabled'),
  };
}

/**
 * Each failed test and why, once more at the very end, where whoever has only the last lines finds them.
 * @param {TestFile[]} files @returns {string[]}
 */
function failures(files) {
  return files.flatMap(({ name, message, status, assertionResults }) => {
    const file = relative(ROOT, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [`✗ ${file}: ${message?.slice(0, 1_000) ?? ''}`] : [];
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
