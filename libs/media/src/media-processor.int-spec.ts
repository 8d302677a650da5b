import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Injectable } from '@nestjs/common';
import { fetchMedia } from '@soko/contracts';
import { Log } from '@soko/observability';
import { Handles, QueueInspector } from '@soko/queues';
import { gate, type Integration, integration, parallel, until } from '@soko/testing';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { MediaModule } from './media.module.js';
import { MediaClaims } from './media-processor-claims.js';
import { MediaProcessor } from './media-processor.js';
import { MediaService } from './media.service.js';
import type { MediaStore } from './media-store.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

/** The other job of the queue, which is somebody else's. */
@Injectable()
class Fetcher {
  @Handles(fetchMedia)
  async run(): Promise<void> {}
}

const VARIANTS = ['original', 'medium', 'thumbnail'] as const;
const picture = (width = 900, height = 600): Promise<Buffer> =>
  sharp(randomBytes(64 * 48 * 3), { raw: { width: 64, height: 48, channels: 3 } })
    .resize(width, height)
    .jpeg()
    .toBuffer();

/** A worker. `reads` and `writes` are the keys that it asks the store for. */
function workerOf({ module }: Pick<Integration, 'module'>) {
  const store = module.get<MediaStore>(MEDIA_STORE);
  const [get, copyTo, put] = [store.get.bind(store), store.copyTo.bind(store), store.put.bind(store)];
  // By hand: an app has handlers of queues that it serves alone.
  const processor = new MediaProcessor(module.get(MediaClaims), module.get(Log), store, module.get(TEMPORARY));
  const worker = { reads: [] as string[], writes: [] as string[], get, copyTo, put, processor };
  store.copyTo = (key, path) => {
    worker.reads.push(key);
    return worker.copyTo(key, path);
  };
  store.put = (key, from, bytes) => {
    worker.writes.push(key);
    return worker.put(key, from, bytes);
  };
  return worker;
}

async function setup(env: Record<string, string> = {}) {
  const house = await integration({ imports: [MediaModule], env });
  const { module, system } = house;
  const merchantId = await house.shop();
  const [media, store] = [module.get(MediaService), module.get<MediaStore>(MEDIA_STORE)];
  const upload = async (bytes: Buffer, declared = {}) => {
    const { id, path } = await media.take(merchantId, Readable.from([bytes]), declared, 'upload');
    return { id, path, blobId: path.split('/')[1]! };
  };
  const worker = workerOf(house);
  return {
    ...house,
    ...worker,
    worker,
    merchantId,
    media,
    upload,
    process: (blobId: string) => worker.processor.process({ merchantId, blobId }, async () => undefined),
    row: async () =>
      (
        await system.query<{ status: string; attempts: number; reason: string; waits: number | null; claimed: boolean }>(
          `SELECT status, attempts, reason, extract(epoch FROM ring_at - now())::float8 AS waits, claimed_until > now() AS claimed FROM media_blobs`,
        )
      )[0]!,
    /** Whatever waits is due. */
    wait: () => system.query('UPDATE media_blobs SET claimed_until = now(), ring_at = now() WHERE claimed_until IS NOT NULL'),
    stored: async (blobId: string) =>
      Promise.all(VARIANTS.map((variant) => worker.get(`${merchantId}/${blobId}/${variant}`).then(buffer, () => undefined))),
    temporary: () => readdirSync(module.get<string>(TEMPORARY)),
    store,
  };
}

test('a picture is drawn by the queue, and ops see how far it is', async () => {
  const house = await integration({ imports: [MediaModule], providers: [MediaProcessor, Fetcher], serves: ['media_processing'] });
  const worker = workerOf(house);
  const merchantId = await house.shop();
  const [media, inspector] = [house.module.get(MediaService), house.module.get(QueueInspector)];
  const held = gate();
  const { put } = worker;
  worker.put = async (key, from, bytes) => {
    if (key.endsWith('thumbnail')) await held.opened;
    return put(key, from, bytes);
  };
  const { id } = await media.take(merchantId, Readable.from([await picture()]), {}, 'upload');
  const job = await until('the job to be drawn', async () => {
    const [active] = await house.queue('media_processing').getJobs(['active']);
    const view = active && (await inspector.job('media_processing', active.id!));
    return view?.progress === 70 && view;
  });
  expect(job).toMatchObject({ name: 'process-media', state: 'active' });
  expect(await media.get(merchantId, id)).toMatchObject({ status: 'processing' });
  held.open();
  await until('the picture', async () => (await media.get(merchantId, id)).status === 'ready');
  expect(worker.writes.map((key) => key.split('/')[2])).toEqual(['original', 'thumbnail', 'medium', 'original']);
  // The row is first, the job ends after it.
  await until('nothing lies about', () => readdirSync(house.module.get<string>(TEMPORARY)).length === 0);
});

