import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, until } from '@soko/testing';
import { expect, onTestFinished, test } from 'vitest';

const OPS = { email: 'ops@soko.local', password: 'soko-ops-2026' };
const DEMO = { email: 'demo@soko.local', password: 'soko-demo-2026' };

interface Run {
  child: ChildProcess;
  output(): string;
  /** Exit code, once all output has been read. */
  ended: Promise<number | null>;
}

/** A command of the README, in the environment of somebody who has nothing but Node. */
function run(script: string, env: Record<string, string>): Run {
  const child = spawn(process.execPath, [`scripts/${script}.mjs`], { env: { PATH: process.env.PATH, ...env }, stdio: 'pipe' });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { child, output: () => text, ended };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'soko-launcher-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits for the table at the end of the start-up. */
async function started(start: Run): Promise<void> {
  await until(
    'the table',
    () => {
      if (start.child.exitCode !== null) throw new Error(start.output());
      return start.output().includes('Demo login');
    },
    90_000,
  );
}

/** Processes that carry this data folder in their command or environment, other than the given one. */
async function leftBehind(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const text = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (text.join('').includes(dataDir) || cwd.startsWith(dataDir)) found.push(`${pid} ${text[0]!.replaceAll('\0', ' ')}`);
  }
  return found;
}

test('npm start ends in one table, stops on a signal leaving nothing behind, and a second start keeps the data', async () => {
  const [dataDir, port] = [await folder(), await freePort()];
  const env = { SOKO_DATA_DIR: dataDir, PORT: String(port) };
  const url = `http://127.0.0.1:${port}`;
  const first = run('start', env);
  await started(first);
  for (const line of [
    `http://localhost:${port}/simulator`,
    `http://localhost:${port}/docs`,
    `${DEMO.email} / ${DEMO.password}`,
    `${OPS.email} / ${OPS.password}`,
  ]) {
    expect(first.output()).toContain(line);
  }
  const before = await new ApiClient(url).ok<{ merchant: { id: string } }>('POST', '/api/auth/login', DEMO);
  expect((await leftBehind(dataDir)).length).toBeGreaterThanOrEqual(4);
  const { accessToken } = await new ApiClient(url).ok<{ accessToken: string }>('POST', '/api/auth/login', OPS);
  expect(await new ApiClient(url, accessToken).ok('GET', '/api/admin/queues')).toContainEqual(
    expect.objectContaining({ name: 'order_processing', failed: 0 }),
  );

  const stoppedAt = performance.now();
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
  expect(performance.now() - stoppedAt).toBeLessThan(10_000);
  expect(await leftBehind(dataDir)).toEqual([]);

  const second = run('start', env);
  await started(second);
  const after = await new ApiClient(url).ok<{ merchant: { id: string } }>('POST', '/api/auth/login', DEMO);
  expect(after.merchant.id).toBe(before.merchant.id);
});

test('after a supervisor that was killed, nothing is deaf or doubled: its processes go, and the next start takes the data over', async () => {
  const [dataDir, port] = [await folder(), await freePort()];
  const env = { SOKO_DATA_DIR: dataDir, PORT: String(port) };
  const api = new ApiClient(`http://127.0.0.1:${port}`);
  const killed = run('start', env);
  await started(killed);
  const before = await api.ok<{ merchant: { id: string } }>('POST', '/api/auth/login', DEMO);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await until('the apps’ end', async () => (await leftBehind(dataDir)).every((line) => !line.includes('dist/apps/')));
  const next = run('start', env);
  await started(next);
  const after = await api.ok<{ merchant: { id: string } }>('POST', '/api/auth/login', DEMO);
  expect(after.merchant.id).toBe(before.merchant.id);
});

test.each([
  ['a port that is no number', { PORT: 'http' }, /^PORT must be a number/],
  ['no key in production', { NODE_ENV: 'production' }, /^Setting ENCRYPTION_KEYS: .*make one with/],
  ['a setting that is wrong', { GATEWAY_SHARDS: 'many' }, /^Setting GATEWAY_SHARDS: /],
  [
    'a login for no database',
    { DATABASE_URL: 'mysql://localhost/soko' },
    /^Setting DATABASE_URL: DATABASE_URL must look like postgres:/,
  ],
])('%s is one line that says what to do', async (_, env: Record<string, string>, line) => {
  const start = run('start', { SOKO_DATA_DIR: await folder(), PORT: String(await freePort()), ...env });
  expect(await start.ended).toBe(1);
  expect(start.output().trim()).toMatch(line);
  expect(start.output().trim().split('\n')).toHaveLength(1);
});

test('a taken port, a running stack and an unusable data folder are one line each', async () => {
  const dataDir = await folder();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as { port: number };
  const file = join(dataDir, 'a-file');
  await writeFile(file, '');
  const refusals: [Record<string, string>, RegExp][] = [
    [{ SOKO_DATA_DIR: dataDir, PORT: String(port) }, new RegExp(`${port}.*PORT`)],
    [{ SOKO_DATA_DIR: file, PORT: String(await freePort()) }, /SOKO_DATA_DIR/],
  ];
  for (const [env, line] of refusals) {
    const start = run('start', env);
    expect(await start.ended).toBe(1);
    expect(start.output().trim()).toMatch(line);
    expect(start.output().trim().split('\n')).toHaveLength(1);
  }
});

test('npm run demo plays the story on a stack of its own, and says why when it cannot', async () => {
  const env = { SOKO_DATA_DIR: await folder(), PORT: String(await freePort()) };
  const demo = run('demo', env);
  expect(await demo.ended, demo.output()).toBe(0);
  for (const part of [
    'taps "Confirm"',
    'is confirmed',
    'the last one is reserved for half an hour, 0 left',
    'Pocket radio has sold out',
    'is delivered, 0 in stock',
    'has gone back to you',
    'payment_refunded, signature verified',
    'whole story took',
  ]) {
    expect(demo.output()).toContain(part);
  }
  const without = run('demo', { ...env, SIMULATOR_ENABLED: 'false' });
  expect(await without.ended).toBe(1);
  expect(without.output()).toMatch(/The demo failed: .*SIMULATOR_ENABLED=true/);
});
