import { Injectable } from '@nestjs/common';
import { workContext } from '@soko/common';
import { processInbound } from '@soko/contracts';
import { alarm, AlarmBell, SystemDb, type TenantTx } from '@soko/database';

/** One transaction holds the chat of every message in it: so it takes about as much text as twenty messages have. */
const MOST_CHARS = 16_000;

/** What a network has handed over and nobody has read yet. */
export interface Delivery {
  seq: number;
  body: string;
  request_id: string | null;
}

/** What was received, per channel, in the order in which it came: written before the network is told that we have it. */
@Injectable()
export class InboundQueue {
  constructor(
    private readonly system: SystemDb,
    private readonly bell: AlarmBell,
  ) {}

  /** Keeps a delivery and rings for it. One statement that commits by itself: this is what the network waits for. */
  async put(merchantId: string, channelId: string, body: string): Promise<void> {
    await this.system.query(
      'INSERT INTO inbound_deliveries (merchant_id, channel_id, body, request_id) VALUES ($1, $2, $3, $4)',
      [
        merchantId,
        channelId,
        // The one character of JSON's that no text column takes; it can stand in no JSON of anybody.
        body.replaceAll('\0', '\uFFFD'),
        workContext.requestId ?? null,
      ],
    );
    this.bell.ring([alarm(processInbound, { merchantId, channelId })]);
  }

  /** Takes the oldest ones out, and keeps everybody else from this channel until the transaction ends: so they stay in order. */
  async take(tx: TenantTx, channelId: string, most: number): Promise<Delivery[]> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`inbound ${channelId}`]);
    const rows = await tx.query<Delivery>(
      `DELETE FROM inbound_deliveries WHERE merchant_id = $1 AND channel_id = $2 AND seq = ANY (ARRAY(
         SELECT seq FROM (
           SELECT seq, sum(length(body)) OVER (ORDER BY seq) - length(body) AS before
           FROM (SELECT seq, body FROM inbound_deliveries WHERE merchant_id = $1 AND channel_id = $2 ORDER BY seq LIMIT $3) AS oldest
         ) AS counted WHERE before < $4))
       RETURNING seq, body, request_id`,
      [tx.merchantId, channelId, most, MOST_CHARS],
    );
    return rows.toSorted((one, other) => one.seq - other.seq);
  }
}
