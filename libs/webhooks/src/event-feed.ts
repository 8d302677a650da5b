import { Injectable } from '@nestjs/common';
import { byIndex, Tenancy } from '@soko/database';

/** Events of the history that are read at once. */
const CHUNK = 256;
/** What one subscription has read, others of the merchant want at the same moment. */
const KEPT_MS = 2_000;
const MOST_CHUNKS = 64;

/** An event, ready to be sent: the same bytes for all who want it. */
export interface FeedEvent {
  id: string;
  type: string;
  position: number;
  body: string;
  /** As it was stored. */
  data: string;
}
export interface Chunk {
  /** Those of the types that were asked for. */
  events: FeedEvent[];
  /** All up to here was looked at. */
  upTo: number;
  /** Whether there is more behind. */
  more: boolean;
}
interface Row {
  id: string;
  type: string;
  position: number;
  data: string | null;
  created_at: Date;
}

/** The body of a call. The data goes in as it was stored: its keys keep their order, and nothing is parsed. */
export const bodyOf = (merchantId: string, event: { id: string; type: string; data: string; at: Date }): string =>
  `{"id":"${event.id}","type":"${event.type}","timestamp":"${event.at.toISOString()}","merchantId":"${merchantId}","data":${event.data}}`;

/** Reads the history for the subscriptions: what several of one merchant want is read once. */
@Injectable()
export class EventFeed {
  private readonly chunks = new Map<string, { chunk: Promise<Chunk>; at: number }>();

  constructor(private readonly tenancy: Tenancy) {}

  /**
   * What comes behind the position `after`.
   * @param types `['*']` for all. @param since what is committed by then is seen, by `performance.now()`
   */
  async read(merchantId: string, after: number, types: string[], since: number): Promise<Chunk> {
    const key = `${merchantId} ${after} ${types.join()}`;
    const kept = this.chunks.get(key);
    if (kept && performance.now() - kept.at < KEPT_MS) {
      const chunk = await kept.chunk;
      if (kept.at >= since) return chunk;
      // It is older than what may be new: the rest is behind it.
      if (chunk.upTo > after) return { ...chunk, more: true };
    }
    const chunk = this.load(merchantId, after, types);
    this.keep(key, chunk);
    chunk.catch(() => {
      if (this.chunks.get(key)?.chunk === chunk) this.chunks.delete(key);
    });
    return chunk;
  }

  private keep(key: string, chunk: Promise<Chunk>): void {
    this.chunks.delete(key);
    const now = performance.now();
    this.chunks.set(key, { chunk, at: now });
    // The oldest come first.
    for (const [old, { at }] of this.chunks) {
      if (this.chunks.size <= MOST_CHUNKS && now - at < KEPT_MS) break;
      this.chunks.delete(old);
    }
  }

  private async load(merchantId: string, after: number, types: string[]): Promise<Chunk> {
    const rows = await this.tenancy.run(merchantId, (tx) => {
      byIndex(tx);
      return tx.query<Row>(
        `SELECT id, type, position, created_at, CASE WHEN $4 OR type = ANY ($3::text[]) THEN data::text END AS data
         FROM events WHERE merchant_id = $1 AND position > $2 ORDER BY position LIMIT ${CHUNK}`,
        [merchantId, after, types, types.includes('*')],
      );
    });
    const wanted = rows.filter((row): row is Row & { data: string } => row.data !== null);
    return {
      events: wanted.map((row) => ({
        id: row.id,
        type: row.type,
        position: row.position,
        data: row.data,
        body: bodyOf(merchantId, { ...row, at: row.created_at }),
      })),
      upTo: rows.at(-1)?.position ?? after,
      more: rows.length === CHUNK,
    };
  }
}
