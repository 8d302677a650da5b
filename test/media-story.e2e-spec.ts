import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, until } from '@soko/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { baileysLine, cloudLine, type Networks, simulatorLine, startNetworks } from './support/networks.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const PHONE = '+263771234567';

let env: TestStack;
let networks: Networks;
let folder: string;
beforeAll(async () => {
  networks = await startNetworks();
  // WhatsApp Web takes files by HTTPS alone.
  folder = await mkdtemp(join(tmpdir(), 'soko-ca-'));
  const certificate = join(folder, 'media.pem');
  await writeFile(certificate, networks.web.mediaCertificate);
  env = await startTestStack({ ...networks.env, NODE_EXTRA_CA_CERTS: certificate });
});
afterAll(async () => {
  await env?.stop();
  await networks?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const picture = (red: number): Promise<Buffer> =>
  sharp({ create: { width: 900, height: 600, channels: 3, background: { r: red, g: 40, b: 10 } } })
    .jpeg({ quality: 95 })
    .toBuffer();

interface Media {
  id: string;
  status: string;
  url: string;
  mimeType: string;
  variants: Record<string, { url: string; width: number }>;
}
interface Message {
  id: string;
  direction: string;
  content: { type: string; image?: { mediaId?: string; caption?: string; unavailable?: string } };
}

const uploaded = (client: ApiClient, bytes: Buffer, filename = 'maize.jpg', mimeType = 'image/jpeg'): Promise<Media> =>
  client.ok('POST', '/api/media/upload', { filename, mimeType, data: bytes.toString('base64') });

const ready = (client: ApiClient, id: string): Promise<Media> =>
  until('a picture that is ready', async () => {
    const media = await client.ok<Media>('GET', `/api/media/${id}`);
    return media.status === 'ready' && media;
  });

async function messagesOf(client: ApiClient): Promise<Message[]> {
  const chats = await client.ok<{ data: { id: string }[] }>('GET', '/api/whatsapp/chats');
  const all = chats.data.map(({ id }) => client.ok<{ data: Message[] }>('GET', `/api/whatsapp/chats/${id}/messages`));
  return (await Promise.all(all)).flatMap(({ data }) => data);
}

async function bytesAt(url: string): Promise<Buffer> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

/** What the chat shows of the customer's picture, by its links. */
async function inChat(client: ApiClient): Promise<{ caption?: string; width: number; height: number; thumbnail: number }> {
  const message = await until('the picture in the chat', async () =>
    (await messagesOf(client)).find(({ direction, content }) => direction === 'inbound' && content.image?.mediaId),
  );
  const { caption, mediaId } = message.content.image!;
  const media = await ready(client, mediaId!);
  const { width, height } = await sharp(await bytesAt(media.url)).metadata();
  return { caption, width, height, thumbnail: (await sharp(await bytesAt(media.variants.thumbnail!.url)).metadata()).width };
}
const asSent = async (bytes: Buffer): Promise<object> => {
  const { width, height } = await sharp(bytes).metadata();
  return { caption: 'This one?', width, height, thumbnail: 200 };
};

describe('a picture from the customer shows in the chat', () => {
  it('by the Cloud API', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    const { number } = await cloudLine(client, networks);
    const bytes = await picture(200);
    await number.customer(PHONE).write({ image: { bytes, caption: 'This one?' } });
    expect(await inChat(client)).toEqual(await asSent(bytes));
  });

  it('by WhatsApp Web', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    const { phone } = await baileysLine(client, networks);
    const bytes = await picture(150);
    await networks.web.customer('+263771234568').write(phone, { image: { bytes, caption: 'This one?' } });
    expect(await inChat(client)).toEqual(await asSent(bytes));
  });

  it('by the simulator', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    const { channelId } = await simulatorLine(client, env.db);
    const bytes = await picture(100);
    const { id: mediaId } = await uploaded(client, bytes);
    await client.ok('POST', `/api/simulator/channels/${channelId}/messages`, {
      from: PHONE,
      type: 'image',
      text: 'This one?',
      mediaId,
    });
    expect(await inChat(client)).toEqual(await asSent(bytes));
  });
});

