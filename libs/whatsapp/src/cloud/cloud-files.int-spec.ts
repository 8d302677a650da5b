import { Readable } from 'node:stream';
import { newId } from '@soko/common';
import { MediaService } from '@soko/media';
import { MessageStore } from '@soko/messaging';
import { type BusinessNumber, until } from '@soko/testing';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { PHONE, setup } from '../../../../test/support/cloud.js';
import { InboundQueue } from '../inbound/inbound.queue.js';
import { InboundService } from '../inbound/inbound.service.js';
import type { TransportError } from '../transport.js';

async function line(patience?: number) {
  const house = await setup({ patience });
  const media = house.module.get(MediaService);
  const take = async (bytes: Buffer, filename: string): Promise<string> =>
    (await media.take(house.merchantId, Readable.from([bytes]), { filename }, 'upload')).id;
  return {
    ...house,
    media,
    take,
    /** As the worker leaves it. */
    ready: () => house.system.query(`UPDATE media_blobs SET status = 'ready'`),
    file: (mediaId: string, caption?: string) =>
      house.message({ content: { type: 'media', media: { mediaId, ...(caption ? { caption } : {}) } } }),
  };
}
const dot = (): Promise<Buffer> =>
  sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();

test('a picture is uploaded once, and sent as often as wanted', async () => {
  const { opened, take, ready, file, received, number } = await line();
  const session = await opened();
  const picture = await take(await dot(), 'dot.jpg');
  await expect(session.send(file(picture))).rejects.toMatchObject({ code: 'media_not_ready', fate: 'wait' });
  await ready();
  await session.send(file(picture, 'Fresh today'));
  await session.send(file(picture));
  expect(number.media.size).toBe(1);
  const id = expect.any(String);
  expect(received()).toMatchObject([
    { type: 'image', payload: { id, caption: 'Fresh today' } },
    { type: 'image', payload: { id } },
  ]);
});

test('a document carries its name', async () => {
  const { opened, take, file, received } = await line();
  const session = await opened();
  await session.send(file(await take(Buffer.from('%PDF-1.7'), 'prices.pdf'), 'Prices'));
  expect(received()).toMatchObject([{ type: 'document', payload: { filename: 'prices.pdf', caption: 'Prices' } }]);
});

test('a file that Meta has forgotten is uploaded again', async () => {
  const { opened, take, file, number, received, system } = await line();
  const session = await opened();
  const mediaId = await take(Buffer.from('%PDF-1.7'), 'prices.pdf');
  await session.send(file(mediaId));
  const [row] = await system.query<{ remote_id: string }>('SELECT remote_id FROM media_uploads');
  number.media.delete(row!.remote_id);
  await expect(session.send(file(mediaId))).rejects.toMatchObject({ fate: 'retry' });
  await session.send(file(mediaId));
  expect(received()).toHaveLength(2);
  expect((await system.query<{ remote_id: string }>('SELECT remote_id FROM media_uploads'))[0]!.remote_id).not.toBe(
    row!.remote_id,
  );
});

test('what is gone, or nothing for WhatsApp, is not tried again', async () => {
  const { opened, take, file, media, merchantId, message } = await line();
  const session = await opened();
  const gone = await take(Buffer.from('%PDF-1.7'), 'prices.pdf');
  await media.delete(merchantId, gone);
  await expect(session.send(file(gone))).rejects.toMatchObject({ code: 'media_gone', fate: 'failed' });
  await expect(session.send(file(newId()))).rejects.toMatchObject({ code: 'media_gone', fate: 'failed' });
  const film = Buffer.alloc(16_000_001, 1);
  Buffer.from([0, 0, 0, 24]).copy(film);
  film.write('ftypisom', 4);
  film.writeUInt32BE(film.length - 24, 24);
  film.write('mdat', 28);
  await expect(session.send(file(await take(film, 'a.mp4')))).rejects.toMatchObject({
    code: 'media_refused',
    fate: 'failed',
    message: expect.stringContaining('16000000 bytes'),
  });
  expect(await session.send(message({ to: { phone: PHONE } }))).toEqual(expect.any(String));
});

test('many messages with one file at the same moment upload it once', async () => {
  const { opened, take, file, number, received } = await line(30_000);
  const session = await opened();
  const prices = await take(Buffer.from('%PDF-1.7'), 'prices.pdf');
  await Promise.all(Array.from({ length: 10 }, (_, n) => session.send({ ...file(prices), contactId: `customer ${n}` })));
  expect(received()).toHaveLength(10);
  expect(number.media.size).toBe(1);
});

