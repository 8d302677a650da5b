import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { newId } from '@soko/common';
import { parallel, startS3 } from '@soko/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { LocalLinks } from './local-links.js';
import { LocalMediaStore, type MediaStore, PARTS, S3MediaStore } from './media-store.js';

/** The real one, after which a rival may act. */
vi.mock(import('node:fs/promises'), async (original) => {
  const real = await original();
  return { ...real, rename: vi.fn<typeof real.rename>(real.rename) };
});

const AS = { mimeType: 'application/pdf', disposition: `attachment; filename="a b.pdf"` };
const bytesOf = (size: number, mimeType = 'image/jpeg') => ({ size, mimeType });

interface Tried {
  store: MediaStore;
  folder: string;
  key: string;
  /** Ends what the store depends on. */
  stop: () => Promise<void>;
}

async function setup(kind: string): Promise<Tried> {
  const folder = await mkdtemp(join(tmpdir(), 'soko-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const key = `${newId()}/${newId()}/original`;
  if (kind === 'disk') {
    const store = new LocalMediaStore(join(folder, 'media'), new LocalLinks('http://soko.test/media', 's'.repeat(32)));
    return { store, folder, key, stop: () => rm(folder, { recursive: true }) };
  }
  const { env, close } = await startS3();
  let open = true;
  const stop = async (): Promise<void> => {
    if (open) await close();
    open = false;
  };
  onTestFinished(stop);
  const store = await S3MediaStore.open(env.S3_BUCKET!, {
    region: 'us-east-1',
    endpoint: env.S3_ENDPOINT,
    forcePathStyle: true,
    credentials: { accessKeyId: env.S3_ACCESS_KEY_ID!, secretAccessKey: env.S3_SECRET_ACCESS_KEY! },
    maxAttempts: 1,
  });
  return { store, folder, key, stop };
}

describe.each(['disk', 's3'])('a store on %s', (kind) => {
  test('keeps what a file or a stream holds, and the last of both', async () => {
    const { store, folder, key } = await setup(kind);
    const [one, two] = [randomBytes(300_000), randomBytes(2_000)];
    const path = join(folder, 'a');
    await writeFile(path, one);
    await store.put(key, path, bytesOf(one.length));
    expect([await store.exists(key), await store.size(key)]).toEqual([true, one.length]);
    expect((await buffer(await store.get(key))).equals(one)).toBe(true);
    await store.put(key, Readable.from([two.subarray(0, 500), two.subarray(500)]), bytesOf(two.length));
    expect(await store.size(key)).toBe(two.length);
    expect((await buffer(await store.get(key))).equals(two)).toBe(true);
  });

  test('takes the same bytes from several at once', async () => {
    const { store, folder, key } = await setup(kind);
    const bytes = randomBytes(2_000_000);
    const path = join(folder, 'a');
    await writeFile(path, bytes);
    await parallel(6, () => store.put(key, path, bytesOf(bytes.length)));
    expect((await buffer(await store.get(key))).equals(bytes)).toBe(true);
  });

  test('does not have what was never there, or is gone, and says so before the first byte', async () => {
    const { store, key } = await setup(kind);
    const other = key.replace('original', 'medium');
    await store.delete(key);
    await store.put(key, Readable.from(['a']), bytesOf(1));
    await store.put(other, Readable.from(['b']), bytesOf(1));
    await parallel(3, () => store.delete(key));
    expect([await store.exists(key), await store.exists(other)]).toEqual([false, true]);
    await expect(store.get(key)).rejects.toThrow(/./);
    await expect(store.size(key)).rejects.toThrow(/./);
    expect((await buffer(await store.get(other))).toString()).toBe('b');
  });

  test('rejects when there is nothing to put', async () => {
    const { store, key } = await setup(kind);
    await expect(store.put(key, '/nowhere/a', bytesOf(1))).rejects.toThrow(/./);
    expect(await store.exists(key)).toBe(false);
  });

  test('can be reached, until it cannot', async () => {
    const { store, stop, key } = await setup(kind);
    await store.probe();
    await stop();
    await expect(store.probe()).rejects.toThrow(/./);
    await expect(store.get(key)).rejects.toThrow(/./);
  });
});

// S3 replaces a file at one moment by itself, though the server of these tests does not.
describe('on disk', () => {
  test('takes several at once under one key: it is one of them, and whole', async () => {
    const { store, key } = await setup('disk');
    const size = 3_000_000;
    const slowly = (n: number): Readable =>
      Readable.from(
        (async function* () {
          for (let at = 0; at < 30; at += 1) yield await Promise.resolve(Buffer.alloc(size / 30, n));
        })(),
      );
    await parallel(6, (n) => store.put(key, slowly(n), bytesOf(size)));
    const kept = await buffer(await store.get(key));
    expect(kept.length).toBe(size);
    expect(kept.equals(Buffer.alloc(size, kept[0]))).toBe(true);
  });

  test('keeps what it had when a stream breaks off', async () => {
    const { store, key } = await setup('disk');
    await store.put(key, Readable.from(['before']), bytesOf(6));
    const broken = Readable.from(
      (async function* () {
        yield await Promise.resolve(Buffer.alloc(100_000));
        throw new Error('the line went dead');
      })(),
    );
    await expect(store.put(key, broken, bytesOf(1_000_000))).rejects.toThrow(/./);
    expect((await buffer(await store.get(key))).toString()).toBe('before');
  });

  test('who reads while the file is replaced reads the old one to its end', async () => {
    const { store, key } = await setup('disk');
    const size = 2_000_000;
    await store.put(key, Readable.from([Buffer.alloc(size, 1)]), bytesOf(size));
    const reading = await store.get(key);
    const first = (await reading.iterator({ destroyOnReturn: false }).next()).value as Buffer;
    await store.put(key, Readable.from([Buffer.alloc(size, 2)]), bytesOf(size));
    const rest = await buffer(reading);
    expect(Buffer.concat([first, rest]).equals(Buffer.alloc(size, 1))).toBe(true);
    expect((await buffer(await store.get(key))).equals(Buffer.alloc(size, 2))).toBe(true);
  });

  test('nothing lies about: no parts, and no folder of what was deleted', async () => {
    const { store, folder, key } = await setup('disk');
    const other = key.replace('original', 'medium');
    for (const each of [key, other]) await store.put(each, Readable.from(['a']), bytesOf(1));
    expect(readdirSync(join(folder, 'media', PARTS))).toEqual([]);
    const blob = join(folder, 'media', key, '..');
    await store.delete(key);
    expect(existsSync(blob)).toBe(true);
    await store.delete(other);
    expect(existsSync(blob)).toBe(false);
  });

  test('what is deleted in the moment in which it came has come all the same', async () => {
    const { store, folder, key } = await setup('disk');
    const moved = vi.mocked(rename).getMockImplementation()!;
    vi.mocked(rename).mockImplementationOnce(async (...paths) => {
      await moved(...paths);
      await store.delete(key);
    });
    await store.put(key, Readable.from(['a']), bytesOf(1));
    expect(await store.exists(key)).toBe(false);
    expect(readdirSync(join(folder, 'media', PARTS))).toEqual([]);
  });

  test('files come and go in one folder at once, and what was put last is there', async () => {
    const { store, key } = await setup('disk');
    const other = key.replace('original', 'medium');
    const comesAndGoes = async (): Promise<void> => {
      for (let n = 0; n < 100; n += 1) {
        await store.put(other, Readable.from(['a']), bytesOf(1));
        await store.delete(other);
      }
    };
    const comes = async (): Promise<void> => {
      for (let n = 0; n < 50; n += 1) {
        await store.put(key, Readable.from(['b']), bytesOf(1));
        expect(await store.exists(key)).toBe(true);
        await store.delete(key);
      }
    };
    await Promise.all([comesAndGoes(), comes()]);
  });
});

describe('links to S3', () => {
  test('open one file for their time, as what they say', async () => {
    const { store, key } = await setup('s3');
    await store.put(key, Readable.from(['%PDF-1.7']), bytesOf(8, 'application/pdf'));
    const url = new URL(await store.signedUrl(key, 3_600, AS));
    expect(url.searchParams.get('X-Amz-Expires')).toBe('3600');
    expect(url.searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/);
    const answer = await fetch(url);
    expect([answer.status, await answer.text()]).toEqual([200, '%PDF-1.7']);
    expect(answer.headers.get('content-type')).toBe(AS.mimeType);
    expect(answer.headers.get('content-disposition')).toBe(AS.disposition);
    const part = await fetch(url, { headers: { range: 'bytes=5-' } });
    expect([part.status, await part.text()]).toEqual([206, '1.7']);
  });
});
