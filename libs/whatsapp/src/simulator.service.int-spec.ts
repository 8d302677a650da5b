import { Readable } from 'node:stream';
import { newId, NotFoundError } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import { MediaService } from '@soko/media';
import { ChannelService, ChatService, SimulatorOffError } from '@soko/messaging';
import { integration } from '@soko/testing';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { SimulatorService } from './simulator.service.js';
import { Transports } from './transports.js';
import { WhatsappModule } from './whatsapp.module.js';

const PHONE = '+263771234567';
const LIST: OutboundContent = {
  type: 'list',
  list: { body: 'Choose', button: 'See', sections: [{ rows: [{ id: 'row:1', title: 'Maize meal' }] }] },
};

async function setup() {
  const { module, merchant, system } = await integration({ imports: [WhatsappModule] });
  const { id: merchantId } = (await merchant()).merchant;
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Phone', kind: 'simulator' });
  const phone = module.get(SimulatorService);
  const host = { lease: () => undefined, report: async () => true, ready: () => undefined };
  const session = await module
    .get(Transports)
    .of('simulator')
    .open({ merchantId, id: channel.id, kind: 'simulator', phone: null, config: {}, createdAt: new Date() }, host);
  let sent = 0;
  return {
    phone,
    chats: module.get(ChatService),
    merchantId,
    channelId: channel.id,
    system,
    media: module.get(MediaService),
    stranger: async () => (await merchant()).merchant.id,
    write: (body: object) => phone.write(merchantId, channel.id, { from: PHONE, type: 'text', text: 'hi', ...body }),
    /** As the gateway does. */
    send: (content: OutboundContent, waMessageId = `sim.${++sent}`) =>
      session.send({ ...MESSAGE, to: { phone: PHONE }, content, waMessageId }),
    received: async (after?: string) =>
      (await phone.received(merchantId, channel.id, PHONE, { limit: 100, ...(after ? { after } : {}) })).data,
  };
}
const MESSAGE = {
  messageId: 'm',
  chatId: 'c',
  channelId: 'l',
  contactId: 'p',
  cloudTemplate: null,
  seq: 1,
  category: 'utility',
  attempts: 1,
  replyTo: null,
  lastInboundAt: null,
  begun: false,
  readMark: null,
  refused: null,
} as const;
const text = (body: string): OutboundContent => ({ type: 'text', text: { body } });

test('what the phone writes is stored once, with an id of its own when it has none', async () => {
  const { write, chats, merchantId } = await setup();
  const first = await write({});
  expect(first.waMessageId).toMatch(/^sim\.in\./);
  for (let n = 0; n < 3; n++) expect(await write({ text: 'again', waMessageId: 'wamid.1' })).toEqual({ waMessageId: 'wamid.1' });
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  const { data } = await chats.messages(merchantId, chat!.id, { limit: 10, offset: 0 });
  expect(data.map((message) => message.text)).toEqual(['again', 'hi']);
});

test('a tap carries the title of what was tapped, as the phone showed it', async () => {
  const { write, send, chats, merchantId } = await setup();
  await send(LIST);
  await write({ type: 'list', text: undefined, replyId: 'row:1' });
  await write({ type: 'button', text: undefined, replyId: 'gone' });
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  const { data } = await chats.messages(merchantId, chat!.id, { limit: 10, offset: 0 });
  expect(data.map((message) => message.content)).toEqual([
    { type: 'reply', reply: { id: 'gone', title: 'gone' } },
    { type: 'reply', reply: { id: 'row:1', title: 'Maize meal' } },
  ]);
});

test('the phone holds what it was sent, in order and once, and shows what came after an id, a number or a time', async () => {
  const { send, received } = await setup();
  for (const body of ['one', 'two', 'three']) await send(text(body));
  await send(text('two'), 'sim.2');
  const all = await received();
  expect(all.map((message) => message.text)).toEqual(['one', 'two', 'three']);
  for (const after of [all[0]!.waMessageId, String(all[0]!.seq)]) {
    expect((await received(after)).map((message) => message.text)).toEqual(['two', 'three']);
  }
  expect(await received(new Date(Date.now() + 60_000).toISOString())).toEqual([]);
  expect(await received(new Date(Date.now() - 60_000).toISOString())).toHaveLength(3);
  expect(await received('unknown')).toHaveLength(3);
});

