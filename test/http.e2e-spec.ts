import { connect } from 'node:net';
import { ApiClient, until } from '@soko/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../scripts/launcher/ports.mjs';
import { startTestStack, type TestStack } from './support/stack.js';

let env: TestStack;
let client: ApiClient;
beforeAll(async () => {
  env = await startTestStack({ CORS_ORIGINS: 'https://dashboard.example.com' });
  ({ client } = await ApiClient.register(env.baseUrl));
});
afterAll(() => env.stop());

const raw = (path: string, init: RequestInit = {}) => fetch(env.baseUrl + path, init);
const json = { 'content-type': 'application/json' };

const requestId = async (given?: string) =>
  (await raw('/health', { headers: given === undefined ? {} : { 'x-request-id': given } })).headers.get('x-request-id');
const from = (origin: string, init: RequestInit = {}) => raw('/api/auth/me', { ...init, headers: { origin, ...init.headers } });

/** What the server answers to bytes that no client library would send. */
function bytes(text: string): Promise<string> {
  const { port } = new URL(env.baseUrl);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      socket.end();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

test.each([
  ['a body that is no JSON', 400, 'bad_request', '/api/auth/login', { method: 'POST', headers: json, body: '{"email": ' }],
  ['a poisoned body', 400, 'bad_request', '/api/auth/login', { method: 'POST', headers: json, body: '{"__proto__": {"x": 1}}' }],
  [
    'a body of another type',
    415,
    'unsupported_media_type',
    '/api/auth/login',
    { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' },
  ],
  [
    'a body above 1 MB',
    413,
    'body_too_large',
    '/api/auth/login',
    { method: 'POST', headers: json, body: `{"email":"${'x'.repeat(1_100_000)}"}` },
  ],
  [
    'a body that is nested without end',
    422,
    'validation_failed',
    '/api/auth/login',
    { method: 'POST', headers: json, body: '['.repeat(100_000) + ']'.repeat(100_000) },
  ],
  ['a path that is not there', 404, 'route_not_found', '/api/nothing', {}],
  ['a path of nobody’s', 404, 'route_not_found', '/', {}],
  ['another method', 405, 'method_not_allowed', '/api/orders', { method: 'DELETE' }],
  ['another method of a path with an id', 405, 'method_not_allowed', '/api/orders/x/transitions', { method: 'GET' }],
  ['an address that cannot be decoded', 400, 'bad_request', '/api/orders/%zz', {}],
  ['an address without end', 414, 'address_too_long', `/api/orders/${'x'.repeat(500)}`, {}],
])('%s: %i %s as problem+json', async (_, status, code, path, init: RequestInit) => {
  const answer = await raw(path, init);
  const body = (await answer.json()) as Record<string, unknown>;
  expect([answer.status, body.code]).toEqual([status, code]);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(body).toMatchObject({ status, type: `urn:soko:error:${code}`, title: expect.any(String), detail: expect.any(String) });
  expect(body.instance).toBe(path);
  expect(body.traceId).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.headers.get('allow') ?? '').toMatch(status === 405 ? /^(GET, HEAD, POST|POST)$/ : /^$/);
});

test('what is no HTTP, and headers without end, are told so', async () => {
  expect(await bytes('HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
  const long = `GET /health HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(40_000)}\r\n\r\n`;
  expect(await bytes(long)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/);
  expect((await raw('/health')).status).toBe(200);
});

test('an error inside is a bare 500 with an id: no stack, no SQL', async () => {
  await env.db.query('ALTER TABLE products RENAME TO products_away');
  try {
    const answer = await client.call('GET', '/api/products');
    expect(answer.status).toBe(500);
    expect(Object.keys(answer.body).toSorted()).toEqual(['code', 'detail', 'instance', 'status', 'title', 'traceId', 'type']);
    expect(answer.body).toMatchObject({ code: 'internal_error', traceId: answer.headers.get('x-request-id') });
    expect(JSON.stringify(answer.body)).not.toMatch(/products_away|relation|SELECT|node_modules|at /);
  } finally {
    await env.db.query('ALTER TABLE products_away RENAME TO products');
  }
});

test('X-Request-Id is taken, or made where it is missing or odd', async () => {
  expect(await requestId('call-4711')).toBe('call-4711');
  for (const odd of [undefined, 'a b', 'x'.repeat(129), '<script>']) expect(await requestId(odd)).toMatch(/^[0-9a-f-]{36}$/);
});

test('browsers of CORS_ORIGINS may call, and read what the answer’s headers say; others may not', async () => {
  const ours = await from('https://dashboard.example.com');
  expect(ours.headers.get('access-control-allow-origin')).toBe('https://dashboard.example.com');
  expect(ours.headers.get('access-control-expose-headers')).toMatch(/Idempotent-Replayed.*Retry-After.*RateLimit-Remaining/i);
  const preflight = await from('https://dashboard.example.com', {
    method: 'OPTIONS',
    headers: { 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization,idempotency-key' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
  expect((await from('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull();
});

test('security headers are on every answer; HSTS only where the world comes by TLS', async () => {
  for (const path of ['/health', '/api/nothing', '/docs']) {
    const { headers } = await raw(path);
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('x-frame-options'), path).toBe('SAMEORIGIN');
    expect(headers.get('content-security-policy'), path).toContain("default-src 'self'");
    expect(headers.get('strict-transport-security'), path).toBeNull();
    expect(headers.get('x-powered-by'), path).toBeNull();
  }
  const port = await freePort('127.0.0.1');
  await env.stack.spawn('api-tls', 'api', { PORT: String(port), PUBLIC_URL: 'https://soko.example.com' }).ready;
  const behind = await fetch(`http://127.0.0.1:${port}/health`);
  expect(behind.headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
});

test('an empty body that is called JSON is no body', async () => {
  const { id } = await client.ok<{ id: string }>('POST', '/api/channels', { name: 'Phone', kind: 'simulator' });
  const answer = await raw(`/api/channels/${id}/connect`, { method: 'POST', headers: { ...json, ...client.headers } });
  expect(answer.status).toBe(202);
});

test('readiness tells of each part, and is 503 while one is away', async () => {
  const parts = {
    database: { status: 'ok', latencyMs: expect.any(Number) },
    queue: { status: 'ok', latencyMs: expect.any(Number) },
    storage: { status: 'ok', latencyMs: expect.any(Number) },
  };
  expect(await new ApiClient(env.baseUrl).ok('GET', '/health/ready')).toEqual({ status: 'ok', parts });
  const url = new URL(env.stack.databaseUrl);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const outside = new Client({ connectionString: url.href });
  await outside.connect();
  await outside.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  try {
    const { rows } = await env.db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await outside.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> $2', [
      name,
      rows[0]!.pid,
    ]);
    const away = await new ApiClient(env.baseUrl).call('GET', '/health/ready');
    expect([away.status, away.body]).toEqual([503, expect.objectContaining({ status: 'down' })]);
    expect(away.body.parts).toMatchObject({ database: { status: 'down' } });
    expect((await new ApiClient(env.baseUrl).call('GET', '/health/live')).status).toBe(200);
  } finally {
    await outside.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await outside.end();
  }
  await until('readiness', async () => (await new ApiClient(env.baseUrl).call('GET', '/health/ready')).status === 200);
});
