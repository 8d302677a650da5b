import { setTimeout as pause } from 'node:timers/promises';
import type { Tenancy } from '@soko/database';
import type { Receipt, SendQueue } from '@soko/messaging';
import type { Log } from '@soko/observability';
import type { TransportChannel } from '../transport.js';

/** What comes within this time is written together: two receipts for every message are many. */
const GATHER_MS = 50;
const TRIES = 3;
const AGAIN_MS = 500;

interface Lane {
  channel: TransportChannel;
  waiting: Receipt[];
  timer?: NodeJS.Timeout;
  writing: Promise<void>;
}

/** Writes down receipts, those of one channel in their order. WhatsApp repeats none: one that cannot be written is lost, with a line in the log. */
export class ReceiptBatches {
  private readonly lanes = new Map<string, Lane>();

  constructor(
    private readonly tenancy: Tenancy,
    private readonly sends: SendQueue,
    private readonly log: Log,
  ) {}

  add(channel: TransportChannel, receipts: Receipt[]): void {
    let lane = this.lanes.get(channel.id);
    if (!lane) this.lanes.set(channel.id, (lane = { channel, waiting: [], writing: Promise.resolve() }));
    lane.waiting.push(...receipts);
    lane.timer ??= setTimeout(() => void this.flush(channel.id), GATHER_MS);
  }

  /** Resolves when all that was added is written down, or given up. */
  async flush(channelId: string): Promise<void> {
    const lane = this.lanes.get(channelId);
    if (!lane) return;
    clearTimeout(lane.timer);
    lane.timer = undefined;
    // Two batches at once could meet at the same rows.
    const writing = (lane.writing = lane.writing.then(() => this.write(lane)));
    await writing;
    if (lane.writing === writing && lane.waiting.length === 0 && !lane.timer) this.lanes.delete(channelId);
  }

  private async write({ channel, waiting }: Lane): Promise<void> {
    const receipts = waiting.splice(0);
    if (receipts.length === 0) return;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.tenancy.run(channel.merchantId, (tx) => this.sends.receipts(tx, channel.id, receipts));
      } catch (error) {
        if (attempt < TRIES) await pause(AGAIN_MS);
        else
          return this.log.warn(
            { err: error, channelId: channel.id, receipts: receipts.length },
            'receipts were not written down',
          );
      }
    }
  }
}
