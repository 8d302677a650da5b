import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiClient, parallel, seeded, until } from '@soko/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStack, type TestStack } from './support/stack.js';

const UPLOADS = 100;
/** Of them, so many bring bytes that another one brings too. */
const EQUAL = 20;
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());

/** Noise, so that each takes some time. */
async function picture(random: () => number): Promise<Buffer> {
  const [width, height] = [1_200, 900];
  const tile = Buffer.from(Array.from({ length: 64 * 64 * 3 }, () => Math.floor(random() * 256)));
  return sharp(tile, { raw: { width: 64, height: 64, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .jpeg()
    .toBuffer();
}

test('a worker that is killed again and again during 100 uploads: all end ready, without an orphan and without a double', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const random = seeded(SEED);
  const { client } = await ApiClient.register(env.baseUrl);
  const different = await Promise.all(Array.from({ length: UPLOADS - EQUAL }, () => picture(random)));
  const bytes = Array.from({ length: UPLOADS }, (_, n) => different[n % different.length]!);

  const uploads = { done: false };
  let kills = 0;
  const upload = async (n: number): Promise<string> => {
    const body = { filename: `${n}.jpg`, mimeType: 'image/jpeg', data: bytes[n]!.toString('base64') };
    return (await client.ok<{ id: string }>('POST', '/api/media/upload', body)).id;
  };
  const uploading = (async () => {
    const ids: string[] = [];
    for (let n = 0; n < UPLOADS; n += 10) ids.push(...(await parallel(10, (each) => upload(n + each))));
    return ids;
  })().finally(() => (uploads.done = true));
  const killing = (async () => {
    while (!uploads.done || kills < 3) {
      // The pauses are the chaos itself: moments picked by the seed.
      await pause(300 + random() * 1_000);
      const { worker } = env.stack.children;
      if (!worker.pid) continue;
      await worker.kill('SIGKILL');
      kills += 1;
    }
  })();
  const [ids] = await Promise.all([uploading, killing]);
  expect(new Set(ids).size).toBe(UPLOADS);

  const left = async () =>
    (await env.db.query<{ status: string; n: number }>(`SELECT status, count(*)::int AS n FROM media_blobs GROUP BY 1`)).rows;
  await until('all ready', async () => (await left()).every(({ status }) => status === 'ready'), 150_000);
  console.log(`${kills} kills`);
  expect(await left()).toEqual([{ status: 'ready', n: UPLOADS - EQUAL }]);

  // On disk: three files for each blob, and nothing else. What a worker was writing when it was killed goes when another one starts.
  const temporary = join(env.stack.env.SOKO_DATA_DIR!, 'tmp', 'media');
  await until('cleared up', () => readdirSync(temporary).length === 0);
  const { rows } = await env.db.query<{ merchant_id: string; id: string }>('SELECT merchant_id, id FROM media_blobs');
  const expected = rows.flatMap(({ merchant_id: merchant, id }) =>
    [`medium`, `original`, `thumbnail`].map((each) => join(merchant, id, each)),
  );
  const folder = join(env.stack.env.SOKO_DATA_DIR!, 'media');
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
  expect(found.toSorted()).toEqual(expected.toSorted());
  const media = await client.ok<{ url: string; status: string }>('GET', `/api/media/${ids[0]}`);
  expect((await sharp(await (await fetch(media.url)).arrayBuffer()).metadata()).width).toBe(1_200);
}, 300_000);
