import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integration, startGraphApi } from '@soko/testing';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { WhatsappModule } from '../whatsapp.module.js';
import { CloudClient } from './cloud.client.js';

async function setup() {
  const graph = await startGraphApi();
  onTestFinished(() => graph.close());
  const { module } = await integration({ imports: [WhatsappModule], env: { WHATSAPP_CLOUD_BASE_URL: graph.url } });
  return { graph, number: graph.number(), client: module.get(CloudClient) };
}

/** Another host than Meta's, and who called it. */
async function stranger(answer: RequestListener = (_, response) => void response.end('x')) {
  const calls: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    calls.push(request.headers.authorization);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
async function* stream() {
  yield png.subarray(0, 20);
  yield png.subarray(20);
}

describe('files', () => {
  it('are uploaded as bytes and as a stream, found again and downloaded', async () => {
    const { client, number } = await setup();
    for (const bytes of [png, stream()]) {
      const id = await client.upload(number, { bytes, size: png.length, mimeType: 'image/png', filename: 'a"\r\n.png' });
      const media = await client.media(number, id);
      expect(media).toMatchObject({ mimeType: 'image/png', size: png.length });
      expect(await bytesOf(client.download(number, media, 1_000))).toEqual(png);
    }
  });

  it('are never more than was asked for', async () => {
    const { client, number } = await setup();
    const id = await client.upload(number, { bytes: png, size: png.length, mimeType: 'image/png', filename: 'a.png' });
    await expect(bytesOf(client.download(number, await client.media(number, id), 10))).rejects.toMatchObject({
      code: 'media_too_large',
    });
  });

  it('that Meta has not are failed, and so are those that have expired', async () => {
    const { client, number, graph } = await setup();
    const id = await client.upload(number, { bytes: png, size: png.length, mimeType: 'image/png', filename: 'a.png' });
    const media = await client.media(number, id);
    graph.advance(6 * 60_000);
    await expect(bytesOf(client.download(number, media, 1_000))).rejects.toMatchObject({ fate: 'failed' });
  });
});

describe('the token', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://localhost/x',
    'https://evil.example/lookaside.fbsbx.com',
    'https://lookaside.fbsbx.com.evil.example/x',
    'https://lookaside.fbsbx.com:8443/x',
    'http://lookaside.fbsbx.com/x',
    'https://user@lookaside.fbsbx.com/x',
    'https://xfbcdn.net/x',
    'file:///etc/passwd',
    'nonsense',
    '',
  ])('never goes to %j, which is not even called', async (url) => {
    const { client, number } = await setup();
    await expect(bytesOf(client.download(number, { url }, 10))).rejects.toMatchObject({
      fate: 'failed',
      code: 'media_unreadable',
    });
  });

  it('never goes to another host on this machine, nor where a redirect leads', async () => {
    const other = await stranger();
    const { client, number } = await setup();
    await expect(bytesOf(client.download(number, { url: other.url }, 10))).rejects.toMatchObject({ code: 'media_unreadable' });
    const meta = await stranger((_, response) => void response.writeHead(302, { location: `${other.url}/x` }).end());
    const { module } = await integration({ imports: [WhatsappModule], env: { WHATSAPP_CLOUD_BASE_URL: meta.url } });
    await expect(bytesOf(module.get(CloudClient).download(number, { url: meta.url }, 10))).rejects.toMatchObject({
      code: 'media_unreadable',
    });
    await expect(module.get(CloudClient).send(number, {})).rejects.toMatchObject({ fate: 'retry' });
    expect(other.calls).toEqual([]);
    expect(meta.calls).toHaveLength(2);
  });

  it('stands in no error', async () => {
    const { client, number, graph } = await setup();
    const errors: unknown[] = [];
    const keep = (error: unknown) => errors.push(error);
    number.failNext(1, { code: 190, message: `Invalid OAuth access token ${number.accessToken}` });
    await client.send(number, { messaging_product: 'whatsapp', to: '263771234567', text: { body: 'x' } }).catch(keep);
    await graph.refuse();
    await client.send(number, {}).catch(keep);
    await client.number(number).catch(keep);
    await graph.listen();
    expect(errors).toHaveLength(3);
    for (const error of errors)
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain(number.accessToken.slice(0, 20));
  });
});

test('a redirect within Meta is followed, and not for ever', async () => {
  let hops = 2;
  const meta = await stranger((_, response) => {
    hops -= 1;
    if (hops < 0) response.end('bytes');
    else response.writeHead(302, { location: '/next' }).end();
  });
  const { module } = await integration({ imports: [WhatsappModule], env: { WHATSAPP_CLOUD_BASE_URL: meta.url } });
  const get = () => bytesOf(module.get(CloudClient).download({ accessToken: 't' }, { url: `${meta.url}/file` }, 10));
  expect((await get()).toString()).toBe('bytes');
  hops = 50;
  await expect(get()).rejects.toMatchObject({ code: 'media_unreadable' });
});

test('a success that names no message is a doubt: the message went out', async () => {
  const meta = await stranger((_, response) => void response.end('{"messages":[]}'));
  const { module } = await integration({ imports: [WhatsappModule], env: { WHATSAPP_CLOUD_BASE_URL: meta.url } });
  await expect(module.get(CloudClient).send({ phoneNumberId: '1', accessToken: 't' }, {})).rejects.toMatchObject({
    fate: 'doubt',
  });
});
