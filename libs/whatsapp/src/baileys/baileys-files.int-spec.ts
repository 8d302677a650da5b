import { randomBytes } from 'node:crypto';
import { globalAgent } from 'node:https';
import { Readable } from 'node:stream';
import { MediaService } from '@soko/media';
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
  const { session } = await house.linked();
  return {
    ...house,
    session,
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
