import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { ApiClient, startS3, until } from '@soko/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestStack, type TestStack } from './support/stack.js';

interface Media {
  id: string;
  status: string;
  url: string;
  path: string;
  hash: string;
  kind: string;
  reason?: string;
  thumbnailUrl?: string;
  variants: Record<string, { url: string; width: number }>;
}
interface Reply {
  status: number;
  body: Media & { code?: string; detail?: string };
  replayed: string | null;
}

const MB = 1_000_000;
const BOUNDARY = 'soko-test';
const pdf = (size: number): Buffer => Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(size - 9)]);
const mp4 = (size: number): Buffer => {
  const bytes = Buffer.alloc(size, 1);
  Buffer.from([0, 0, 0, 24]).copy(bytes);
  bytes.write('ftypisom', 4);
  bytes.writeUInt32BE(size - 24, 24);
  bytes.write('mdat', 28);
  return bytes;
};
const mp3 = (size: number): Buffer =>
  Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'), Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(size - 14)]);
/** A PNG that a chunk of nothing makes as large as wanted. */
const png = async (size: number): Promise<Buffer> => {
  const small = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  return Buffer.concat([small, Buffer.alloc(size - small.length)]);
};
const part = (name: string, filename: string, type: string): string =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"; filename="${filename}"\r\ncontent-type: ${type}\r\n\r\n`;
const END = `\r\n--${BOUNDARY}--\r\n`;

/** A video within JSON. */
const film = (size: number): object => ({
  filename: 'a.mp4',
  mimeType: 'video/mp4',
  data: mp4(size).toString('base64'),
});

