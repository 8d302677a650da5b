import { SCOPES } from '@soko/identity';
import { ApiClient } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiDocument, type Operation, pathOf, readDocument, type Schema } from './support/document.js';
import { addOps, idsOf, type Plot, plant, rowsOf } from './support/garden.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { StrictCaller } from './support/strict.js';

/** Walks the api's own document, so that an endpoint that is new tomorrow is held to all of this today. */
let env: TestStack;
let document: ApiDocument;
let mine: Plot;
let theirs: Plot;
let ops: ApiClient;

beforeAll(async () => {
  env = await startTestStack();
  document = await readDocument(env.baseUrl);
  [mine, theirs] = [await plant(env), await plant(env)];
  ops = await addOps(env);
});
afterAll(async () => {
  await Promise.all([mine?.receiver.close(), theirs?.receiver.close()]);
  await env?.stop();
});

const strict = new StrictCaller();
const call = strict.call.bind(strict);
const example = (operation: Operation): unknown => structuredClone(operation.body?.example);
/** Whoever may call the operation. Some of it ends the caller's session, which is why the owner is not asked to do that. */
const rightful = (operation: Operation): ApiClient => (operation.access === 'ops' ? ops : mine.client);
const endsSession = (operation: Operation): boolean => operation.id === 'auth_logout';

test('the document tells of every operation who may call it, and what it answers', () => {
  expect(document.operations.length).toBeGreaterThan(50);
  for (const { id, access, security, responses, method } of document.operations) {
    expect(access, id).toMatch(/^(public|member|owner|ops|[a-z]+:(read|write))$/);
    expect(security, id).toEqual(
      access === 'public' ? [] : access.includes(':') ? [{ bearer: [] }, { apiKey: [] }] : [{ bearer: [] }],
    );
    const contents = Object.values(responses).flatMap(({ content }) => Object.values(content ?? {}));
    expect(
      contents.filter((each) => (each.example ?? each.examples) === undefined),
      id,
    ).toEqual([]);
    expect(method === 'GET' && !responses[200]?.content, id).toBe(false);
  }
});

test('every field of every request is bounded', () => {
  const loose: string[] = [];
  for (const operation of document.operations) {
    const asked = [
      ...fields(operation.body?.schema),
      ...operation.parameters.filter((each) => each.in !== 'path').map(({ name, schema }) => ({ at: [name], schema })),
    ];
    for (const { at, schema } of asked) {
      const bounds: Record<string, boolean> = {
        string: Boolean(schema.enum ?? schema.format ?? schema.pattern) || schema.maxLength !== undefined,
        number: schema.minimum !== undefined && schema.maximum !== undefined,
        integer: schema.minimum !== undefined && schema.maximum !== undefined,
        array: schema.maxItems !== undefined,
      };
      if (bounds[schema.type ?? ''] === false) loose.push(`${operation.id} ${at.join('.')}`);
    }
  }
  expect(loose).toEqual([]);
});

test('without a token: 401, wherever a token is needed', async () => {
  const nobody = new ApiClient(env.baseUrl);
  for (const operation of document.operations.filter(({ access }) => access !== 'public')) {
    const answer = await call(nobody, operation, pathOf(operation), example(operation));
    expect([answer.status, answer.body.code], operation.id).toEqual([401, 'unauthenticated']);
    expect(answer.headers.get('www-authenticate'), operation.id).toBe('Bearer');
  }
});

test('with every scope but the right one, or the wrong role: 403', async () => {
  const keys = new Map<string, ApiClient>();
  for (const scope of SCOPES) keys.set(scope, await mine.key(SCOPES.filter((each) => each !== scope)));
  const all = await mine.key(SCOPES);
  for (const operation of document.operations.filter(({ access }) => access !== 'public')) {
    const { access } = operation;
    const wrong = access.includes(':') ? [keys.get(access)!] : [all];
    if (access.includes(':')) wrong.push(ops);
    if (access === 'owner') wrong.push(mine.agent, mine.driver, ops);
    if (access === 'ops') wrong.push(mine.client, mine.agent, mine.driver);
    for (const client of wrong) {
      const answer = await call(client, operation, pathOf(operation), example(operation));
      expect([answer.status, answer.body.code], operation.id).toEqual([403, 'forbidden']);
    }
  }
});

