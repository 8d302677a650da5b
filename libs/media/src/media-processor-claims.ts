import { Injectable } from '@nestjs/common';
import { backoff } from '@soko/common';
import { Settings } from '@soko/config';
import { Tenancy } from '@soko/database';
import { Log } from '@soko/observability';
import type { ImageVariants } from './image-variants.js';
import { MediaBlobs } from './media-blobs.js';
import { Turns } from './media-processor-turns.js';

/** A worker that is not heard of for so long has died, and another one takes over. */
const CLAIM = '20 seconds';
const RENEW_MS = 5_000;
/** What a try that fails adds, and one that dies: a picture must not take many workers with it, but a store may be away for hours. */
const FAILED = 1;
const DIED = 4;
const MOST = 16;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 3_600_000;

/** Somebody is at a picture. */
export interface Claim {
  ids: { merchantId: string; blobId: string };
  /** Of what was uploaded: SHA-256 in hex. */
  hash: string;
  /** What all tries add up to, this one as if it died: it is counted before its work begins. No other claim of the picture has the same. */
  attempts: number;
  /** It was tried often enough. */
  givenUp: boolean;
}

/** Who is at which picture, and what became of it. */
@Injectable()
export class MediaClaims {
  private readonly turns: Turns;

  constructor(
    private readonly tenancy: Tenancy,
    private readonly blobs: MediaBlobs,
    private readonly log: Log,
    settings: Settings,
  ) {
    this.turns = new Turns(settings.MEDIA_CONCURRENCY);
  }

  /** Does `work` on a picture that is due and that nobody else is at, when there is a core for it: those that wait are not claimed. */
  async inTurn(merchantId: string, blobId: string, work: (claim: Claim) => Promise<void>): Promise<void> {
    await this.turns.take(async () => {
      const claim = await this.claim(merchantId, blobId);
      if (!claim) return;
      const renewing = setInterval(() => this.renew(claim), RENEW_MS);
      try {
        await work(claim);
      } finally {
        clearInterval(renewing);
      }
    });
  }

  /** The picture is done, unless it was deleted meanwhile: then what was written for it goes. */
  async finish({ ids: { merchantId, blobId } }: Claim, { variants, blurhash }: ImageVariants): Promise<void> {
    const { width, height } = variants.original;
    const done = await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `UPDATE media_blobs SET status = 'ready', variants = $3, blurhash = $4, width = $5, height = $6, ring_at = NULL,
           claimed_until = NULL, touched_at = clock_timestamp() WHERE merchant_id = $1 AND id = $2 AND status = 'processing' RETURNING 1 AS one`,
        [merchantId, blobId, JSON.stringify(variants), blurhash, width, height],
      ),
    );
    if (done.length === 0) await this.blobs.eraseUnlessWanted(merchantId, blobId);
  }

  /** The bytes go first: a row that has failed stands for none. */
  async fail({ ids: { merchantId, blobId } }: Claim, reason: string): Promise<void> {
    await this.blobs.erase(merchantId, blobId);
    await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `UPDATE media_blobs SET status = 'failed', reason = $3, ring_at = NULL, claimed_until = NULL, touched_at = clock_timestamp()
         WHERE merchant_id = $1 AND id = $2 AND status = 'processing'`,
        [merchantId, blobId, reason],
      ),
    );
  }

  /**
   * Not done, and alive: due again after a while, and no sooner, whatever rings. Deleted meanwhile: what was written for it goes.
   * @returns whether somebody still waits for it
   */
  async release({ ids: { merchantId, blobId }, attempts }: Claim): Promise<boolean> {
    const failures = attempts - DIED + FAILED;
    const wait = backoff(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
    const released = await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `UPDATE media_blobs SET attempts = $4, claimed_until = now() + $5 * interval '1 millisecond', ring_at = now() + $5 * interval '1 millisecond'
         WHERE merchant_id = $1 AND id = $2 AND status = 'processing' AND attempts = $3 RETURNING 1 AS one`,
        [merchantId, blobId, attempts, failures, wait],
      ),
    );
    if (released.length === 0) await this.blobs.eraseUnlessWanted(merchantId, blobId);
    return released.length > 0;
  }

  private async claim(merchantId: string, blobId: string): Promise<Claim | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ hash: string; attempts: number }>(
        `UPDATE media_blobs SET attempts = attempts + ${DIED}, claimed_until = now() + interval '${CLAIM}', ring_at = now() + interval '${CLAIM}',
           touched_at = clock_timestamp()
         WHERE merchant_id = $1 AND id = $2 AND status = 'processing' AND (claimed_until IS NULL OR claimed_until <= now())
         RETURNING hash, attempts`,
        [merchantId, blobId],
      ),
    );
    return row && { ids: { merchantId, blobId }, ...row, givenUp: row.attempts > MOST };
  }

  private renew({ ids: { merchantId, blobId }, attempts }: Claim): void {
    this.tenancy
      .run(merchantId, (tx) =>
        tx.query(
          `UPDATE media_blobs SET claimed_until = now() + interval '${CLAIM}', ring_at = now() + interval '${CLAIM}'
           WHERE merchant_id = $1 AND id = $2 AND status = 'processing' AND attempts = $3`,
          [merchantId, blobId, attempts],
        ),
      )
      .catch((error: unknown) => this.log.warn({ err: error, merchantId, blobId }, 'a claim could not be renewed'));
  }
}
