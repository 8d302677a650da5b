import { randomBytes } from 'node:crypto';
import { globalAgent } from 'node:https';
import { Readable } from 'node:stream';
import { ModuleRef } from '@nestjs/core';
import { MediaModule, MediaProcessor, MediaService } from '@soko/media';
import { MessageStore } from '@soko/messaging';
import { until, type WhatsappWeb } from '@soko/testing';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { nextNumber, outbound, setup } from '../../../../test/support/baileys.js';

/** Clients upload by HTTPS alone. */
function trust({ mediaCertificate }: WhatsappWeb): void {
  const { ca } = globalAgent.options;
  globalAgent.options.ca = mediaCertificate;
  onTestFinished(() => void (globalAgent.options.ca = ca));
}

async function line() {
  const house = await setup();
  trust(house.server);
  const media = house.module.get(MediaService);
  const rudo = house.server.customer(nextNumber());
  const { session, phone } = await house.linked();
  return {
    ...house,
    session,
    phone,
    rudo,
    take: async (bytes: Buffer, filename: string) =>
      (await media.take(house.merchantId, Readable.from([bytes]), { filename }, 'upload')).id,
    send: (mediaId: string, caption?: string) => {
      const message = outbound(rudo, { type: 'media', media: { mediaId, ...(caption ? { caption } : {}) } });
      return session.send(message);
    },
    received: (count: number) => until('at the phone', () => (rudo.received.length >= count ? rudo.received : undefined)),
    uploads: () => house.system.query<{ remote_id: string }>('SELECT remote_id FROM media_uploads'),
  };
}

