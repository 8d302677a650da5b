import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { processMedia, type ProcessMediaJob } from '@soko/contracts';
import { Log } from '@soko/observability';
import { Handles, type Progress } from '@soko/queues';
import type { ImageVariants } from './image-variants.js';
import { OURS } from './left-behind.js';
import { type Claim, MediaClaims } from './media-processor-claims.js';
import { UnreadableMediaError } from './media.errors.js';
import { keyOf, type VariantName } from './media-key.js';
import type { MediaStore } from './media-store.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

/** `original` last: while it is the upload, everything can be made again. */
const ORDER: VariantName[] = ['thumbnail', 'medium', 'original'];
/** Bytes that are hashed at once. */
const PIECE = 256 * 1024;
const GIVEN_UP = 'It could not be processed, though that was tried several times. Save it again as a plain JPEG and send that.';

/** Makes the sizes of pictures. A try that dies leaves what the next one overwrites. */
@Injectable()
export class MediaProcessor {
  constructor(
    private readonly claims: MediaClaims,
    private readonly log: Log,
    @Inject(MEDIA_STORE) private readonly store: MediaStore,
    @Inject(TEMPORARY) private readonly temporary: string,
  ) {}

  @Handles(processMedia)
  async process({ merchantId, blobId }: ProcessMediaJob, progress: Progress): Promise<void> {
    await this.claims.inTurn(merchantId, blobId, async (claim) => {
      if (claim.givenUp) return this.fail(claim, GIVEN_UP);
      try {
        await this.make(claim, progress);
      } catch (error) {
        if (error instanceof UnreadableMediaError) return this.fail(claim, error.detail);
        // The store or the disk is away: that passes.
        if (await this.claims.release(claim)) throw error;
      }
    });
  }

  private async make(claim: Claim, progress: Progress): Promise<void> {
    await mkdir(this.temporary, { recursive: true });
    const folder = await mkdtemp(join(this.temporary, OURS));
    const started = performance.now();
    try {
      const source = join(folder, 'source');
      const isUpload = await this.fetch(claim, source);
      void progress(20);
      const pictures = await this.draw(folder, source, isUpload);
      void progress(70);
      await this.put(claim, folder, isUpload ? ORDER : ORDER.slice(0, -1), pictures);
      await this.claims.finish(claim, pictures);
      this.log.info({ ...claim.ids, ms: Math.round(performance.now() - started) }, 'a picture is ready');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** @returns whether it is what was uploaded. It is not where a try has died between its last file and the row. */
  private async fetch({ ids, hash }: Claim, path: string): Promise<boolean> {
    await this.store.copyTo(keyOf(ids.merchantId, ids.blobId, 'original'), path);
    return (await hashOf(path)) === hash;
  }

  private async draw(folder: string, source: string, isUpload: boolean): Promise<ImageVariants> {
    // Loaded here: of all processes that know of media, only a worker draws.
    const { makeVariants } = await import('./image-variants.js');
    try {
      return await makeVariants(source, (name) => join(folder, name), !isUpload);
    } catch (error) {
      // What we made ourselves is whole: it was cut off on the way from the store.
      if (!isUpload && error instanceof UnreadableMediaError)
        throw new Error('a picture came damaged from the store', { cause: error });
      throw error;
    }
  }

  private async put({ ids }: Claim, folder: string, names: VariantName[], { variants }: ImageVariants): Promise<void> {
    for (const name of names) await this.store.put(keyOf(ids.merchantId, ids.blobId, name), join(folder, name), variants[name]);
  }

  private async fail(claim: Claim, reason: string): Promise<void> {
    await this.claims.fail(claim, reason);
    this.log.info({ ...claim.ids, reason }, 'a picture cannot be used');
  }
}

/** SHA-256 in hex. Through one buffer: a stream makes a new one for each piece, and the collector then runs all the time. */
async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  const file = await open(path);
  try {
    let read: number;
    do {
      read = (await file.read(piece, 0, PIECE)).bytesRead;
      hash.update(piece.subarray(0, read));
    } while (read > 0);
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
