import { Injectable } from '@nestjs/common';
import { processInbound, type ProcessInboundJob } from '@soko/contracts';
import { isCollision, isPassing, Tenancy, type TenantTx } from '@soko/database';
import type { Receipt } from '@soko/messaging';
import { Log } from '@soko/observability';
import { onBehalfOf } from '@soko/queues';
import { InboundFailures } from './inbound-failures.js';
import { InboundFormats } from './inbound-formats.js';
import type { InboundChannel, InboundItem } from './inbound-item.js';
import { type Delivery, InboundQueue } from './inbound.queue.js';
import { InboundStore, isRejected } from './inbound.store.js';

const BATCH = 50;
/** Then others get their turn, and a process that is to stop can. */
const BATCHES = 40;

/** Understands and stores what channels have received. What cannot be stored goes, alone, to the dead letters. */
@Injectable()
export class InboundService {
  /** Channels that are being worked off, and whether an alarm rang for them meanwhile. */
  private readonly busy = new Map<string, { again: boolean }>();

  constructor(
    private readonly tenancy: Tenancy,
    private readonly queue: InboundQueue,
    private readonly formats: InboundFormats,
    private readonly store: InboundStore,
    private readonly failures: InboundFailures,
    private readonly log: Log,
  ) {}

  /** Works off what the channel has received. @throws what passes by itself, to be tried again. */
  async drain(job: ProcessInboundJob): Promise<void> {
    const running = this.busy.get(job.channelId);
    if (running) {
      // A second one would hold a connection to wait for the first.
      running.again = true;
      return;
    }
    const mine = { again: true };
    this.busy.set(job.channelId, mine);
    try {
      while (mine.again) {
        mine.again = false;
        await this.batches(job);
      }
    } finally {
      this.busy.delete(job.channelId);
    }
  }

  private async batches(job: ProcessInboundJob): Promise<void> {
    let singly = 0;
    for (let batch = 1; ; batch += 1) {
      const last = batch === BATCHES;
      let found = 0;
      const work = async (tx: TenantTx): Promise<void> => {
        const deliveries = await this.queue.take(tx, job.channelId, singly > 0 ? 1 : BATCH);
        found = deliveries.length;
        if (found === 0) return;
        const channel = await this.store.channel(tx, job.channelId);
        await (singly > 0 ? this.singly(tx, channel, deliveries) : this.together(tx, channel, deliveries));
        if (last) tx.wake(processInbound, job);
      };
      try {
        await this.tenancy.run(job.merchantId, work);
        singly = Math.max(0, singly - 1);
      } catch (error) {
        // Nothing is lost: what was taken out is in again.
        if (singly > 0 || found === 0 || (isPassing(error) && !isCollision(error))) throw error;
        this.log.warn({ err: error, channelId: job.channelId }, 'a batch was not stored: one by one');
        singly = found;
        continue;
      }
      if (found === 0 || last) return;
    }
  }

  /** All or nothing: what comes is mostly good. */
  private async together(tx: TenantTx, channel: InboundChannel, deliveries: Delivery[]): Promise<void> {
    const receipts: Receipt[] = [];
    for (const delivery of deliveries) {
      await onBehalfOf({ requestId: delivery.request_id }, async () => {
        for (const item of this.formats.read(delivery.body, channel)) {
          if ('receipt' in item) receipts.push(item.receipt);
          else await this.keep(tx, channel, item);
        }
      });
    }
    await this.store.receipts(tx, channel.id, receipts);
  }

  /** Each item behind a savepoint, so that one that cannot be stored takes nothing along. */
  private async singly(tx: TenantTx, channel: InboundChannel, deliveries: Delivery[]): Promise<void> {
    for (const delivery of deliveries) {
      await onBehalfOf({ requestId: delivery.request_id }, async () => {
        for (const item of this.formats.read(delivery.body, channel)) await this.attempt(tx, channel, item);
      });
    }
  }

  private async attempt(tx: TenantTx, channel: InboundChannel, item: InboundItem): Promise<void> {
    try {
      await tx.attempt(() => this.keep(tx, channel, item));
    } catch (error) {
      if (isPassing(error)) throw error;
      this.log.error({ err: error, channelId: channel.id }, 'something received was not stored');
      await this.failures.put(tx, channel, { item }, error);
    }
  }

  private async keep(tx: TenantTx, channel: InboundChannel, item: InboundItem): Promise<void> {
    if (!isRejected(item)) return this.store.apply(tx, channel.id, item);
    const { body, reason } = item.rejected;
    this.log.error({ channelId: channel.id, reason }, 'something received was not understood');
    await this.failures.put(tx, channel, { body }, new Error(reason));
  }
}