/** Sends a picture, and waits until nothing is left to do. */
const sendPicture = async (client: ApiClient, to: string): Promise<{ bytes: Buffer; mediaId: string }> => {
  const { id: mediaId } = await uploaded(client, await picture(50));
  const body = { to, type: 'media', media: { mediaId, caption: 'Fresh today' } };
  await client.ok('POST', '/api/whatsapp/send', body);
  await settled(env.db);
  return { bytes: await bytesAt((await ready(client, mediaId)).url), mediaId };
};

describe('a picture that the merchant sends reaches the phone, sent before it is even processed', () => {
  it('by the Cloud API', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    const { number } = await cloudLine(client, networks);
    const customer = number.customer(PHONE);
    await customer.write({ text: 'stop the bot' });
    await settled(env.db);
    const { bytes } = await sendPicture(client, PHONE);
    const shown = customer.received.find(({ type }) => type === 'image')!;
    const { id, caption } = shown.payload as { id: string; caption: string };
    expect(caption).toBe('Fresh today');
    expect(number.media.get(id)!.bytes.equals(bytes)).toBe(true);
  });

  it('by WhatsApp Web', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    await baileysLine(client, networks);
    const customer = networks.web.customer('+263771234569');
    const { bytes } = await sendPicture(client, customer.number);
    const shown = customer.received.find(({ message }) => message.imageMessage)!;
    expect(shown.message.imageMessage).toMatchObject({ caption: 'Fresh today', width: 900, height: 600 });
    expect((await customer.download(shown)).equals(bytes)).toBe(true);
  });

  it('by the simulator', async () => {
    const { client } = await ApiClient.register(env.baseUrl);
    const { channelId } = await simulatorLine(client, env.db);
    const { bytes, mediaId } = await sendPicture(client, PHONE);
    const path = `/api/simulator/channels/${channelId}/phones/${encodeURIComponent(PHONE)}/messages`;
    const { data } = await client.ok<{ data: { text: string; content: object; media: { url: string } }[] }>('GET', path);
    expect(data).toMatchObject([{ text: 'Fresh today', content: { type: 'media', media: { mediaId } } }]);
    expect((await bytesAt(data[0]!.media.url)).equals(bytes)).toBe(true);
  });
});

test('what cannot be sent is refused at once, and a file that waits is kept', async () => {
  const { client } = await ApiClient.register(env.baseUrl);
  await simulatorLine(client, env.db);
  const send = (media: object, more: object = {}) =>
    client.call('POST', '/api/whatsapp/send', { to: PHONE, type: 'media', media, ...more });
  const unknown = '01990000-0000-7000-8000-000000000001';
  expect((await send({ mediaId: unknown })).body).toMatchObject({ status: 404, detail: expect.stringContaining(unknown) });
  const sound = Buffer.concat([
    Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'),
    Buffer.from([0xff, 0xfb, 0x90, 0x64]),
    Buffer.alloc(500),
  ]);
  const { id } = await uploaded(client, sound, 'song.mp3', 'audio/mpeg');
  expect((await send({ mediaId: id, caption: 'Ours' })).body).toMatchObject({
    status: 422,
    errors: [{ path: 'media.caption' }],
  });
  const scheduled = await send({ mediaId: id }, { sendAt: new Date(Date.now() + 3_600_000).toISOString() });
  expect(scheduled.status).toBe(202);
  const kept = await client.call('DELETE', `/api/media/${id}`);
  expect(kept.body).toMatchObject({ status: 409, code: 'media_in_use', detail: expect.stringContaining('waits to be sent') });
  await client.ok('DELETE', `/api/whatsapp/messages/${String(scheduled.body.id)}`);
  await client.ok('DELETE', `/api/media/${id}`);
});

test('a file that nobody takes is said in the message, and the next message is answered', async () => {
  const { client } = await ApiClient.register(env.baseUrl);
  const { number } = await cloudLine(client, networks);
  const customer = number.customer('+263771234570');
  await customer.write({ image: { bytes: Buffer.from('<svg onload="alert(1)"/>'), mimeType: 'image/png', caption: 'Look' } });
  await until('said', async () => (await messagesOf(client)).some(({ content }) => content.image?.unavailable));
  await customer.write({ text: 'hi' });
  await until('an answer', () => customer.received.length > 0);
  expect((await messagesOf(client)).find(({ content }) => content.image)!.content.image).toMatchObject({ caption: 'Look' });
});