test('a picture arrives as it is, with its words, and is uploaded once', async () => {
  const { take, send, received, rudo, system, uploads } = await line();
  const bytes = await sharp({ create: { width: 300, height: 200, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  const picture = await take(bytes, 'red.jpg');
  await expect(send(picture, 'Red')).rejects.toMatchObject({ code: 'media_not_ready', fate: 'wait' });
  await system.query(`UPDATE media_blobs SET status = 'ready'`);
  await send(picture, 'Red');
  await send(picture);
  const [first, second] = await received(2);
  expect(first!.message.imageMessage).toMatchObject({ caption: 'Red', mimetype: 'image/jpeg' });
  expect(second!.message.imageMessage!.caption ?? '').toBe('');
  expect(second!.message.imageMessage!.directPath).toBe(first!.message.imageMessage!.directPath);
  for (const each of [first!, second!]) expect((await rudo.download(each)).equals(bytes)).toBe(true);
  expect(await uploads()).toHaveLength(1);
});

test('documents keep their name; sounds and films go too', async () => {
  const { take, send, received, rudo } = await line();
  const pdf = Buffer.concat([Buffer.from('%PDF-1.7'), randomBytes(200_000)]);
  await send(await take(pdf, 'prices.pdf'), 'Prices');
  const mp3 = Buffer.concat([
    Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'),
    Buffer.from([0xff, 0xfb, 0x90, 0x64]),
    Buffer.alloc(500),
  ]);
  await send(await take(mp3, 'song.mp3'));
  const [document, sound] = await received(2);
  expect(
    document!.message.documentMessage ?? document!.message.documentWithCaptionMessage?.message?.documentMessage,
  ).toMatchObject({
    fileName: 'prices.pdf',
    caption: 'Prices',
    mimetype: 'application/pdf',
  });
  expect((await rudo.download(document!)).equals(pdf)).toBe(true);
  expect(sound!.message.audioMessage).toMatchObject({ mimetype: 'audio/mpeg' });
});

const OGG = Buffer.concat([Buffer.from('OggS\0\x02'), Buffer.alloc(20), Buffer.from('\x01\x13OpusHead'), Buffer.alloc(300)]);
const PDF = Buffer.concat([Buffer.from('%PDF-1.7'), randomBytes(2_000_000)]);

test('what was spoken into a phone is shown as such', async () => {
  const { take, send, received, rudo } = await line();
  await send(await take(OGG, 'a.ogg'));
  const [spoken] = await received(1);
  expect(spoken!.message.audioMessage).toMatchObject({ ptt: true, mimetype: 'audio/ogg; codecs=opus' });
  expect((await rudo.download(spoken!)).equals(OGG)).toBe(true);
});

test('a picture that the worker has made ready shows its small size until it is loaded', async () => {
  const { take, send, received, module, merchantId, system } = await line();
  const bytes = await sharp({ create: { width: 600, height: 400, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  const id = await take(bytes, 'red.jpg');
  const [blob] = await system.query<{ id: string }>('SELECT id FROM media_blobs');
  const processor = await module.select(MediaModule).get(ModuleRef, { strict: true }).create(MediaProcessor);
  await processor.process({ merchantId, blobId: blob!.id }, async () => undefined);
  await send(id);
  const { imageMessage } = (await received(1))[0]!.message;
  expect(imageMessage).toMatchObject({ width: 600, height: 400 });
  expect(await sharp(imageMessage!.jpegThumbnail!).metadata()).toMatchObject({ format: 'jpeg', width: 200, height: 133 });
});

test('many messages with one file at the same moment upload it once', async () => {
  const { take, send, received, server, uploads } = await line();
  const id = await take(PDF, 'prices.pdf');
  await Promise.all(Array.from({ length: 5 }, () => send(id)));
  await received(5);
  expect(server.media.uploads).toBe(1);
  expect(await uploads()).toHaveLength(1);
});

test.each(['break', 'refuse'] as const)(
  'an upload that meets trouble (%s) is done again, and the message arrives once',
  async (fault) => {
    const { take, received, server, uploads, session, rudo } = await line();
    const mediaId = await take(PDF, 'prices.pdf');
    const message = outbound(rudo, { type: 'media', media: { mediaId } });
    server.media.faults.uploads.push(fault);
    await expect(session.send(message)).rejects.toMatchObject({ code: 'media_not_uploaded', fate: 'retry' });
    expect(await uploads()).toEqual([]);
    for (let tries = 0; tries < 2; tries++) expect(await session.send(message)).toBe(message.waMessageId);
    const all = await received(1);
    expect(all.map(({ id }) => id)).toEqual([message.waMessageId]);
    expect((await rudo.download(all[0]!)).equals(PDF)).toBe(true);
    expect(server.media.uploads).toBe(1);
  },
);

test('an upload whose connection is lost waits for the next one, which costs the message no try', async () => {
  const { take, server, session, rudo, phone } = await line();
  const mediaId = await take(PDF, 'prices.pdf');
  server.media.faults.uploads.push('hang');
  const sending = session.send(outbound(rudo, { type: 'media', media: { mediaId } })).catch((error: unknown) => error);
  await until('it is on its way', () => server.media.faults.uploads.length === 0);
  phone.close(428);
  await until('the connection is lost', () => !session.sends);
  server.media.breakHanging();
  expect(await sending).toMatchObject({ fate: 'wait' });
});

test('a phone that could not read the message gets it once more, with the same file', async () => {
  const { take, received, server, rudo, module, merchantId, tenancy, session, id: channelId } = await line();
  const mediaId = await take(PDF, 'prices.pdf');
  const store = module.get(MessageStore);
  const queued = await tenancy.run(merchantId, (tx) =>
    store.queue(tx, { to: rudo.number, channelId, content: { type: 'media', media: { mediaId, caption: 'Prices' } } }),
  );
  const message = outbound(rudo, { type: 'media', media: { mediaId, caption: 'Prices' } }, { messageId: queued.id });
  await tenancy.run(merchantId, (tx) =>
    tx.query('INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id) VALUES ($1, $2, $3, $4)', [
      merchantId,
      channelId,
      message.waMessageId,
      queued.id,
    ]),
  );
  rudo.failNext = 1;
  await session.send(message);
  const [again] = await received(1);
  expect(rudo.unreadable).toHaveLength(1);
  expect(again!.text).toBe('Prices');
  expect((await rudo.download(again!)).equals(PDF)).toBe(true);
  expect(server.media.uploads).toBe(1);
});
