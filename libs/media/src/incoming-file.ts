import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '@soko/common';
import { OURS } from './left-behind.js';
import { type Declared, mediaTypeOf, type MediaType, PROBE_BYTES, type Recognised } from './media-kind.js';
import { MediaTooLargeError, UnreadableMediaError } from './media.errors.js';

/** A file that has come whole. `hash` is the SHA-256 in hex, `size` in bytes. */
export interface IncomingFile extends MediaType {
  path: string;
  size: number;
  hash: string;
}

/**
 * Takes a stream into a temporary file, lets `use` have it, and removes it, whatever `use` does. The stream is read at the
 * pace of the disk and left as soon as it breaks a rule: a wrong kind shows in its first bytes, not after 50 MB.
 * @throws UnsupportedMediaError, MediaTypeMismatchError, MediaTooLargeError, UnreadableMediaError when the stream ends early, and
 * whatever AppError the stream itself ends in
 */
export async function withIncomingFile<T>(
  source: Readable,
  declared: Declared,
  use: (file: IncomingFile) => Promise<T>,
  under = tmpdir(),
): Promise<T> {
  let folder: string | undefined;
  try {
    await mkdir(under, { recursive: true });
    folder = await mkdtemp(join(under, OURS));
    return await use(await take(source, declared, join(folder, 'file')));
  } finally {
    source.destroy();
    if (folder) await rm(folder, { recursive: true, force: true });
  }
}

async function take(source: Readable, declared: Declared, path: string): Promise<IncomingFile> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  const head: Buffer[] = [];
  let type: Recognised | undefined;
  let size = 0;
  try {
    for await (const chunk of chunks(source)) {
      if (!type) head.push(chunk);
      size += chunk.length;
      if (size >= PROBE_BYTES) type ??= await recognised(head, declared);
      if (type && size > type.limit) throw new MediaTooLargeError(type.kind, type.limit);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  type ??= await recognised(head, declared);
  return { ...(await type.settle(path)), path, size, hash: hash.digest('hex') };
}

const recognised = (head: Buffer[], declared: Declared): Promise<Recognised> =>
  mediaTypeOf(Buffer.concat(head).subarray(0, PROBE_BYTES), declared);

async function* chunks(source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source as AsyncIterable<Buffer | string>)
      yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new UnreadableMediaError(`The upload stopped before its end (${(error as Error).message}). Send the file again.`);
  }
}