test('another merchant’s id, of whatever kind it is: 404, and nothing of theirs is touched', async () => {
  const before = await rowsOf(env, theirs.merchantId);
  const ids = await idsOf(env, theirs.merchantId);
  const withId = document.operations.filter(
    ({ access, parameters }) =>
      // What is public asks for a signature or a word instead: nobody's id is anybody's there.
      access !== 'ops' && access !== 'public' && parameters.some((each) => each.in === 'path' && each.schema.format === 'uuid'),
  );
  expect(withId.length).toBeGreaterThan(15);
  for (const operation of withId) {
    for (const [table, id] of ids) {
      const names = operation.parameters.filter((each) => each.schema.format === 'uuid').map((each) => each.name);
      const path = pathOf(operation, Object.fromEntries(names.map((name) => [name, id])));
      const answer = await call(mine.client, operation, path, example(operation));
      expect(answer.status, `${operation.id} with an id of ${table}: ${JSON.stringify(answer.body)}`).toBe(404);
    }
  }
  expect(await rowsOf(env, theirs.merchantId)).toEqual(before);
});

test('another merchant’s id inside a body or a query is refused too', async () => {
  const before = await rowsOf(env, theirs.merchantId);
  const ids = await idsOf(env, theirs.merchantId);
  let tried = 0;
  for (const operation of document.operations.filter(({ access }) => access !== 'ops')) {
    for (const path of fields(operation.body?.schema).filter(({ schema }) => schema.format === 'uuid')) {
      for (const id of ids.values()) {
        const answer = await call(mine.client, operation, pathOf(operation), replaced(operation, path.at, id));
        expect(answer.status, `${operation.id} ${path.at.join('.')}`).toBeGreaterThanOrEqual(400);
        tried += 1;
      }
    }
    for (const { name } of operation.parameters.filter((each) => each.in === 'query' && each.schema.format === 'uuid')) {
      for (const id of ids.values()) {
        const answer = await call(mine.client, operation, `${pathOf(operation)}?${name}=${id}`);
        expect(answer.status, `${operation.id} ?${name}`).toBe(404);
        tried += 1;
      }
    }
  }
  expect(tried).toBeGreaterThan(50);
  expect(await rowsOf(env, theirs.merchantId)).toEqual(before);
});

test('garbage in any field of a body: 4xx, never 5xx', async () => {
  for (const operation of document.operations.filter((each) => each.body)) {
    const client = rightful(operation);
    const path = pathOf(operation);
    for (const { at, schema } of fields(operation.body!.schema)) {
      for (const value of wrongFor(schema)) {
        const answer = await call(client, operation, path, replaced(operation, at, value));
        expect(answer.status, `${operation.id} ${at.join('.')} = ${JSON.stringify(value)}`).toBeGreaterThanOrEqual(400);
      }
      // May be allowed where any text is; must do no harm.
      for (const value of HOSTILE) await call(client, operation, path, replaced(operation, at, value));
    }
    for (const body of [[], 'text', 7, null, { ...(example(operation) as object), surprise: 1 }, deep(2_000)]) {
      const answer = await call(client, operation, path, body);
      expect(answer.status, `${operation.id} ${JSON.stringify(body)?.slice(0, 80)}`).toBeGreaterThanOrEqual(400);
    }
  }
});

