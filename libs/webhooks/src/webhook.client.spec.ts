import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { loadSettings } from '@soko/config';
import { createLogger } from '@soko/observability';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { WebhookClient } from './webhook.client.js';

const LIMIT = 16 * 1024;
/** A label longer than DNS allows: refused by the resolver itself, without a network. */
const UNRESOLVABLE = `${'x'.repeat(64)}.invalid`;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
};

/** A client that may call `allowed`, and what it logs. */
const clientFor = (allowed: string) => {
  const log: string[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log.push(chunk.toString());
      done();
    },
  });
  const settings = loadSettings({
    DATABASE_URL: 'postgres://none/none',
    JWT_SECRET: 'x'.repeat(32),
    ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`,
    WEBHOOK_ALLOWED_CIDRS: allowed,
  });
  const client = new WebhookClient(settings, createLogger('test', 'debug', out));
  closing.push(() => client.onApplicationShutdown());
  return { client, log };
};

interface Call {
  method?: string;
  path?: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A partner on loopback, a client that may call it, and one that may not. */
const setup = async (respond: RequestListener = (_, res) => void res.end()) => {
  const calls: Call[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      calls.push({ method: req.method, path: req.url, headers: req.headers, body });
      respond(req, res);
    });
  });
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const port = await listen(server);
  closing.push(async () => server.closeAllConnections());
  return {
    calls,
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    ...clientFor('127.0.0.0/8, ::1/128'),
    guarded: clientFor(''),
  };
};

/** Nothing of where we stand or what we tried: merchants read this. */
const tellsNothing = (error: string | undefined, port: number): void => {
  expect(error).not.toMatch(/127\.0\.0\.1|::1|localhost|ECONN|errno/);
  expect(error).not.toContain(String(port));
};

describe('a call', () => {
  it('is one POST of the very body and headers, to the path and query of the URL', async () => {
    const { client, calls, url } = await setup((_, res) => void res.writeHead(200).end('thanks'));
    const body = '{"name":"Rudo 🌽"}';
    const result = await client.post(`${url}/hook?a=1&b=%20`, { 'content-type': 'application/json', 'webhook-id': 'e1' }, body);
    expect(result).toEqual({ status: 200, body: 'thanks', durationMs: expect.any(Number) });
    expect(calls).toEqual([
      {
        method: 'POST',
        path: '/hook?a=1&b=%20',
        body,
        headers: expect.objectContaining({ 'content-type': 'application/json', 'webhook-id': 'e1' }),
      },
    ]);
  });

  it.each([200, 202, 204, 299, 400, 404, 410, 429, 500, 503])('reports status %d as it is, and calls once', async (status) => {
    const { client, calls, url } = await setup((_, res) => void res.writeHead(status).end());
    const result = await client.post(url, {}, '{}');
    expect(result).toMatchObject({ status, body: '' });
    expect(result.error).toBeUndefined();
    expect(calls).toHaveLength(1);
  });

  it.each([301, 302, 303, 307, 308])('does not follow %d: the target is never visited', async (status) => {
    const target = await setup();
    const { client, url } = await setup(
      (_, res) => void res.writeHead(status, { location: `${target.url}/secret` }).end('moved'),
    );
    expect(await client.post(url, {}, '{}')).toMatchObject({ status, body: 'moved' });
    expect(target.connections()).toBe(0);
  });

  it('measures how long it took', async () => {
    const { client, url } = await setup((_, res) => void setTimeout(() => res.end(), 60));
    const { durationMs } = await client.post(url, {}, '{}');
    expect(durationMs).toBeGreaterThanOrEqual(50);
    expect(durationMs).toBeLessThan(5_000);
  });

  it('reuses connections', async () => {
    const { client, url, calls, connections } = await setup((_, res) => void res.end('ok'));
    for (let run = 0; run < 5; run += 1) expect(await client.post(url, {}, `${run}`)).toMatchObject({ status: 200, body: 'ok' });
    expect(calls.map((call) => call.body)).toEqual(['0', '1', '2', '3', '4']);
    expect(connections()).toBeLessThan(5);
  });
});

describe('what is read of an answer', () => {
  it('is all of it up to 16 kB', async () => {
    const { client, url } = await setup((_, res) => void res.end('x'.repeat(LIMIT)));
    expect((await client.post(url, {}, '{}')).body).toHaveLength(LIMIT);
  });

  it('is no more than 16 kB, and the rest is not waited for', async () => {
    let sent = 0;
    const { client, url } = await setup((_, res) => {
      const flood = (): void => {
        while (!res.destroyed && sent < 200 * 1024 * 1024) {
          sent += 64 * 1024;
          if (!res.write('x'.repeat(64 * 1024))) {
            res.once('drain', flood);
            return;
          }
        }
      };
      res.on('error', () => undefined);
      flood();
    });
    const result = await client.post(url, {}, '{}');
    expect(result).toEqual({ status: 200, body: 'x'.repeat(LIMIT), durationMs: expect.any(Number) });
    expect(sent).toBeLessThan(50 * 1024 * 1024);
  });

  it('can be stored: no NUL characters', async () => {
    const { client, url } = await setup((_, res) => void res.end('a\0b'));
    expect((await client.post(url, {}, '{}')).body).toBe('ab');
  });

  it('is no half character where it is cut', async () => {
    const { client, url } = await setup((_, res) => void res.end(`x${'🌽'.repeat(LIMIT)}`));
    const { body } = await client.post(url, {}, '{}');
    expect(body!.startsWith('x🌽')).toBe(true);
    expect(body).not.toContain('\ufffd');
  });
});

describe('what goes wrong', () => {
  it('connection refused', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await Promise.all(closing.splice(0).map((close) => close()));
    const { client } = clientFor('127.0.0.0/8, ::1/128');
    for (const host of ['127.0.0.1', 'localhost']) {
      const result = await client.post(`http://${host}:${port}/hook`, {}, '{}');
      expect(result).toEqual({ error: 'connection refused', errorClass: 'connection', durationMs: expect.any(Number) });
      tellsNothing(result.error, port);
    }
  });

  it('connection reset', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const port = await listen(server);
    const { client } = clientFor('127.0.0.0/8');
    const result = await client.post(`http://127.0.0.1:${port}/`, {}, '{}');
    expect(result.status).toBeUndefined();
    expect(result.error).toBe('connection reset');
    tellsNothing(result.error, port);
  });

  it('connection closed without an answer', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.end()));
    const port = await listen(server);
    const { client } = clientFor('127.0.0.0/8');
    const result = await client.post(`http://127.0.0.1:${port}/`, {}, '{}');
    expect(result.error).toBe('the connection was closed before an answer came');
    tellsNothing(result.error, port);
  });

  it('an answer that is not HTTP', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n')));
    const port = await listen(server);
    const { client } = clientFor('127.0.0.0/8');
    const result = await client.post(`http://127.0.0.1:${port}/`, {}, '{}');
    expect(result.status).toBeUndefined();
    expect(result.error).toBeTruthy();
    tellsNothing(result.error, port);
    expect(result.error).not.toContain('SSH');
  });

  it('an answer that breaks off in the middle', async () => {
    const { client, url, port } = await setup((_, res) => {
      res.writeHead(200, { 'content-length': '100' }).write('half');
      setTimeout(() => res.destroy(), 20);
    });
    const result = await client.post(url, {}, '{}');
    expect(result.error).toBe('the connection was closed before an answer came');
    tellsNothing(result.error, port);
  });

  it('a name that does not resolve', async () => {
    const { client } = clientFor('');
    const { error, errorClass } = await client.post(`http://${UNRESOLVABLE}/hook`, {}, '{}');
    expect(error).toBe('the host name does not resolve');
    expect(errorClass).toBe('dns');
  });

  it.each(['not a url', 'http://', 'https://user:pass word@/'])('%j is no URL: a result all the same', async (url) => {
    const { client } = clientFor('');
    expect(await client.post(url, {}, '{}')).toMatchObject({ error: 'the call failed' });
  });

  it('does not end the client: the next call works', async () => {
    const { client, url } = await setup((req, res) => void (req.url === '/bad' ? res.destroy() : res.end('fine')));
    expect((await client.post(`${url}/bad`, {}, '{}')).error).toBeDefined();
    expect(await client.post(`${url}/good`, {}, '{}')).toMatchObject({ status: 200, body: 'fine' });
  });
});

