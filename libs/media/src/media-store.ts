import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { Disk } from 'flydrive';
import { FSDriver } from 'flydrive/drivers/fs';
import { OURS } from './left-behind.js';
import type { LocalLinks, ServedAs } from './local-links.js';

export interface StoredBytes {
  mimeType: string;
  /** Bytes; S3 wants to know before the first one. */
  size: number;
}

/** Private files by key. Keys come from `keyOf`. */
export interface MediaStore {
  /** Stores what a file (its path) or a stream holds, without holding it in memory. The same key again replaces it at one moment. */
  put(key: string, from: string | Readable, bytes: StoredBytes): Promise<void>;
  /** Rejects when there is no such key. */
  get(key: string): Promise<Readable>;
  /** Copies it into the file `path`; rejects when there is no such key. */
  copyTo(key: string, path: string): Promise<void>;
  /** Gone afterwards, also when it was not there. */
  delete(key: string): Promise<void>;
  exists(key: string): Promise<boolean>;
  /** Bytes; rejects when there is no such key. */
  size(key: string): Promise<number>;
  /** An address that opens this one file for some seconds, without any other right. */
  signedUrl(key: string, seconds: number, as: ServedAs): Promise<string>;
  /** Rejects while the store cannot be reached. */
  probe(): Promise<void>;
}

/** A folder of this machine, or one that all machines share. */
export class LocalMediaStore implements MediaStore {
  private readonly disk: Disk;

  constructor(
    readonly folder: string,
    private readonly links: LocalLinks,
  ) {
    this.disk = new Disk(new FSDriver({ location: folder, visibility: 'private' }));
  }

  /**
   * Under a name of its own first, and moved when it is on the disk to stay: a crash half way, even of the machine, leaves no half file
   * under the key, two at once do not mix, and who reads the old one reads it to its end. flydrive copies where it moves.
   */
  async put(key: string, from: string | Readable): Promise<void> {
    const part = join(this.folder, PARTS, `${OURS}${randomUUID()}`);
    try {
      await mkdir(dirname(part), { recursive: true });
      // A file is copied by the kernel: its bytes do not come through this process.
      if (typeof from === 'string') await copyFile(from, part);
      else await pipeline(from, createWriteStream(part, { flags: 'wx' }));
      await synced(part);
      await this.move(part, join(this.folder, key));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  async get(key: string): Promise<Readable> {
    // Asks first, so that a missing file rejects here and not in the middle of an answer.
    await this.size(key);
    return this.disk.getStream(key);
  }

  async copyTo(key: string, path: string): Promise<void> {
    await copyFile(join(this.folder, key), path);
  }

  /** The folder of a blob goes with its last file. */
  async delete(key: string): Promise<void> {
    await this.disk.delete(key);
    await rmdir(dirname(join(this.folder, key))).catch(() => undefined);
  }

  exists(key: string): Promise<boolean> {
    return this.disk.exists(key);
  }

  async size(key: string): Promise<number> {
    return (await this.disk.getMetaData(key)).contentLength;
  }

  async signedUrl(key: string, seconds: number, as: ServedAs): Promise<string> {
    return this.links.make(key, seconds, as);
  }

  /** The folder comes with the first file; what it is to lie in must be there. */
  async probe(): Promise<void> {
    await statfs(join(this.folder, '..'));
  }

  private async move(part: string, path: string, tries = 5): Promise<void> {
    try {
      await mkdir(dirname(path), { recursive: true });
      // Opened before: once it is moved, somebody may delete it and its folder, and it was put all the same.
      await synced(dirname(path), () => rename(part, path));
    } catch (error) {
      // Its folder was empty, and went as somebody deleted the last file of it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 1) throw error;
      return this.move(part, path, tries - 1);
    }
  }
}

/** Waits until a file, or what a folder lists after `change`, is on the disk to stay. */
async function synced(path: string, change?: () => Promise<void>): Promise<void> {
  const opened = await open(path);
  try {
    await change?.();
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** In the store's folder: what is being written. Left behind by a crash alone. */
export const PARTS = 'parts';

/** Milliseconds; without them, a server that has stopped answering is waited for without end. */
const PATIENCE = { connectionTimeout: 5_000, socketTimeout: 60_000 };

/** A bucket of Amazon's S3, or of anything that speaks its protocol. */
export class S3MediaStore implements MediaStore {
  private constructor(
    private readonly disk: Disk,
    private readonly reach: () => Promise<unknown>,
  ) {}

  /** Nothing is asked of S3 before the first call. Its library is loaded only where it is used: it takes 30 MB and half a second. */
  static async open(bucket: string, config: S3ClientConfig): Promise<S3MediaStore> {
    const [{ HeadBucketCommand, S3Client: Client }, { S3Driver }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('flydrive/drivers/s3'),
    ]);
    // Checksums in trailers are Amazon's own; other S3 servers store them as part of the file or refuse them.
    const client: S3Client = new Client({
      requestHandler: PATIENCE,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...config,
    });
    const disk = new Disk(new S3Driver({ client, bucket, visibility: 'private', supportsACL: false }));
    return new S3MediaStore(disk, () => client.send(new HeadBucketCommand({ Bucket: bucket })));
  }

  put(key: string, from: string | Readable, { mimeType, size }: StoredBytes): Promise<void> {
    return this.disk.putStream(key, typeof from === 'string' ? createReadStream(from) : from, {
      contentType: mimeType,
      contentLength: size,
    });
  }

  get(key: string): Promise<Readable> {
    return this.disk.getStream(key);
  }

  async copyTo(key: string, path: string): Promise<void> {
    await pipeline(await this.get(key), createWriteStream(path));
  }

  delete(key: string): Promise<void> {
    return this.disk.delete(key);
  }

  exists(key: string): Promise<boolean> {
    return this.disk.exists(key);
  }

  async size(key: string): Promise<number> {
    return (await this.disk.getMetaData(key)).contentLength;
  }

  signedUrl(key: string, seconds: number, { mimeType, disposition }: ServedAs): Promise<string> {
    return this.disk.getSignedUrl(key, { expiresIn: seconds, contentType: mimeType, contentDisposition: disposition });
  }

  async probe(): Promise<void> {
    await this.reach();
  }
}