test('of several workers that meet at a picture one draws it', async () => {
  const house = await setup();
  const { blobId } = await house.upload(await picture());
  const other = await integration({ imports: [MediaModule], databaseUrl: house.databaseUrl });
  const second = workerOf(other);
  const job = { merchantId: house.merchantId, blobId };
  await parallel(8, (n) => (n % 2 ? house.process(blobId) : second.processor.process(job, async () => undefined)));
  await until('the picture', async () => (await house.row()).status === 'ready');
  expect([...house.reads, ...second.reads]).toEqual([`${house.merchantId}/${blobId}/original`]);
});

test('no more are drawn at once than there are cores for, and those that wait are nobody’s yet', async () => {
  const { upload, process, worker, system } = await setup({ MEDIA_CONCURRENCY: '2' });
  const ids = await parallel(5, async (n) => (await upload(await picture(300 + n))).blobId);
  const held = gate();
  const { put } = worker;
  worker.put = async (...args) => {
    await held.opened;
    return put(...args);
  };
  const all = parallel(5, (n) => process(ids[n]!));
  const claimed = async () =>
    (await system.query<{ n: number }>('SELECT count(*)::int AS n FROM media_blobs WHERE claimed_until IS NOT NULL'))[0]!.n;
  await until('two at the store', () => worker.writes.length === 5 + 2);
  expect(await claimed()).toBe(2);
  held.open();
  await all;
  expect(await system.query(`SELECT DISTINCT status FROM media_blobs`)).toEqual([{ status: 'ready' }]);
});

