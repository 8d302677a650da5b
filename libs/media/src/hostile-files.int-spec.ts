import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Log } from '@soko/observability';
import { integration } from '@soko/testing';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { hostileFiles } from './hostile-files.js';
import { MediaModule } from './media.module.js';
import { MediaClaims } from './media-processor-claims.js';
import { MediaProcessor } from './media-processor.js';
import { MediaService } from './media.service.js';
import type { MediaStore } from './media-store.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

const files = await hostileFiles();

async function setup() {
  const house = await integration({ imports: [MediaModule] });
  const { module } = house;
  const [media, store, temporary] = [
    module.get(MediaService),
    module.get<MediaStore>(MEDIA_STORE),
    module.get<string>(TEMPORARY),
  ];
  const processor = new MediaProcessor(module.get(MediaClaims), module.get(Log), store, temporary);
  const merchantId = await house.shop();
  /** What becomes of a file: as the answer to its sender, or later. */
  const outcome = async ({ bytes, declared }: (typeof files)[number]) => {
    const chunks = [bytes.subarray(0, 10), bytes.subarray(10)].filter((chunk) => chunk.length > 0);
    const taken = await media.take(merchantId, Readable.from(chunks), declared, 'upload').catch((error: unknown) => error);
    if (taken instanceof Error) return { becomes: (taken as { code?: string }).code, reason: taken.message };
    const { id, path } = taken as { id: string; path: string };
    await processor.process({ merchantId, blobId: path.split('/')[1]! }, async () => undefined);
    const { status, reason, kind } = await media.get(merchantId, id);
    const shown =
      kind === 'image' && status === 'ready' ? await buffer(await (await media.open(merchantId, id)).read()) : undefined;
    return { becomes: status, reason, shown };
  };
  return { ...house, outcome, temporary };
}

test('there are at least forty', () => expect(files.length).toBeGreaterThanOrEqual(40));

test('every hostile or odd file ends as it has to, with a reason where it is refused', { timeout: 240_000 }, async () => {
  const { outcome, temporary, system } = await setup();
  const wrong: object[] = [];
  for (const file of files) {
    const { becomes, reason = '', shown } = await outcome(file);
    const right = becomes === file.becomes && (!file.reason || file.reason.test(reason));
    if (!right) wrong.push({ name: file.name, becomes, reason, expected: file.becomes });
    if (!shown) continue;
    const { exif, xmp, iptc, orientation, format } = await sharp(shown).metadata();
    if (exif || xmp || iptc || orientation || !['jpeg', 'png'].includes(format))
      wrong.push({ name: file.name, exif, xmp, iptc, format });
  }
  expect(wrong).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
  expect(await system.query(`SELECT 1 FROM media_blobs WHERE status IN ('storing', 'processing')`)).toEqual([]);
});

test('memory comes back', { timeout: 240_000 }, async () => {
  const { outcome } = await setup();
  const round = async (): Promise<number> => {
    for (const file of files) await outcome(file);
    globalThis.gc?.();
    return process.memoryUsage().rss / 1_000_000;
  };
  const first = await round();
  const second = await round();
  // A leak of one picture in a round would be more than this.
  expect(second - first).toBeLessThan(200);
});
