import { newId } from '@soko/common';
import { type Answer, ApiClient, parallel, PASSWORD, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../scripts/launcher/ports.mjs';
import { addOps } from './support/garden.js';
import { startTestStack, type TestStack } from './support/stack.js';

/** Two processes of the api on one database: what one of them is told counts for the other. */
let env: TestStack;
let urls: [string, string];
beforeAll(async () => {
  env = await startTestStack({ TRUST_PROXY: 'loopback' });
  urls = [env.baseUrl, await another({})];
});
afterAll(() => env.stop());

async function another(settings: Record<string, string>): Promise<string> {
  const port = await freePort('127.0.0.1');
  await env.stack.spawn(`api-${port}`, 'api', { PORT: String(port), ...settings }).ready;
  return `http://127.0.0.1:${port}`;
}

/** Two processes that count, with limits of their own and their own addresses. */
async function counting(settings: Record<string, string> = {}): Promise<[string, string]> {
  const limited = { RATE_LIMIT_ENABLED: 'true', ...settings };
  return Promise.all([another(limited), another(limited)]);
}
const hsts = async (at: string) =>
  (await fetch(`${at}/health`, { headers: { 'x-forwarded-proto': 'https' } })).headers.get('strict-transport-security');
/** A caller from an address that no other test has. */
let next = 1;
const somewhere = () => ({ 'x-forwarded-for': `203.0.113.${next++}` });
const of = <T>(answers: Answer<T>[], status: number) => answers.filter((answer) => answer.status === status);

test('a logout on one is a logout on the other', async () => {
  const { client } = await ApiClient.register(urls[0]);
  const there = client.at(urls[1]);
  expect((await there.call('GET', '/api/auth/me')).status).toBe(200);
  expect((await client.call('POST', '/api/auth/logout')).status).toBe(204);
  for (const each of [there, client]) {
    const answer = await each.call('GET', '/api/auth/me');
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
  }
});

test('a revoked API key, by its owner or by ops, is refused at once by the other, under load too', async () => {
  const { client } = await ApiClient.register(urls[0]);
  const ops = await addOps(env);
  for (const revoke of ['/api/api-keys', '/api/admin/api-keys']) {
    const made = await client.ok<{ id: string; key: string }>('POST', '/api/api-keys', { name: 'K', scopes: ['catalog:read'] });
    const there = client.as(made.key).at(urls[1]);
    const byHeader = new ApiClient(urls[1]);
    await parallel(30, async () => expect((await there.call('GET', '/api/products')).status).toBe(200));
    expect((await byHeader.call('GET', '/api/products', undefined, { 'x-api-key': made.key })).status).toBe(200);
    await (revoke.includes('admin') ? ops : client).ok('DELETE', `${revoke}/${made.id}`);
    const after = await parallel(30, () => there.call('GET', '/api/products'));
    expect(of(after, 401)).toHaveLength(30);
  }
});

test('a new password ends all sessions everywhere but the one it begins; a removed user is out', async () => {
  const { client, email } = await ApiClient.register(urls[0]);
  const second = (await ApiClient.signIn(urls[1], email)).at(urls[1]);
  const agent = { email: `${newId()}@example.com`, name: 'A', role: 'agent', password: PASSWORD };
  const { id } = await client.ok<{ id: string }>('POST', '/api/users', agent);
  const removed = (await ApiClient.signIn(urls[1], agent.email)).at(urls[1]);
  await client.ok('DELETE', `/api/users/${id}`);
  expect((await removed.call('GET', '/api/auth/me')).status).toBe(401);

  const changed = await client.ok<{ accessToken: string }>('POST', '/api/auth/password', {
    currentPassword: PASSWORD,
    newPassword: 'another-horse',
  });
  for (const each of [client, second]) expect((await each.call('GET', '/api/auth/me')).status).toBe(401);
  expect((await client.as(changed.accessToken).at(urls[1]).call('GET', '/api/auth/me')).status).toBe(200);
  await expect(ApiClient.signIn(urls[1], email)).rejects.toThrow(/401/);
});

test('strangers: a hundred requests per address over both, then 429 with the time to wait', async () => {
  const both = await counting();
  const from = somewhere();
  const ask = (n: number) => new ApiClient(both[n % 2]!).call('GET', '/api/products', undefined, from);
  const answers = await parallel(130, ask);
  expect([of(answers, 401).length, of(answers, 429).length]).toEqual([100, 30]);
  const [refused] = of(answers, 429);
  expect(refused!.body).toMatchObject({ code: 'rate_limited', status: 429 });
  expect(refused!.headers.get('content-type')).toContain('application/problem+json');
  const wait = Number(refused!.headers.get('retry-after'));
  expect(wait).toBeGreaterThan(800);
  expect(wait).toBeLessThanOrEqual(900);
  expect(refused!.headers.get('ratelimit-limit')).toBe('100');
  expect(refused!.headers.get('ratelimit-remaining')).toBe('0');
  expect(Number(refused!.headers.get('ratelimit-reset'))).toBe(wait);
  // Others are not held back, and machines that look whether we live never are.
  expect((await new ApiClient(both[0]).call('GET', '/api/products', undefined, somewhere())).status).toBe(401);
  expect((await new ApiClient(both[0]).call('GET', '/health', undefined, from)).status).toBe(200);
});

test('registering and signing in: five per address over both', async () => {
  const both = await counting();
  const from = somewhere();
  const { email } = await ApiClient.register(env.baseUrl);
  const answers: number[] = [];
  for (let n = 0; n < 7; n += 1) {
    const answer = await new ApiClient(both[n % 2]!).call('POST', '/api/auth/login', { email, password: PASSWORD }, from);
    answers.push(answer.status);
  }
  expect(answers).toEqual([200, 200, 200, 200, 200, 429, 429]);
});

test('five wrong passwords for one e-mail from one address, known or not, over both; then even the right one waits', async () => {
  const both = await counting({ RATE_LIMIT_AUTH: '5' });
  const { email } = await ApiClient.register(env.baseUrl);
  const address = somewhere();
  for (const name of [email, `${newId()}@example.com`]) {
    const from = name === email ? address : somewhere();
    const tries = await parallel(8, (n) =>
      new ApiClient(both[n % 2]!).call('POST', '/api/auth/login', { email: name, password: 'wrong' }, from),
    );
    expect([of(tries, 401).length, of(tries, 429).length]).toEqual([5, 3]);
  }
  const right = await new ApiClient(both[0]).call('POST', '/api/auth/login', { email, password: PASSWORD }, address);
  expect(right.status).toBe(429);
  const elsewhere = await new ApiClient(both[0]).call('POST', '/api/auth/login', { email, password: PASSWORD }, somewhere());
  expect(elsewhere.status).toBe(200);
});

test('a merchant: its people and keys together, over both, by its plan, which ops can change', async () => {
  const both = await counting({ RATE_LIMIT_STANDARD_API: '1000' });
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  const other = await ApiClient.register(env.baseUrl);
  const { key } = await client.ok<{ key: string }>('POST', '/api/api-keys', { name: 'K', scopes: ['catalog:read'] });
  const ops = await addOps(env);
  await ops.ok('PATCH', `/api/admin/merchants/${merchantId}`, { plan: 'trial' });
  const asks = (n: number) => client.as(n % 3 === 0 ? key : client.token!).at(both[n % 2]!);
  const answers = await parallel(130, (n) => asks(n).call('GET', '/api/products'));
  expect([of(answers, 200).length, of(answers, 429).length]).toEqual([100, 30]);
  expect((await other.client.at(both[0]).call('GET', '/api/products')).status).toBe(200);
  expect(await client.ok('GET', '/api/merchant')).toMatchObject({
    plan: 'trial',
    limits: { api: { requests: 100, windowSeconds: 900 }, messages: { requests: 30, windowSeconds: 60 } },
  });

  await ops.ok('PATCH', `/api/admin/merchants/${merchantId}`, { plan: 'standard' });
  const after = await asks(1).call('GET', '/api/products');
  expect([after.status, after.headers.get('ratelimit-limit')]).toEqual([200, '1000']);
});

test('messages have a limit of their own, told when it is the nearest', async () => {
  const [url] = await counting({ RATE_LIMIT_STANDARD_MESSAGES: '3' });
  const { client } = await ApiClient.register(env.baseUrl);
  await client.ok('POST', '/api/channels', { name: 'Phone', kind: 'simulator' });
  const here = client.at(url);
  const send = () => here.call('POST', '/api/whatsapp/send', { to: '+263771234567', message: 'hi' });
  const sent = [await send(), await send(), await send(), await send()];
  expect(sent.map(({ status }) => status)).toEqual([202, 202, 202, 429]);
  expect(sent[0]!.headers.get('ratelimit-limit')).toBe('3');
  expect(Number(sent[3]!.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect((await here.call('GET', '/api/products')).headers.get('ratelimit-limit')).toBe('6000');
});

test('without TRUST_PROXY a header does not make another address, nor a TLS connection', async () => {
  const url = await another({ RATE_LIMIT_ENABLED: 'true', TRUST_PROXY: '', RATE_LIMIT_IP: '3' });
  expect(await hsts(url)).toBeNull();
  expect(await hsts(urls[0])).toBe('max-age=31536000; includeSubDomains');
  const answers = await parallel(6, () => new ApiClient(url).call('GET', '/api/products', undefined, somewhere()));
  expect(of(answers, 429).length).toBeGreaterThanOrEqual(3);
});

test('a limit that is lifted is no limit', async () => {
  const url = await another({ RATE_LIMIT_ENABLED: 'false', RATE_LIMIT_IP: '1' });
  const answers = await parallel(20, () => new ApiClient(url).call('GET', '/api/products'));
  expect(of(answers, 401)).toHaveLength(20);
  expect(answers[0]!.headers.get('ratelimit-limit')).toBeNull();
  await until('readiness', async () => (await new ApiClient(url).call('GET', '/health/ready')).status === 200);
});
