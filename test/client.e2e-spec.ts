import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStack, type TestStack } from './support/stack.js';

/* packages/client as a partner has it: packed, installed into a folder of its own, compiled against its types, and run. */

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

const PROGRAM = `
import { createServer } from 'node:http';
import { createClient, SokoError, unwrap, verifyWebhook, WebhookVerificationError, type WebhookEvent } from 'soko-client';

const baseUrl = process.argv[2]!;
const email = process.argv[3]!;
const person = { email, password: 'correct-horse', name: 'Rudo' };
const session = unwrap(await createClient({ baseUrl }).POST('/api/auth/register', { body: { ...person, merchant: { name: 'Shop' } } }));
const soko = createClient({ baseUrl, token: session.accessToken });

let secret = '';
const seen: WebhookEvent[] = [];
let forged = '';
const arrived = new Promise<void>((resolve) => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      seen.push(verifyWebhook(body, request.headers, secret));
      try {
        verifyWebhook(body + ' ', request.headers, secret);
      } catch (error) {
        forged = (error as WebhookVerificationError).code;
      }
      response.writeHead(204).end();
      // That it was made, and that it was changed, in whatever order.
      if (seen.length < 2) return;
      server.close();
      resolve();
    });
  });
  server.listen(0, '127.0.0.1', () => void subscribe((server.address() as { port: number }).port));
});

async function subscribe(port: number): Promise<void> {
  const url = 'http://127.0.0.1:' + port + '/hooks';
  secret = unwrap(await soko.POST('/api/webhooks', { body: { url, events: ['product_updated'] } })).secret;
  const price = { amount: 1250, currency: 'USD' };
  const product = unwrap(await soko.POST('/api/products', { body: { sku: 'MAIZE-10', name: 'Maize meal', price, stock: 3 } }));
  unwrap(await soko.PATCH('/api/products/{id}', { params: { path: { id: product.id } }, body: { name: 'Maize' } }));
}
await arrived;

const refused = await soko.GET('/api/products/{id}', { params: { path: { id: session.merchant.id } } }).then(unwrap).catch((error: SokoError) => error);
const { data: types } = unwrap(await soko.GET('/api/event-types'));
console.log(JSON.stringify({ seen, forged, refused: { ...(refused as SokoError) }, types }));

// What the types are for: none of these compiles.
export async function mistakes(): Promise<void> {
  // @ts-expect-error no such path
  await soko.GET('/api/product');
  // @ts-expect-error no price
  await soko.POST('/api/products', { body: { sku: 'A', name: 'A', stock: 1 } });
  // @ts-expect-error an amount is a number
  await soko.PATCH('/api/products/{id}', { params: { path: { id: '1' } }, body: { price: { amount: '1', currency: 'USD' } } });
  // @ts-expect-error no field of a product
  console.log((await soko.GET('/api/products/{id}', { params: { path: { id: '1' } } })).data?.colour);
}
`;

let env: TestStack;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soko-client-'));
  env = await startTestStack();
});
afterAll(async () => {
  await env?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The tarball's files where npm would put them; what it depends on is linked, for that there may be no network. */
async function install(): Promise<string[]> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: join(ROOT, 'packages/client') });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string; files: { path: string }[] }];
  const home = join(folder, 'node_modules/soko-client');
  await mkdir(home, { recursive: true });
  await run('tar', ['-xzf', join(folder, packed.filename), '-C', home, '--strip-components=1']);
  const { dependencies } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { dependencies: object };
  for (const name of [...Object.keys(dependencies), 'openapi-typescript-helpers', '@types'])
    await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  return packed.files.map(({ path }) => path);
}

test('a partner installs the client, sells, and is told of it by a webhook whose signature holds', async () => {
  const files = await install();
  expect(files).toEqual(
    expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'dist/api.d.ts']),
  );
  expect(files.filter((file) => !/^(package\.json|README\.md|LICENSE|dist\/\w+(\.d\.ts|\.js))$/.test(file))).toEqual([]);

  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'partner.ts'), PROGRAM);
  const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--types', 'node', 'partner.ts'];
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options], { cwd: folder }).catch(
    (error: { stdout: string }) => {
      throw new Error(error.stdout);
    },
  );

  const { stdout } = await run(process.execPath, ['partner.js', env.baseUrl, 'partner@example.com'], {
    cwd: folder,
    timeout: 60_000,
  });
  const told = JSON.parse(stdout) as {
    seen: { type: string; data: { sku: string } }[];
    forged: string;
    refused: object;
    types: { type: string; version: number; schema: object; example: object }[];
  };
  const updated = expect.objectContaining({ type: 'product_updated', data: expect.objectContaining({ sku: 'MAIZE-10' }) });
  expect(told.seen).toEqual([updated, updated]);
  expect(told.forged).toBe('no_match');
  expect(told.refused).toMatchObject({ status: 404, problem: { code: 'product_not_found' } });

  // The catalogue is right about what came.
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  formats.default(ajv);
  for (const { type, schema, example } of told.types) expect([type, ajv.validate(schema, example)]).toEqual([type, true]);
  const { schema } = told.types.find(({ type }) => type === 'product_updated')!;
  for (const event of told.seen) expect(ajv.validate(schema, event), JSON.stringify(ajv.errors)).toBe(true);
});
