import { ApiClient } from '@soko/testing';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiDocument, type Operation, readDocument, type Schema } from './support/document.js';
import { addOps, idsOf, type Plot, plant } from './support/garden.js';
import { startTestStack, type TestStack } from './support/stack.js';

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 10_000);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const AT_ONCE = 20;
/** A quarter of a second of hashing each: seldom, so that the others get their turn. */
const HASHES = new Set(['auth_register', 'auth_login', 'auth_changePassword', 'users_add', 'users_update']);

let env: TestStack;
let document: ApiDocument;
let plots: Plot[];
let clients: Record<string, ApiClient>;
let ids: string[];

beforeAll(async () => {
  env = await startTestStack();
  document = await readDocument(env.baseUrl);
  plots = [await plant(env), await plant(env)];
  const { client: owner, agent, driver } = plots[0]!;
  clients = { owner, agent, driver, ops: await addOps(env), nobody: new ApiClient(env.baseUrl) };
  // Not the owner themselves: the session shall last to the end.
  const found = await Promise.all(plots.map(({ merchantId }) => idsOf(env, merchantId)));
  const users = new Set(found.map((each) => each.get('users')));
  ids = found.flatMap((each) => [...each.values()]).filter((id) => !users.has(id));
});
afterAll(async () => {
  await Promise.all((plots ?? []).map(({ receiver }) => receiver.close()));
  await env?.stop();
});

const oneIn = <T>(n: number, rare: fc.Arbitrary<T>, usual: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: n - 1, arbitrary: usual }, { weight: 1, arbitrary: rare });

/** Mostly what the schema asks for, at its edges; now and then anything. */
function valueOf(given: Schema): fc.Arbitrary<unknown> {
  const schema = document.resolve(given);
  return oneIn<unknown>(20, fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 200 })), fitting(schema));
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: Math.max(schema.minimum ?? -1e9, -2e9), max: Math.min(schema.maximum ?? 1e9, 2e9) });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e12, max: schema.maximum ?? 1e12, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valueOf(schema.items!), { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 5, 5) });
    case 'string':
      return text(schema);
    default:
      return schema.properties ? object(schema) : fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });
  }
}

function object({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const model = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, valueOf(part)]));
  return fc.record(model, { requiredKeys: required });
}

function text(schema: Schema): fc.Arbitrary<string> {
  const given = schema.example === undefined ? [] : [fc.constant(schema.example as string)];
  const formats: Record<string, fc.Arbitrary<string>> = {
    uuid: oneIn(5, fc.uuid(), fc.constantFrom(...ids)),
    phone: fc.integer({ min: 771_000_000, max: 771_000_050 }).map((n) => `+263${n}`),
    'date-time': fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
      .map((date) => date.toISOString()),
    email: fc.emailAddress(),
    uri: fc.constantFrom('http://127.0.0.1:9/hook', 'http://[::1]/', 'http://10.0.0.1/', 'https://localhost/x', 'ftp://x'),
  };
  const free = fc.string({ unit: 'grapheme', minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 50, 60) });
  return fc.oneof(...given, formats[schema.format ?? ''] ?? free);
}

/** Half of the bodies are the document's example with some fields made anew: they get further in. */
function bodyOf({ schema, example }: NonNullable<Operation['body']>): fc.Arbitrary<unknown> {
  const { properties = {} } = document.resolve(schema);
  const some = fc.record(Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, valueOf(part)])), {
    requiredKeys: [],
  });
  const few = fc.tuple(some, fc.subarray(Object.keys(properties), { maxLength: Math.min(2, Object.keys(properties).length) }));
  const near = few.map(([made, names]) => ({
    ...(example as object),
    ...Object.fromEntries(Object.entries(made).filter(([name]) => names.includes(name))),
  }));
  return fc.oneof(valueOf(schema), near);
}

interface Request {
  operation: Operation;
  who: string;
  path: string;
  body?: unknown;
  headers: Record<string, string>;
}

const asText = (value: unknown): string =>
  encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed());

function requestOf(operation: Operation): fc.Arbitrary<Request> {
  const parameters = operation.parameters.filter((each) => each.in !== 'header');
  return fc
    .record({
      who: fc.oneof(
        { weight: 8, arbitrary: fc.constant(operation.access === 'ops' ? 'ops' : 'owner') },
        { weight: 1, arbitrary: fc.constantFrom(...Object.keys(clients)) },
      ),
      values: fc.record(Object.fromEntries(parameters.map((each) => [each.name, valueOf(each.schema)])), {
        requiredKeys: parameters.filter((each) => each.in === 'path').map((each) => each.name),
      }),
      body: operation.body ? bodyOf(operation.body) : fc.constant(undefined),
      key: fc.option(
        fc.string({ maxLength: 8 }).map((key) => key.replaceAll(/[^\x20-\x7e]/g, '')),
        { freq: 3 },
      ),
    })
    .map(({ who, values, body, key }) => {
      const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => asText(values[name]) || '-');
      const query = parameters
        .filter((each) => each.in === 'query' && values[each.name] !== undefined)
        .map((each) => `${each.name}=${asText(values[each.name])}`)
        .join('&');
      const headers: Record<string, string> = key && operation.method === 'POST' ? { 'idempotency-key': key } : {};
      return { operation, who, path: query ? `${path}?${query}` : path, body, headers };
    });
}

// A request takes 3 ms where nothing else runs; the time allowed is for where much does.
test(
  `${REQUESTS} requests made from the document’s schemas end without a 5xx and without a hang`,
  async () => {
    console.log(`FUZZ_SEED=${SEED}`);
    const usable = document.operations.filter(({ id }) => id !== 'auth_logout');
    const anyRequest = fc.oneof(
      ...usable.map((operation) => ({ weight: HASHES.has(operation.id) ? 1 : 20, arbitrary: requestOf(operation) })),
    );
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
        const answers = await Promise.all(
          requests.map(async ({ operation, who, path, body, headers }) => {
            // `call` gives up after 15 s: a hang is an error.
            const { status, body: answer } = await clients[who]!.call(operation.method, path, body, headers);
            seen.set(status, (seen.get(status) ?? 0) + 1);
            return { what: `${who}: ${operation.method} ${path} ${JSON.stringify(body)}`, status, answer };
          }),
        );
        expect(answers.filter(({ status }) => status >= 500 && status !== 503)).toEqual([]);
      }),
      { numRuns: Math.ceil(REQUESTS / AT_ONCE), seed: SEED, endOnFailure: true },
    );
    console.log('answers by status:', Object.fromEntries([...seen].toSorted(([a], [b]) => a - b)));
    // Most of it must get past the door: requests that are all refused test nothing.
    const done = [...seen].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0);
    expect(done).toBeGreaterThan(REQUESTS / 8);
    expect(await new ApiClient(env.baseUrl).ok('GET', '/health/ready')).toMatchObject({ status: 'ok' });
  },
  REQUESTS * 50,
);