describe.each(['disk', 's3'])('files on %s', (kind) => {
  let env: TestStack;
  let client: ApiClient;
  let closeS3: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const s3 = kind === 's3' ? await startS3() : undefined;
    closeS3 = s3?.close;
    env = await startTestStack(s3?.env);
    ({ client } = await ApiClient.register(env.baseUrl));
  });
  afterAll(async () => {
    await env.stop();
    await closeS3?.();
  });

  const post = async (
    body: string | Uint8Array<ArrayBuffer> | FormData,
    headers: Record<string, string>,
    path = '/api/media/upload',
  ): Promise<Reply> => {
    const answer = await fetch(env.baseUrl + path, { method: 'POST', headers: { ...client.headers, ...headers }, body });
    return {
      status: answer.status,
      replayed: answer.headers.get('idempotent-replayed'),
      body: (await answer.json()) as Reply['body'],
    };
  };
  const form = (bytes: Buffer, filename: string, type = '', headers: Record<string, string> = {}): Promise<Reply> => {
    const data = new FormData();
    data.append('file', new Blob([new Uint8Array(bytes)], { type }), filename);
    return post(data, headers);
  };
  const raw = (body: string | Buffer, type = `multipart/form-data; boundary=${BOUNDARY}`): Promise<Reply> =>
    post(typeof body === 'string' ? body : new Uint8Array(body), { 'content-type': type });
  const json = (body: object, headers: Record<string, string> = {}): Promise<Reply> =>
    post(JSON.stringify(body), { 'content-type': 'application/json', ...headers }, '/api/upload/media');
  const ready = (id: string): Promise<Media> =>
    until('processed', async () => {
      const media = await client.ok<Media>('GET', `/api/media/${id}`);
      return media.status === 'processing' ? undefined : media;
    });

  test('a picture by a form: processed, shown by its links, and gone when it is deleted', async () => {
    const bytes = await sharp(randomBytes(900 * 600 * 3), { raw: { width: 900, height: 600, channels: 3 } })
      .jpeg()
      .toBuffer();
    const { status, body } = await form(bytes, 'maize.jpg', 'image/jpeg');
    expect([status, body.status, body.kind]).toEqual([201, 'processing', 'image']);
    const media = await ready(body.id);
    expect(media).toMatchObject({
      status: 'ready',
      variants: { thumbnail: { width: 200 }, medium: { width: 800 }, original: { width: 900 } },
    });
    for (const [name, variant] of Object.entries(media.variants)) {
      const answer = await fetch(variant.url);
      expect([name, answer.status, answer.headers.get('content-type')]).toEqual([name, 200, 'image/jpeg']);
      expect((await sharp(await answer.arrayBuffer()).metadata()).width).toBe(variant.width);
    }
    const again = await client.ok<{ url: string }>('GET', `/api/upload/signed-url/${encodeURIComponent(media.path)}`);
    expect((await fetch(again.url)).status).toBe(200);
    expect((await client.call('DELETE', `/api/media/${body.id}`)).status).toBe(204);
    expect((await client.call('GET', `/api/media/${body.id}`)).status).toBe(404);
    expect((await fetch(media.url)).status).toBe(404);
  });

  test('base64 in JSON, and what lies at its path', async () => {
    const data = pdf(2_000).toString('base64');
    const { status, body } = await json({ filename: 'p.pdf', mimeType: 'application/pdf', data });
    expect([status, body.status, body.kind]).toEqual([201, 'ready', 'document']);
    expect((await client.call('GET', `/api/upload/signed-url/${body.path}`)).status).toBe(200);
    expect((await client.call('DELETE', `/api/upload/${body.path}`)).status).toBe(204);
    expect((await client.call('DELETE', `/api/upload/${encodeURIComponent(body.path)}`)).status).toBe(404);
    for (const wrong of [
      { filename: 'p.pdf', mimeType: 'application/pdf', data: 'no base64!' },
      { filename: 'p.pdf', mimeType: 'application/pdf' },
      { filename: 'p.pdf', mimeType: 'application/pdf', data, more: 1 },
      { filename: '', mimeType: 'application/pdf', data },
    ])
      expect((await json(wrong)).status).toBe(422);
    expect((await raw('{"filename"', 'application/json')).status).toBe(400);
  });

  test('an upload with an idempotency key happens once', async () => {
    const headers = { 'idempotency-key': randomBytes(8).toString('hex') };
    const bytes = pdf(1_000);
    const first = await form(bytes, 'a.pdf', 'application/pdf', headers);
    const second = await form(bytes, 'a.pdf', 'application/pdf', headers);
    expect([first.status, second.status, second.replayed]).toEqual([201, 201, 'true']);
    expect(second.body.id).toBe(first.body.id);
    const other = await form(pdf(1_000), 'a.pdf', 'application/pdf', headers);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  test.each([
    ['image', 5 * MB, png, 'a.png'],
    ['video', 50 * MB, mp4, 'a.mp4'],
    ['document', 10 * MB, pdf, 'a.pdf'],
    ['audio', 15 * MB, mp3, 'a.mp3'],
  ] as const)('%s: %d bytes are taken, and one more is not', async (of, limit, make, name) => {
    const taken = await form(await make(limit), name);
    expect([taken.status, taken.body.kind]).toEqual([201, of]);
    const refused = await form(await make(limit + 1), name);
    expect([refused.status, refused.body.code]).toEqual([413, 'media_too_large']);
    expect(refused.body.detail).toContain(`${limit / MB} MB`);
  });

  test('a file in JSON has at most 15 MB', async () => {
    expect((await json(film(15 * MB))).status).toBe(201);
    expect(await json(film(15 * MB + 4_096))).toMatchObject({ status: 413, body: { code: 'media_too_large' } });
  });

  test.each([
    ['no form and no JSON', 'hello', 'text/plain', 415, 'upload_type_not_supported'],
    ['no type at all', 'hello', '', 415, 'upload_type_not_supported'],
    ['a form without a boundary', 'hello', 'multipart/form-data', 422, 'validation_failed'],
    ['an empty form', `--${BOUNDARY}--\r\n`, undefined, 422, 'validation_failed'],
    ['another field', `${part('photo', 'a.pdf', 'application/pdf')}%PDF-1.7${END}`, undefined, 422, 'validation_failed'],
    [
      'a field beside it',
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="x"\r\n\r\n1\r\n${part('file', 'a.pdf', 'application/pdf')}%PDF-1.7${END}`,
      undefined,
      422,
      'validation_failed',
    ],
    [
      'two files',
      `${part('file', 'a.pdf', 'application/pdf')}%PDF-1.7\r\n${part('file', 'b.pdf', 'application/pdf')}%PDF-1.7${END}`,
      undefined,
      422,
      'validation_failed',
    ],
    ['a form that is cut off', `${part('file', 'a.pdf', 'application/pdf')}%PDF-1.7`, undefined, 422, 'media_not_readable'],
    ['a file of nothing', `${part('file', 'a.pdf', 'application/pdf')}${END}`, undefined, 422, 'media_not_readable'],
    [
      'SVG',
      `${part('file', 'a.svg', 'image/svg+xml')}<svg xmlns="http://www.w3.org/2000/svg"/>${END}`,
      undefined,
      415,
      'media_type_not_supported',
    ],
    [
      'HTML that says it is a picture',
      `${part('file', 'a.png', 'image/png')}<html><script>1</script>${END}`,
      undefined,
      415,
      'media_type_not_supported',
    ],
    ['another kind than it says', `${part('file', 'a.png', 'image/png')}%PDF-1.7${END}`, undefined, 415, 'media_type_mismatch'],
  ] as const)('refused with a reason: %s', async (_, body, type, status, code) => {
    const answer = await raw(body, type);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.detail).toMatch(/.{20,}/);
  });

  test('who is not signed in, or may not write, sends nothing', async () => {
    const stranger = await fetch(`${env.baseUrl}/api/media/upload`, { method: 'POST', body: 'x'.repeat(10_000) });
    expect(stranger.status).toBe(401);
    const { key } = await client.ok<{ key: string }>('POST', '/api/api-keys', { name: 'Reader', scopes: ['media:read'] });
    const data = new FormData();
    data.append('file', new Blob(['%PDF-1.7']), 'a.pdf');
    const reader = await fetch(`${env.baseUrl}/api/media/upload`, {
      method: 'POST',
      headers: client.as(key).headers,
      body: data,
    });
    expect(reader.status).toBe(403);
  });

  test('an upload that is broken off leaves nothing behind', async () => {
    const before = await env.db.query('SELECT id FROM media_blobs');
    const { port } = new URL(env.baseUrl);
    const headers = { ...client.headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
    const call = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/api/media/upload', headers });
    call.on('error', () => undefined);
    call.write(part('file', 'a.mp4', 'video/mp4'));
    call.write(mp4(2 * MB));
    const temporary = join(env.stack.env.SOKO_DATA_DIR!, 'tmp', 'media');
    await until('under way', () => readdirSync(temporary).length > 0);
    call.destroy();
    await until('cleared up', () => readdirSync(temporary).length === 0);
    expect((await env.db.query('SELECT id FROM media_blobs')).rowCount).toBe(before.rowCount);
  });
});

const text = async (answer: Response): Promise<string> => Buffer.from(await answer.arrayBuffer()).toString('latin1');

describe('links to files on disk', () => {
  let env: TestStack;
  let client: ApiClient;
  let url: string;
  const bytes = pdf(1_000);
  beforeAll(async () => {
    env = await startTestStack();
    ({ client } = await ApiClient.register(env.baseUrl));
    const file = { filename: 'prices é.pdf', mimeType: 'application/pdf', data: bytes.toString('base64') };
    ({ url } = await client.ok<Media>('POST', '/api/media/upload', file));
  });
  afterAll(() => env.stop());
  const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(url, { method, headers });

  test('whole, with all that keeps a browser from running it', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(await text(answer)).toBe(bytes.toString('latin1'));
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': '1000',
      'content-disposition': `attachment; filename="prices _.pdf"; filename*=UTF-8''prices%20%C3%A9.pdf`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*sandbox/),
      'cache-control': 'private, max-age=3600',
      'accept-ranges': 'bytes',
    });
    const head = await get({}, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '1000']);
  });

  test.each([
    ['bytes=0-3', 206, 'bytes 0-3/1000', 0, 4],
    ['bytes=990-', 206, 'bytes 990-999/1000', 990, 1_000],
    ['bytes=-5', 206, 'bytes 995-999/1000', 995, 1_000],
    ['bytes=5000-', 416, 'bytes */1000', 0, 0],
  ])('a range: %s', async (range, status, said, from, to) => {
    const answer = await get({ range });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([status, said]);
    expect(status === 206 ? await text(answer) : '').toBe(bytes.subarray(from, to).toString('latin1'));
  });

  test('what a browser has already is not sent again', async () => {
    const etag = (await get()).headers.get('etag')!;
    expect((await get({ 'if-none-match': etag, 'cache-control': 'max-age=0' })).status).toBe(304);
  });

  test.each<[string, (link: URL) => void]>([
    ['of another file', (link) => (link.pathname = link.pathname.replace('original', 'medium'))],
    ['as another type', (link) => link.searchParams.set('type', 'text/html')],
    ['for longer', (link) => link.searchParams.set('expires', String(Date.now()))],
    ['without a token', (link) => link.searchParams.delete('token')],
    ['with two', (link) => link.searchParams.append('token', 'x')],
    ['with a path of its own', (link) => (link.pathname = '/media/a/b/..%2f..%2fembedded')],
  ])('a link %s is none', async (_, change) => {
    const link = new URL(url);
    change(link);
    const answer = await fetch(link);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([403, 'media_link_not_valid']);
  });
});