describe('a blocked address', () => {
  const told = 'blocked address: the URL leads to an address that may not be called';

  it.each(['127.0.0.1', '2130706433', '0x7f.1', '127.1', '[::ffff:127.0.0.1]'])(
    'written as %s is never connected to',
    async (host) => {
      const { guarded, port, connections } = await setup();
      const result = await guarded.client.post(`http://${host}:${port}/hook`, {}, '{}');
      expect(result).toEqual({ error: told, errorClass: 'blocked', durationMs: expect.any(Number) });
      expect(connections()).toBe(0);
    },
  );

  it('behind a name is never connected to', async () => {
    const { guarded, port, connections } = await setup();
    for (const host of ['localhost', 'LOCALHOST']) {
      expect(await guarded.client.post(`http://${host}:${port}/hook`, {}, '{}')).toMatchObject({ error: told });
      expect(await guarded.client.post(`https://${host}:${port}/hook`, {}, '{}')).toMatchObject({ error: told });
    }
    expect(connections()).toBe(0);
  });

  it('stands in the log for the operator, and nowhere else', async () => {
    const { guarded, port } = await setup();
    const result = await guarded.client.post(`http://127.0.0.1:${port}/hook?token=abc`, {}, '{}');
    expect(result.error).not.toContain('127');
    expect(guarded.log.join('')).toMatch(/"address":"127\.0\.0\.1".*blocked webhook address/);
    expect(guarded.log.join('')).not.toContain('token');
  });

  it('may be called once the operator allows it, by name too', async () => {
    const { client, url, port } = await setup((_, res) => void res.end('in'));
    expect(await client.post(url, {}, '{}')).toMatchObject({ status: 200, body: 'in' });
    expect(await client.post(`http://localhost:${port}/`, {}, '{}')).toMatchObject({ status: 200, body: 'in' });
    expect(await client.refusalOf(url)).toBeUndefined();
  });
});
