import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { loadSettings } from '@soko/config';
import { createLogger } from '@soko/observability';
import { expect, onTestFinished, test } from 'vitest';
import { BAD_URLS, NAMES } from './address-corpus.fixture.js';
import { AddressGuard, type GuardOptions } from './address-guard.js';
import { startDns } from './test-dns.fixture.js';
import { WebhookClient } from './webhook.client.js';

/* Delivery for real: what the guard refuses is never connected to, and what it allows is. */

const settings = (env: NodeJS.ProcessEnv = {}) =>
  loadSettings({
    DATABASE_URL: 'postgres://none/none',
    JWT_SECRET: 'x'.repeat(32),
    ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`,
    ...env,
  });

function clientOf(guard?: AddressGuard, env?: NodeJS.ProcessEnv) {
  const lines: string[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  const client = new WebhookClient(settings(env), createLogger('test', 'debug', out), guard);
  onTestFinished(() => client.onApplicationShutdown());
  return { client, lines };
}

/** A partner on loopback. */
async function startPartner(respond: RequestListener = (_, res) => void res.end('in')) {
  let connections = 0;
  const server = createServer(respond).on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

async function named(zone: Parameters<typeof startDns>[0]) {
  const dns = await startDns(zone);
  onTestFinished(dns.close);
  return dns;
}

test('nothing of the corpus is connected to, and the merchant is told no address', async () => {
  let connected = 0;
  const count = () => (connected += 1);
  subscribe('undici:client:connected', count);
  onTestFinished(() => void unsubscribe('undici:client:connected', count));
  const { resolve } = await named(NAMES);
  const { client, lines } = clientOf(new AddressGuard([], { resolve }));
  for (const url of BAD_URLS) {
    const { status, error } = await client.post(url, {}, '{}');
    expect(status, url).toBeUndefined();
    expect(error, url).toMatch(/^(blocked address: .+|the call failed)$/);
    expect(error, url).not.toMatch(/\d/);
  }
  expect(connected).toBe(0);
  expect(lines.join('')).toMatch(/"url":"private\.test","address":"10\.0\.0\.5".*blocked webhook address/);
});

test('a name that leads to us after the subscription was made is not connected to, by any scheme', async () => {
  const partner = await startPartner();
  const dns = await named({ 'rebind.test': (nth) => (nth === 1 ? ['93.184.215.14'] : ['127.0.0.1']) });
  const { client } = clientOf(new AddressGuard([], { resolve: dns.resolve }));
  const url = `http://rebind.test:${partner.port}/`;
  expect(await client.refusalOf(url)).toBeUndefined();
  for (const each of [url, url.replace('http:', 'https:')])
    expect(await client.post(each, {}, '{}')).toMatchObject({ error: expect.stringMatching(/^blocked address/) });
  expect(dns.asked.filter((question) => question === 'rebind.test A')).toHaveLength(3);
  expect(partner.connections()).toBe(0);
});

test('a name that is allowed at first is asked for again with every connection', async () => {
  const partner = await startPartner((_, res) => void res.writeHead(200, { connection: 'close' }).end('in'));
  const dns = await named({ 'turns.test': (nth) => (nth === 1 ? ['127.0.0.1'] : ['127.0.0.1', '10.0.0.1']) });
  const { client } = clientOf(new AddressGuard(['127.0.0.0/8'], { resolve: dns.resolve }));
  const url = `http://turns.test:${partner.port}/`;
  expect(await client.post(url, {}, '{}')).toMatchObject({ status: 200, body: 'in' });
  expect(await client.post(url, {}, '{}')).toMatchObject({ error: expect.stringMatching(/^blocked address/) });
  expect(partner.connections()).toBe(1);
});

test('the address of the connection counts, and not only what the look-up told', async () => {
  const partner = await startPartner();
  let reads = 0;
  const liar: GuardOptions['resolve'] = (_hostname, _options, callback) => {
    // Public to who judges it, loopback to who connects.
    const answer = {
      family: 4,
      get address() {
        reads += 1;
        return reads <= 2 ? '93.184.215.14' : '127.0.0.1';
      },
    };
    callback(null, [answer]);
  };
  const { client, lines } = clientOf(new AddressGuard([], { resolve: liar }));
  const { error } = await client.post(`http://liar.test:${partner.port}/`, {}, '{}');
  expect(error).toMatch(/^blocked address/);
  expect(partner.connections()).toBe(1);
  expect(lines.join('')).toContain('"address":"127.0.0.1"');
});

test.each([301, 302, 303, 307, 308])(
  'a redirect (%d) is an answer like any other, and its target is never visited',
  async (status) => {
    const target = await startPartner();
    const targets = [`http://127.0.0.1:${target.port}/`, `http://inside.test:${target.port}/`];
    const dns = await named({ 'partner.test': () => ['127.0.0.1'], 'inside.test': () => ['127.0.0.1'] });
    for (const location of targets) {
      const partner = await startPartner((_, res) => void res.writeHead(status, { location }).end('moved'));
      const { client } = clientOf(new AddressGuard(['127.0.0.0/8'], { resolve: dns.resolve }));
      const url = `http://partner.test:${partner.port}/`;
      expect(await client.post(url, {}, '{}')).toMatchObject({ status, body: 'moved' });
      expect(partner.connections()).toBe(1);
    }
    expect(target.connections()).toBe(0);
    expect(dns.asked.join()).not.toContain('inside.test');
  },
);

test('in production nothing goes by http, but to what the operator allows', async () => {
  const partner = await startPartner();
  const production = { NODE_ENV: 'production', WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8' };
  const { client } = clientOf(undefined, production);
  expect(await client.refusalOf('http://93.184.215.14/')).toBe('https');
  expect(await client.post('http://93.184.215.14/', {}, '{}')).toMatchObject({ error: 'blocked address: the URL must be https' });
  expect(await client.post(`http://127.0.0.1:${partner.port}/`, {}, '{}')).toMatchObject({ status: 200 });
  const dns = await named({ 'public.test': () => ['93.184.215.14'] });
  const strict = clientOf(new AddressGuard([], { resolve: dns.resolve, httpsOnly: true }));
  expect(await strict.client.post('http://public.test/', {}, '{}')).toMatchObject({
    error: 'blocked address: the URL must be https',
  });
});