test('a receipt for a message that the phone does not have is a 404, and read stays read', async () => {
  const { phone, merchantId, channelId, send, received } = await setup();
  const waMessageId = await send(text('one'));
  const receipt = (id: string, status: 'delivered' | 'read') =>
    phone.receipt(merchantId, channelId, PHONE, { waMessageId: id, status });
  await receipt(waMessageId, 'read');
  await receipt(waMessageId, 'delivered');
  expect(await received()).toMatchObject([{ status: 'read' }]);
  await expect(receipt('unknown', 'read')).rejects.toThrow(NotFoundError);
});

test('nobody uses another merchant’s phones, and nobody any phone where the simulator is off', async () => {
  const { phone, channelId, stranger } = await setup();
  await expect(phone.received(await stranger(), channelId, PHONE, { limit: 10 })).rejects.toThrow(NotFoundError);
  const off = await integration({ imports: [WhatsappModule], env: { SIMULATOR_ENABLED: 'false' } });
  const { id } = (await off.merchant()).merchant;
  await expect(off.module.get(SimulatorService).received(id, channelId, PHONE, { limit: 10 })).rejects.toThrow(SimulatorOffError);
  await expect(off.module.get(ChannelService).create(id, { name: 'x', kind: 'simulator' })).rejects.toThrow(SimulatorOffError);
});

const picture = (): Promise<Buffer> =>
  sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();

test('the phone shows a picture that it was sent, by a link, until it is deleted', async () => {
  const { media, merchantId, send, received, system } = await setup();
  const bytes = await picture();
  const { id: mediaId } = await media.take(merchantId, Readable.from([bytes]), { filename: 'red.jpg' }, 'upload');
  const content: OutboundContent = { type: 'media', media: { mediaId, caption: 'Fresh today' } };
  await expect(send(content)).rejects.toMatchObject({ code: 'media_not_ready', fate: 'wait' });
  await system.query(`UPDATE media_blobs SET status = 'ready'`);
  await send(content);
  await send({ type: 'media', media: { mediaId } });
  const file = { kind: 'image', mimeType: 'image/jpeg', filename: 'red.jpg', url: expect.stringContaining('token=') };
  expect(await received()).toMatchObject([
    { type: 'media', content, text: 'Fresh today', media: file },
    { type: 'media', text: 'Photo', media: file },
  ]);
  await media.delete(merchantId, mediaId);
  expect((await received()).map((message) => message.media)).toEqual([undefined, undefined]);
  await expect(send(content)).rejects.toMatchObject({ code: 'media_gone', fate: 'failed' });
});

test('the phone takes what WhatsApp takes', async () => {
  const { media, merchantId, send, received } = await setup();
  const film = Buffer.alloc(16_000_001);
  film.writeUInt32BE(24);
  film.write('ftypisom', 4);
  const { id: mediaId } = await media.take(merchantId, Readable.from([film]), { filename: 'a.mp4' }, 'upload');
  await expect(send({ type: 'media', media: { mediaId } })).rejects.toMatchObject({ code: 'media_refused', fate: 'failed' });
  expect(await received()).toEqual([]);
});

test('a customer sends a picture of this merchant’s store, and nothing else', async () => {
  const { media, merchantId, write, stranger, chats } = await setup();
  const take = async (owner: string, bytes: Buffer, filename: string) =>
    (await media.take(owner, Readable.from([bytes]), { filename }, 'upload')).id;
  const image = (mediaId?: string) => write({ type: 'image', text: 'My house', mediaId });
  const mine = await take(merchantId, await picture(), 'red.jpg');
  for (const id of [newId(), await take(await stranger(), await picture(), 'red.jpg')])
    await expect(image(id)).rejects.toThrow(new NotFoundError('media', id));
  const pdf = await take(merchantId, Buffer.from('%PDF-1.7'), 'a.pdf');
  await expect(image(pdf)).rejects.toMatchObject({ status: 422, errors: [{ path: 'mediaId' }] });
  await image(mine);
  await image();
  const [chat] = (await chats.list(merchantId, { limit: 10 })).data;
  const { data } = await chats.messages(merchantId, chat!.id, { limit: 10, offset: 0 });
  expect(data.map((message) => message.content)).toEqual([
    { type: 'image', image: { caption: 'My house' } },
    { type: 'image', image: { caption: 'My house', mediaId: mine } },
  ]);
});
