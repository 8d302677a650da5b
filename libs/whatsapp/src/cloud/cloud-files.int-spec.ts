import { Readable } from 'node:stream';
import { newId } from '@soko/common';
import { MediaService } from '@soko/media';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { PHONE, setup } from '../../../../test/support/cloud.js';

async function line() {
  const house = await setup();
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