test('while the store is away it is tried again, later and later and no sooner, until that has been for hours', async () => {
  const { upload, process, worker, row, wait, stored, temporary, media, merchantId } = await setup();
  const { id, blobId } = await upload(await picture());
  const { copyTo } = worker;
  worker.copyTo = () => Promise.reject(new Error('connect ECONNREFUSED'));
  const waits: number[] = [];
  for (let n = 1; n <= 13; n += 1) {
    await expect(process(blobId)).rejects.toThrow('ECONNREFUSED');
    const { status, attempts, waits: seconds } = await row();
    expect({ status, attempts }).toEqual({ status: 'processing', attempts: n });
    waits.push(seconds!);
    // Whatever rings before its time finds nothing to do.
    const before = worker.reads.length;
    await process(blobId);
    expect(worker.reads.length).toBe(before);
    await wait();
  }
  expect(waits[0]).toBeGreaterThan(3);
  expect(waits[0]).toBeLessThan(7);
  expect(waits.at(-1)).toBeGreaterThan(2_800);
  expect(waits.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(2 * 3_600);
  expect(temporary()).toEqual([]);
  worker.copyTo = copyTo;
  await process(blobId);
  expect(await media.get(merchantId, id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('several times') });
  expect(await stored(blobId)).toEqual([undefined, undefined, undefined]);
});

test('a store that comes back is found', async () => {
  const { upload, process, worker, row, wait } = await setup();
  const { blobId } = await upload(await picture());
  const { put } = worker;
  worker.put = (key, ...rest) => (key.endsWith('medium') ? Promise.reject(new Error('ENOSPC')) : put(key, ...rest));
  await expect(process(blobId)).rejects.toThrow('ENOSPC');
  worker.put = put;
  await wait();
  await process(blobId);
  expect(await row()).toMatchObject({ status: 'ready', waits: null });
});

test('a picture that takes its workers with it is given up after the fourth', async () => {
  const { upload, process, module, merchantId, wait, row, stored } = await setup();
  const { blobId } = await upload(await picture());
  // A worker that dies neither ends nor says so: all that is left is its claim.
  const claims = module.get(MediaClaims);
  for (let n = 1; n <= 4; n += 1) {
    const dead = claims.inTurn(merchantId, blobId, () => Promise.reject(new Error('killed')));
    await expect(dead).rejects.toThrow('killed');
    expect(await row()).toMatchObject({ status: 'processing', claimed: true });
    await process(blobId);
    expect((await row()).status).toBe('processing');
    await wait();
  }
  await process(blobId);
  expect(await row()).toMatchObject({ status: 'failed', reason: expect.stringContaining('several times'), waits: null });
  expect(await stored(blobId)).toEqual([undefined, undefined, undefined]);
});

test('a worker that is long about it keeps its claim', async () => {
  const { upload, process, worker, row } = await setup();
  const { blobId } = await upload(await picture());
  const held = gate();
  const { put } = worker;
  worker.put = async (...args) => {
    await held.opened;
    return put(...args);
  };
  const slow = process(blobId);
  await until('the worker', () => worker.writes.length === 2);
  await until('less of the claim', async () => (await row()).waits! < 18);
  await until('more of it', async () => (await row()).waits! > 18.5);
  held.open();
  await slow;
  expect((await row()).status).toBe('ready');
});

test('one that died between the last file and the row leaves an original that is not drawn again', async () => {
  const { upload, process, stored, system, media, merchantId } = await setup();
  const { id, blobId } = await upload(await picture(3_000, 1_000));
  await process(blobId);
  const [before, view] = [await stored(blobId), await media.get(merchantId, id)];
  await system.query(
    `UPDATE media_blobs SET status = 'processing', variants = '{}', blurhash = NULL, width = NULL, height = NULL`,
  );
  await process(blobId);
  const [after, again] = [await stored(blobId), await media.get(merchantId, id)];
  expect(after[0]!.equals(before[0]!)).toBe(true);
  expect(again).toMatchObject({ status: 'ready', width: 2048, height: view.height, blurhash: expect.stringMatching(/^.{28}$/) });
  expect(again.variants.original).toMatchObject({ size: before[0]!.length, width: 2048 });
  expect(again.variants.medium).toMatchObject({ size: after[1]!.length, width: 800 });
});

test('what was cut off on its way from the store is no fault of the picture', async () => {
  const { upload, process, worker, row, wait } = await setup();
  const { blobId } = await upload(await picture());
  const { copyTo } = worker;
  worker.copyTo = async (key, path) => {
    await copyTo(key, path);
    await truncate(path, 5_000);
  };
  await expect(process(blobId)).rejects.toThrow('damaged from the store');
  expect((await row()).status).toBe('processing');
  worker.copyTo = copyTo;
  await wait();
  await process(blobId);
  expect((await row()).status).toBe('ready');
});

test('a damaged picture fails at once, with its bytes gone, whatever it had written', async () => {
  const { upload, process, row, stored, temporary } = await setup();
  const { blobId } = await upload((await picture()).subarray(0, 9_000));
  await process(blobId);
  expect(await row()).toMatchObject({ status: 'failed', reason: expect.stringContaining('damaged or was cut off'), waits: null });
  expect(await stored(blobId)).toEqual([undefined, undefined, undefined]);
  expect(temporary()).toEqual([]);
});

test('of a row that is gone, of another merchant’s, and of one that is done, nothing is touched', async () => {
  const { upload, process, processor, worker, shop } = await setup();
  const { blobId } = await upload(await picture());
  await processor.process({ merchantId: await shop(), blobId }, async () => undefined);
  await process('019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071');
  expect(worker.reads).toEqual([]);
  await process(blobId);
  await process(blobId);
  expect(worker.reads).toHaveLength(1);
});

test('a sticker is ready as it is', async () => {
  const { upload, media, merchantId, row, stored } = await setup();
  const webp = await sharp({ create: { width: 512, height: 512, channels: 4, background: '#0000' } })
    .webp()
    .toBuffer();
  const { id, blobId } = await upload(webp, { kind: 'sticker' });
  expect(await media.get(merchantId, id)).toMatchObject({ kind: 'sticker', status: 'ready', variants: {} });
  expect((await row()).waits).toBeNull();
  expect((await stored(blobId))[0]!.equals(webp)).toBe(true);
});
