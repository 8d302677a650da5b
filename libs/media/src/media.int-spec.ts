import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { newId, NotFoundError } from '@soko/common';
import { Log } from '@soko/observability';
import { gate, integration, parallel, startS3 } from '@soko/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { MediaBlobs } from './media-blobs.js';
import { MediaClaims } from './media-processor-claims.js';
import { MediaFailedError, MediaInUseError, MediaNotReadyError } from './media.errors.js';
import { MediaModule } from './media.module.js';
import { MediaProcessor } from './media-processor.js';
import { MediaService } from './media.service.js';
import { LocalMediaStore, type MediaStore } from './media-store.js';
import { MediaSweep } from './media-sweep.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

const onS3: Record<string, string> = {};
let stop: () => Promise<void>;
beforeAll(async () => {
  const server = await startS3();
  Object.assign(onS3, server.env);
  stop = server.close;
});
afterAll(() => stop());

const picture = (width = 40, height = 30): Promise<Buffer> =>
  sharp(randomBytes(width * height * 3), { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
const pdf = (): Buffer => Buffer.from(`%PDF-1.7\n${randomBytes(20).toString('hex')}`);
const progress = async (): Promise<void> => undefined;

async function setup(kind: string) {
  const house = await integration({
    imports: [MediaModule],
    env: kind === 's3' ? onS3 : {},
  });
  const merchantId = await house.shop();
  const [media, blobs, processor, sweep] = [
    house.module.get(MediaService),
    house.module.get(MediaBlobs),
    new MediaProcessor(
      house.module.get(MediaClaims),
      house.module.get(Log),
      house.module.get<MediaStore>(MEDIA_STORE),
      house.module.get<string>(TEMPORARY),
    ),
    house.module.get(MediaSweep),
  ];
  const store = house.module.get<MediaStore>(MEDIA_STORE);
  const rows = () =>
    house.system.query<{ id: string; status: string; merchant_id: string }>(
      'SELECT id, status, merchant_id FROM media_blobs ORDER BY id',
    );
  return {
    ...house,
    merchantId,
    media,
    blobs,
    processor,
    sweep,
    store,
    rows,
    take: (bytes: Buffer, filename = 'a.jpg', of = merchantId) => media.take(of, Readable.from([bytes]), { filename }, 'upload'),
    process: async () => {
      for (const { id, merchant_id: of } of await rows()) await processor.process({ merchantId: of, blobId: id }, progress);
    },
    bytesAt: async (path: string): Promise<Buffer> => buffer(await store.get(path)),
    /** Everything looks so much older. */
    age: (interval: string) => house.system.query('UPDATE media_blobs SET touched_at = touched_at - $1::interval', [interval]),
  };
}

describe.each(['disk', 's3'])('on %s', (kind) => {
  test('a picture is processing, then ready, in three sizes, upright, without what it told of its maker', async () => {
    const { take, process, media, merchantId, bytesAt } = await setup(kind);
    const plain = await sharp({ create: { width: 3_000, height: 1_500, channels: 3, background: 'red' } })
      .withExif({ IFD0: { Copyright: 'Rudo' }, IFD3: { GPSLatitudeRef: 'S' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const taken = await take(plain);
    expect(taken).toMatchObject({
      kind: 'image',
      mimeType: 'image/jpeg',
      size: plain.length,
      hash: createHash('sha256').update(plain).digest('hex'),
      filename: 'a.jpg',
      status: 'processing',
      origin: 'upload',
      variants: {},
    });
    await expect(media.open(merchantId, taken.id)).rejects.toThrow(MediaNotReadyError);
    expect((await bytesAt(taken.path)).equals(plain)).toBe(true);
    await process();
    const ready = await media.get(merchantId, taken.id);
    expect(ready).toMatchObject({
      status: 'ready',
      width: 1_024,
      height: 2_048,
      blurhash: expect.stringMatching(/^.{28}$/),
      variants: {
        original: { mimeType: 'image/jpeg', width: 1_024, height: 2_048 },
        medium: { mimeType: 'image/jpeg', width: 400, height: 800 },
        thumbnail: { mimeType: 'image/jpeg', width: 100, height: 200 },
      },
    });
    const stored = await sharp(await bytesAt(taken.path)).metadata();
    expect(stored).toMatchObject({ format: 'jpeg', width: 1_024, height: 2_048 });
    expect([stored.exif, stored.xmp, stored.orientation]).toEqual([undefined, undefined, undefined]);
    const opened = await media.open(merchantId, taken.id);
    expect(opened).toMatchObject({ kind: 'image', mimeType: 'image/jpeg', width: 1_024, filename: 'a.jpg' });
    expect((await buffer(await opened.read())).length).toBe(opened.size);
    expect((await sharp(await buffer(await opened.thumbnail!())).metadata()).height).toBe(200);
  });

  test('what can be seen through stays so', async () => {
    const { take, process, media, merchantId } = await setup(kind);
    const background = { r: 0, g: 0, b: 0, alpha: 0.5 };
    const clear = await sharp({ create: { width: 300, height: 300, channels: 4, background } })
      .png()
      .toBuffer();
    const { id } = await take(clear, 'a.png');
    await process();
    expect((await media.get(merchantId, id)).variants).toMatchObject({
      original: { mimeType: 'image/png' },
      thumbnail: { mimeType: 'image/webp' },
    });
  });

  test('a damaged picture fails with a reason, leaves no bytes, and may come again', async () => {
    const { take, process, media, merchantId, rows, store } = await setup(kind);
    const bytes = (await picture(400, 300)).subarray(0, 9_000);
    const { id, path } = await take(bytes);
    await process();
    expect(await media.get(merchantId, id)).toMatchObject({ status: 'failed', reason: expect.stringMatching(/damaged|cut off/) });
    await expect(media.open(merchantId, id)).rejects.toThrow(MediaFailedError);
    expect(await store.exists(path)).toBe(false);
    await take(bytes);
    expect((await rows()).map(({ status }) => status)).toEqual(['failed', 'processing']);
  });

  test('what is no picture is ready at once', async () => {
    const { take, media, merchantId, bytesAt } = await setup(kind);
    const bytes = pdf();
    const file = await take(bytes, '../../etc/prices é.pdf');
    expect(file).toMatchObject({ kind: 'document', status: 'ready', filename: 'prices é.pdf', mimeType: 'application/pdf' });
    expect((await bytesAt(file.path)).equals(bytes)).toBe(true);
    expect(await media.open(merchantId, file.id)).toMatchObject({ size: bytes.length, mimeType: 'application/pdf' });
  });

  test('the same bytes are kept once for each merchant, however many come at once', async () => {
    const { take, rows, shop, merchantId, media, store } = await setup(kind);
    const bytes = await picture();
    const files = await parallel(8, (n) => take(bytes, `${n}.jpg`));
    expect(new Set(files.map(({ id }) => id)).size).toBe(8);
    expect(new Set(files.map(({ path }) => path)).size).toBe(1);
    // What others brought at the same moment is on its way out, and its bytes are gone.
    const kept = async () => (await rows()).filter(({ status }) => status !== 'removing');
    expect(await kept()).toHaveLength(1);
    for (const { id, status } of await rows()) {
      expect(await store.exists(`${merchantId}/${id}/original`)).toBe(status !== 'removing');
    }
    const other = await take(bytes, 'x.jpg', await shop());
    expect(await kept()).toHaveLength(2);
    // The bytes go with the last of them, and no other merchant’s.
    for (const { id } of files.slice(1)) await media.delete(merchantId, id);
    expect(await store.exists(files[0]!.path)).toBe(true);
    await media.delete(merchantId, files[0]!.id);
    expect(await store.exists(files[0]!.path)).toBe(false);
    expect(await store.exists(other.path)).toBe(true);
    expect((await take(bytes)).path).not.toBe(files[0]!.path);
  });

  test('an upload that is slow to be written leaves what the worker has made of the same bytes', async () => {
    const { take, process, store, media, merchantId, bytesAt } = await setup(kind);
    const bytes = await picture(400, 300);
    const put = store.put.bind(store);
    const [reached, goOn] = [gate(), gate()];
    store.put = async (...args) => {
      store.put = put;
      reached.open();
      await goOn.opened;
      return put(...args);
    };
    const slow = take(bytes);
    await reached.opened;
    const quick = await take(bytes);
    await process();
    goOn.open();
    const { path } = await slow;
    expect(path).toBe(quick.path);
    const { variants } = await media.get(merchantId, quick.id);
    expect((await bytesAt(path)).length).toBe(variants.original!.size);
    expect((await bytesAt(path)).equals(bytes)).toBe(false);
  });

  test('files that come and go at the same time end with their bytes', async () => {
    const { take, media, merchantId, store } = await setup(kind);
    const bytes = pdf();
    const first = await take(bytes, 'a.pdf');
    const [taken] = await Promise.all([
      parallel(4, () => take(bytes, 'a.pdf')),
      media.delete(merchantId, first.id),
      parallel(4, async () => media.delete(merchantId, (await take(bytes, 'a.pdf')).id)),
    ]);
    for (const { id, path } of taken) {
      expect(await media.get(merchantId, id)).toMatchObject({ status: 'ready' });
      expect(await store.exists(path)).toBe(true);
    }
  });

  test('what a crash has left goes after an hour, and nothing else', async () => {
    const { blobs, sweep, rows, store, age, merchantId, take, media, module } = await setup(kind);
    const temporary = module.get<string>(TEMPORARY);
    await mkdir(temporary, { recursive: true });
    const incoming = async (bytes: Buffer) => {
      const path = join(temporary, newId());
      await writeFile(path, bytes);
      const hash = createHash('sha256').update(bytes).digest('hex');
      return { path, hash, size: bytes.length, kind: 'document', mimeType: 'application/pdf', limit: 1e7 } as const;
    };
    // Killed after the bytes were stored; killed after the last file of others was deleted.
    const unfinished = await incoming(pdf());
    const left = `${merchantId}/${await blobs.store(merchantId, unfinished)}/original`;
    const kept = await take(pdf(), 'kept.pdf');
    const deleted = await take(pdf(), 'deleted.pdf');
    await media.delete(merchantId, deleted.id);
    await store.put(deleted.path.replace('original', 'medium'), Readable.from(['late']), { mimeType: 'image/jpeg', size: 4 });
    expect(await sweep.sweep()).toBe(0);
    expect(await store.exists(left)).toBe(true);
    await age('61 minutes');
    const old = new Date(Date.now() - 61 * 60_000);
    await utimes(unfinished.path, old, old);
    expect(await sweep.sweep()).toBe(2);
    expect(await rows()).toHaveLength(1);
    expect(await store.exists(left)).toBe(false);
    expect(await store.exists(deleted.path.replace('original', 'medium'))).toBe(false);
    expect(await store.exists(kept.path)).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('a picture that was deleted while it was made smaller leaves nothing', async () => {
    const { take, media, merchantId, store, processor, blobs } = await setup(kind);
    const { id, path } = await take(await picture(800, 600));
    const blobId = path.split('/')[1]!;
    await processor.process({ merchantId, blobId }, async (percent) => {
      if (percent === 70) await media.delete(merchantId, id);
    });
    for (const variant of ['original', 'medium', 'thumbnail']) {
      expect(await store.exists(`${merchantId}/${blobId}/${variant}`)).toBe(false);
    }
    expect(await media.list(merchantId, { limit: 10 })).toMatchObject({ data: [] });
    await blobs.erase(merchantId, blobId);
  });

  test.each(['goes on', 'fails'])(
    'a picture that is deleted between two of its files leaves nothing, when its worker %s',
    async (then) => {
      const { take, media, merchantId, store, processor } = await setup(kind);
      const { id, path } = await take(await picture(800, 600));
      const blobId = path.split('/')[1]!;
      const put = store.put.bind(store);
      let files = 0;
      store.put = async (...file) => {
        files += 1;
        if (files === 1) await media.delete(merchantId, id);
        if (files === 2 && then === 'fails') throw new Error('the store is away');
        await put(...file);
      };
      await processor.process({ merchantId, blobId }, () => Promise.resolve());
      expect(files).toBeGreaterThan(1);
      for (const variant of ['original', 'medium', 'thumbnail']) {
        expect(await store.exists(`${merchantId}/${blobId}/${variant}`)).toBe(false);
      }
    },
  );

  test('links open what they say, for an hour', async () => {
    const { take, media, merchantId, shop } = await setup(kind);
    const { path } = await take(pdf(), 'prices é.pdf');
    const { url, expiresAt } = await media.signedUrl(merchantId, path);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_590_000);
    const said = new URL(url).searchParams;
    const disposition = said.get('disposition') ?? said.get('response-content-disposition');
    expect(disposition).toBe(`attachment; filename="prices _.pdf"; filename*=UTF-8''prices%20%C3%A9.pdf`);
    // What lies on disk is handed out by the api: see apps/api.
    const answer = kind === 's3' && (await fetch(url, { headers: { range: 'bytes=0-3' } }));
    expect(answer && [answer.status, await answer.text()]).toEqual(kind === 's3' && [206, '%PDF']);
    for (const bad of ['', 'x', '../../etc/passwd', path.replace('original', 'medium'), path.toUpperCase().slice(1), `${path}/x`])
      await expect(media.signedUrl(merchantId, bad)).rejects.toThrow(NotFoundError);
    await expect(media.signedUrl(await shop(), path)).rejects.toThrow(NotFoundError);
    await expect(media.deletePath(await shop(), path)).rejects.toThrow(NotFoundError);
    await media.deletePath(merchantId, path);
    await expect(media.signedUrl(merchantId, path)).rejects.toThrow(NotFoundError);
  });
});

test('a list is newest first, in pages, by kind and status', async () => {
  const { take, media, merchantId, process, shop } = await setup('disk');
  const files = [await take(pdf(), 'a.pdf'), await take(await picture()), await take(pdf(), 'b.pdf')];
  const ids = files.map(({ id }) => id);
  const of = async (query: object) => (await media.list(merchantId, { limit: 10, ...query })).data.map(({ id }) => id);
  expect(await of({})).toEqual(ids.toReversed());
  const { data, pagination } = await media.list(merchantId, { limit: 2 });
  expect(data.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
  expect(await of({ cursor: pagination.nextCursor })).toEqual([ids[0]]);
  expect(await of({ kind: 'image' })).toEqual([ids[1]]);
  expect(await of({ status: 'processing' })).toEqual([ids[1]]);
  await process();
  expect(await of({ status: 'ready' })).toHaveLength(3);
  expect((await media.list(await shop(), { limit: 10 })).data).toEqual([]);
});

test('a file that is in use is not deleted, and it is said where', async () => {
  const { take, media, merchantId, tenancy, shop } = await setup('disk');
  const { id, path } = await take(await picture());
  const product = newId();
  await tenancy.run(merchantId, async (tx) => {
    await tx.query(
      `INSERT INTO products (merchant_id, id, sku, name, price_amount, currency, on_hand) VALUES ($1, $2, 'R', 'Rice', 1, 'USD', 1)`,
      [merchantId, product],
    );
    await tx.query('INSERT INTO product_media (merchant_id, product_id, media_id, position) VALUES ($1, $2, $3, 0)', [
      merchantId,
      product,
      id,
    ]);
  });
  for (const refusal of [media.delete(merchantId, id), media.deletePath(merchantId, path)]) {
    await expect(refusal).rejects.toThrow(MediaInUseError);
    await expect(refusal).rejects.toThrow('The file is used by the product Rice.');
  }
  const other = await shop();
  await expect(media.delete(other, id)).rejects.toThrow(NotFoundError);
  await expect(media.get(other, id)).rejects.toThrow(NotFoundError);
  await expect(media.open(other, id)).rejects.toThrow(NotFoundError);
  expect((await media.getMany(other, [id])).size).toBe(0);
  await tenancy.run(merchantId, (tx) => tx.query('DELETE FROM product_media'));
  await media.delete(merchantId, id);
});

test('a store that is away: the picture waits, and is tried again; one that kills its workers is not tried for ever', async () => {
  const { take, media, merchantId, processor, system, store } = await setup('disk');
  const { id, path } = await take(await picture());
  const blobId = path.split('/')[1]!;
  const once = () => processor.process({ merchantId, blobId }, progress);
  const copyTo = store.copyTo.bind(store);
  store.copyTo = () => Promise.reject(new Error('ECONNREFUSED'));
  onTestFinished(() => void (store.copyTo = copyTo));
  await expect(once()).rejects.toThrow('ECONNREFUSED');
  const [row] = await system.query<{ soon: boolean }>(
    `SELECT ring_at BETWEEN now() AND now() + interval '7 seconds' AS soon FROM media_blobs`,
  );
  expect(row!.soon).toBe(true);
  store.copyTo = copyTo;
  // As four that died would leave it.
  await system.query('UPDATE media_blobs SET attempts = 16, claimed_until = now()');
  await once();
  expect(await media.get(merchantId, id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('several times') });
  expect(await store.exists(path)).toBe(false);
});

test('a picture that somebody is at is left to them, until they have been silent for a minute', async () => {
  const { take, media, merchantId, processor, system } = await setup('disk');
  const { id, path } = await take(await picture());
  const blobId = path.split('/')[1]!;
  const once = () => processor.process({ merchantId, blobId }, progress);
  await system.query(`UPDATE media_blobs SET claimed_until = now() + interval '1 minute'`);
  await once();
  expect(await media.get(merchantId, id)).toMatchObject({ status: 'processing' });
  await system.query(`UPDATE media_blobs SET claimed_until = now() - interval '1 second'`);
  await once();
  expect(await media.get(merchantId, id)).toMatchObject({ status: 'ready' });
  await once();
});

test('a half written file never stands under a key', async () => {
  const { store, merchantId } = await setup('disk');
  const key = `${merchantId}/${newId()}/original`;
  const broken = Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000);
      throw new Error('the line went dead');
    })(),
  );
  await expect(store.put(key, broken, { mimeType: 'image/jpeg', size: 1e6 })).rejects.toThrow('the line went dead');
  expect(await store.exists(key)).toBe(false);
  expect(readdirSync(join((store as LocalMediaStore).folder, 'parts'))).toEqual([]);
});
