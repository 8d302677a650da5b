import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Listener, SystemDb } from '@soko/database';
import { type ChannelKind, ChannelService, type Lease } from '@soko/messaging';
import { Log } from '@soko/observability';
import { JobWorkers } from '@soko/queues';
import { type TransportChannel, Transports } from '@soko/whatsapp';
import { type ShardListener, ShardLeases } from './shard-leases.service.js';

interface WantedRow {
  merchant_id: string;
  id: string;
  kind: ChannelKind;
  shard: number;
  desired: 'connected' | 'disconnected';
}

/** Makes the channels of our shards what their merchants want them to be. */
@Injectable()
export class ChannelRunner implements ShardListener, OnApplicationBootstrap, OnModuleDestroy {
  private readonly connected = new Map<string, TransportChannel & { shard: number }>();
  private readonly listener: Listener;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly system: SystemDb,
    private readonly leases: ShardLeases,
    private readonly channels: ChannelService,
    private readonly transports: Transports,
    private readonly workers: JobWorkers,
    private readonly log: Log,
    settings: Settings,
  ) {
    leases.listen(this);
    this.listener = new Listener(
      settings,
      'soko_channels',
      (shard) => this.look(shard === '' ? undefined : Number(shard)),
      (error) => log.warn({ err: error }, 'channels: listening again'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.listener.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.listener.stop();
    await this.work;
  }

  /** The channel, if it is connected here. */
  find(channelId: string): TransportChannel | undefined {
    return this.connected.get(channelId);
  }

  async acquired(lease: Lease): Promise<void> {
    this.workers.openLane('message_sending', lease.shard);
    // Whoever held the shard before may have died with alarms in hand.
    await this.ringShard(lease.shard);
    this.look(lease.shard);
  }

  async lost(lease: Lease): Promise<void> {
    const gone = [...this.connected.values()].filter((channel) => channel.shard === lease.shard);
    for (const channel of gone) {
      this.connected.delete(channel.id);
      await this.transports.of(channel.kind).disconnect(channel);
    }
    await this.workers.closeLane('message_sending', lease.shard);
  }

  /** Looks at the channels of one shard (of all that we hold when undefined), after the look that is under way. */
  private look(shard?: number): void {
    this.work = this.work
      .then(() => this.reconcile(shard))
      .catch((error: unknown) => this.log.error({ err: error }, 'the channels were not brought into line'));
  }

  private async reconcile(shard?: number): Promise<void> {
    const rows = await this.system.run((tx) =>
      tx.query<WantedRow>('SELECT merchant_id, id, kind, shard, desired FROM channels WHERE $1::int IS NULL OR shard = $1', [
        shard ?? null,
      ]),
    );
    for (const row of rows) {
      const lease = this.leases.lease(row.shard);
      if (!lease) continue;
      try {
        if (row.desired === 'connected' && !this.connected.has(row.id)) await this.connect(row, lease);
        if (row.desired === 'disconnected' && this.connected.has(row.id)) await this.disconnect(row, lease);
      } catch (error) {
        // One channel's trouble is not its neighbours'.
        this.log.error({ err: error, channelId: row.id }, 'the channel was not brought into line');
      }
    }
  }

  private async connect(row: WantedRow, lease: Lease): Promise<void> {
    const channel = { merchantId: row.merchant_id, id: row.id, kind: row.kind, shard: row.shard };
    await this.transports.of(row.kind).connect(channel);
    if (!(await this.channels.report(row.merchant_id, row.id, lease.fence, 'connected'))) return;
    this.connected.set(row.id, channel);
    await this.ringShard(row.shard);
  }

  private async disconnect(row: WantedRow, lease: Lease): Promise<void> {
    const channel = this.connected.get(row.id)!;
    this.connected.delete(row.id);
    await this.transports.of(row.kind).disconnect(channel);
    await this.channels.report(row.merchant_id, row.id, lease.fence, 'disconnected', 'disconnected by the merchant');
  }

  /** What waits in the shard is rung for by the next sweep. */
  private async ringShard(shard: number): Promise<void> {
    await this.system.run((tx) =>
      tx.query('UPDATE pending_sends SET ring_at = now() WHERE shard = $1 AND due_at <= now()', [shard]),
    );
  }
}