const LARGE = Buffer.concat([Buffer.from('%PDF-1.7'), Buffer.alloc(3_000_000)]);
test.each<[string, (number: BusinessNumber) => void]>([
  ['breaks off half way', (number) => number.dropNext(1, 'during', 'media')],
  ['gets no answer', (number) => number.dropNext(1, 'after', 'media')],
  ['meets a fault of Meta', (number) => number.failNext(1, { code: 131000, on: 'media' })],
])('an upload that %s is done again, and the customer gets one message', async (_, fault) => {
  const { opened, take, file, number, received, system } = await line();
  const session = await opened();
  const message = file(await take(LARGE, 'prices.pdf'));
  fault(number);
  await expect(session.send(message)).rejects.toMatchObject({ fate: 'retry' });
  expect(await system.query('SELECT 1 FROM media_uploads')).toEqual([]);
  await session.send(message);
  expect(received()).toMatchObject([{ type: 'document', callbackData: message.messageId }]);
  const id = (received()[0]!.payload as { id: string }).id;
  expect(number.media.get(id)!.bytes.equals(LARGE)).toBe(true);
});

test('what Meta refuses when it is uploaded is not tried again', async () => {
  const { opened, take, file, number } = await line();
  const session = await opened();
  const message = file(await take(Buffer.from('%PDF-1.7'), 'prices.pdf'));
  number.failNext(1, { code: 131053, on: 'media' });
  await expect(session.send(message)).rejects.toMatchObject({ code: 'media_refused', fate: 'failed' });
});

test('a token that Meta does not take halts the channel at the upload too', async () => {
  const { opened, take, file, number, reports } = await line();
  const session = await opened();
  const message = file(await take(Buffer.from('%PDF-1.7'), 'prices.pdf'));
  number.failNext(1, { code: 190, on: 'media' });
  await expect(session.send(message)).rejects.toMatchObject({ code: 'token_invalid', fate: 'wait' });
  expect(session.sends).toBe(false);
  expect(reports.at(-1)).toMatchObject({ status: 'failed' });
});

test('while Meta is left alone no file is opened for it, which nobody would close', async () => {
  const { opened, take, file, system, media } = await line();
  const session = await opened();
  const open = media.open.bind(media);
  let read = 0;
  media.open = async (...of) => {
    const found = await open(...of);
    return { ...found, read: () => ((read += 1), found.read()) };
  };
  await system.query(`UPDATE breakers SET state = 'open', open_until = now() + interval '1 hour'`);
  let files = 0;
  // It may become known between the upload and the message: then a file was still opened, and rightly.
  await until('the breaker is known before the upload', async () => {
    read = 0;
    const message = file(await take(Buffer.from(`%PDF-1.7 ${++files}`), 'prices.pdf'));
    return session.send(message).then(
      () => false,
      ({ code }: TransportError) => code === 'network_away' && read === 0,
    );
  });
  expect(read).toBe(0);
});

test('what a status says of a file is heeded: it is uploaded anew for the next message', async () => {
  const { opened, take, file, number, channel, merchantId, tenancy, module, system } = await line();
  const session = await opened();
  const store = module.get(MessageStore);
  const mediaId = await take(Buffer.from('%PDF-1.7'), 'prices.pdf');
  const { id: messageId } = await tenancy.run(merchantId, (tx) =>
    store.queue(tx, { to: PHONE, content: { type: 'media', media: { mediaId } } }),
  );
  const waMessageId = await session.send({ ...file(mediaId), messageId });
  const told = (code: number) => {
    const errors = [{ code, title: 'x' }];
    const item = { id: waMessageId, status: 'failed', timestamp: '1', errors, biz_opaque_callback_data: messageId };
    const value = { metadata: { phone_number_id: number.phoneNumberId }, statuses: [item] };
    return JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] });
  };
  const uploads = () => system.query('SELECT 1 FROM media_uploads');
  const hear = async (code: number) => {
    await module.get(InboundQueue).put(merchantId, channel.id, told(code));
    await module.get(InboundService).drain({ merchantId, channelId: channel.id });
  };
  await hear(131026);
  expect(await uploads()).toHaveLength(1);
  await hear(131053);
  expect(await uploads()).toEqual([]);
});

test('sounds are named as Meta wants it, and so are tables', async () => {
  const { opened, take, file, number, received } = await line();
  const session = await opened();
  const spoken = Buffer.concat([Buffer.from('OggS\0\x02'), Buffer.alloc(20), Buffer.from('\x01\x13OpusHead'), Buffer.alloc(99)]);
  await session.send(file(await take(spoken, 'a.ogg')));
  await session.send(file(await take(Buffer.from('sku,price\nA,1\n'), 'prices.csv')));
  const [audio, table] = received().map(({ payload }) => payload as { id: string; filename?: string });
  expect(number.media.get(audio!.id)!.mimeType).toBe('audio/ogg; codecs=opus');
  expect(number.media.get(table!.id)!.mimeType).toBe('text/plain');
  expect(table!.filename).toBe('prices.csv');
});