test('garbage in any parameter of a path or a query: 4xx, never 5xx', async () => {
  for (const operation of document.operations.filter((each) => !endsSession(each))) {
    const client = rightful(operation);
    const places = (place: string) => operation.parameters.filter((each) => each.in === place);
    for (const { name } of places('path').filter(({ schema }) => schema.format)) {
      for (const value of ['nothing', '0', "' OR 1=1 --", '../../etc/passwd', '\0', '%', 'x'.repeat(400), '٣'.repeat(36)]) {
        const answer = await call(client, operation, pathOf(operation, { [name]: value }), example(operation));
        expect(answer.status, `${operation.id} ${name}=${value}`).toBeGreaterThanOrEqual(400);
      }
    }
    for (const { name, schema } of places('query')) {
      const anything = schema.type === 'string' && !schema.enum && !schema.format && name !== 'cursor';
      for (const value of [...HOSTILE, '-1', '1e999', 'x'.repeat(3_000)]) {
        const answer = await call(client, operation, `${pathOf(operation)}?${name}=${encodeURIComponent(value)}`);
        expect(anything || answer.status >= 400, `${operation.id} ?${name}=${value}`).toBe(true);
      }
      await call(client, operation, `${pathOf(operation)}?${name}=a&${name}=b&${name}[x]=1`);
    }
  }
});

test('the examples of the document are requests that are understood', async () => {
  // What an example names is not there, may not be called from here, or is for another way to pay.
  const elsewhere = new Set(['product', 'blocked_address', 'method']);
  for (const operation of document.operations.filter((each) => !endsSession(each))) {
    const answer = await call(rightful(operation), operation, pathOf(operation), example(operation));
    // A file that is no JSON is not sent here, and its absence has an error of its own.
    if (answer.status !== 422 || answer.body.code === 'csv_unreadable') continue;
    const { errors = [] } = answer.body;
    expect(
      errors.filter(({ code }) => !elsewhere.has(code)),
      operation.id,
    ).toEqual([]);
    expect(errors, operation.id).not.toEqual([]);
  }
});

test('no endpoint answered what its document does not tell', () => {
  expect([...strict.undocumented]).toEqual([]);
});

interface Field {
  at: (string | number)[];
  schema: Schema;
}

/** Every field of a schema, those inside others too. */
function fields(given: Schema | undefined, at: (string | number)[] = []): Field[] {
  if (!given) return [];
  const schema = document.resolve(given);
  const own = at.length > 0 ? [{ at, schema }] : [];
  if (schema.type === 'array') return [...own, ...fields(schema.items, [...at, 0])];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, part]) => fields(part, [...at, name]));
  return [...own, ...inner];
}

/** The operation's example with another value at one place; what leads there is made up where the example has nothing. */
function replaced(operation: Operation, at: (string | number)[], value: unknown): unknown {
  const root = { body: example(operation) as Record<string, unknown> };
  let target: Record<string | number, unknown> = root;
  let key: string | number = 'body';
  for (const step of at) {
    target[key] ??= typeof step === 'number' ? [] : {};
    target = target[key] as Record<string | number, unknown>;
    key = step;
  }
  target[key] = value;
  return root.body;
}

/** Values that are of the wrong kind for the schema, or out of its bounds. */
function wrongFor(schema: Schema): unknown[] {
  const kinds: Record<string, unknown> = {
    string: {},
    number: 'many',
    integer: 1.5,
    boolean: 'perhaps',
    array: 'list',
    object: 'thing',
  };
  const wrong = [kinds[schema.type ?? 'object'], [[]], '\0'];
  if (schema.enum) wrong.push('none-of-these');
  if (schema.maxLength !== undefined) wrong.push('x'.repeat(schema.maxLength + 1));
  if (schema.maximum !== undefined) wrong.push(schema.maximum + 1);
  if (schema.minimum !== undefined) wrong.push(schema.minimum - 1);
  if (schema.maxItems !== undefined) wrong.push(Array.from({ length: schema.maxItems + 1 }, () => 'x'));
  if (schema.format) wrong.push('not-it');
  return wrong;
}

const HOSTILE = [
  "'; DROP TABLE users; --",
  '\u202E\u0000',
  '{{constructor}}',
  '__proto__',
  '🦄'.repeat(50),
  ' ',
  '<script>alert(1)</script>',
];

function deep(levels: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
}
