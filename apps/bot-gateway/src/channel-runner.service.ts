import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Listener, SystemDb, Tenancy } from '@soko/database';
import { type ChannelKind, ChannelSessionService, type Lease, SendQueue } from '@soko/messaging';
import { Log } from '@soko/observability';
import { JobWorkers } from '@soko/queues';
import { type Session, type SessionHost, type TransportChannel, Transports } from '@soko/whatsapp';
import { type ShardListener, ShardLeases } from './shard-leases.service.js';

/** What could not be done is tried again after so long, whether anybody asks or not. */
const AGAIN_MS = 5_000;
/** A session ends within a moment, or hangs. */
const ENDING_MS = 10_000;

interface WantedRow {
  merchant_id: string;
  id: string;
  kind: ChannelKind;
  phone: string | null;
  config: Record<string, unknown>;
  created_at: Date;
  shard: number;
  desired: 'connected' | 'disconnected' | 'logged_out';
  wish: number;
  stopped_wish: number;
  status: string;
}

interface Running {
  row: WantedRow;
  lease: Lease;
  session: Session;
}

/** Makes the channels of our shards what their merchants want them to be. */
@Injectable()
export class ChannelRunner implements ShardListener, OnApplicationBootstrap, OnModuleDestroy {
  private readonly running = new Map<string, Running>();
  private readonly listener: Listener;
  private work: Promise<void> = Promise.resolve();
  private readonly again: NodeJS.Timeout[] = [];

  constructor(
    private readonly system: SystemDb,
    private readonly leases: ShardLeases,
    private readonly tenancy: Tenancy,
    private readonly sends: SendQueue,
    private readonly sessions: ChannelSessionService,
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
    this.again.forEach(clearTimeout);
    await this.listener.stop();
    await this.work;
  }

  /** The channel's session, while it runs here and can send. */
  sender(channelId: string): { session: Session; kind: ChannelKind } | undefined {
    const found = this.running.get(channelId);
    return found?.session.sends ? { session: found.session, kind: found.row.kind } : undefined;
  }

  async acquired(lease: Lease): Promise<void> {
    this.workers.openLane('message_sending', lease.shard);
    // Whoever held the shard before may have died with alarms in hand.
    await this.system.query('UPDATE pending_sends SET ring_at = now() WHERE shard = $1 AND due_at <= now()', [lease.shard]);
    this.look(lease.shard);
  }

  async lost(lease: Lease): Promise<void> {
    const gone = [...this.running.entries()].filter(([, { row }]) => row.shard === lease.shard);
    await Promise.all(
      gone.map(([id, { session }]) => {
        this.running.delete(id);
        return inTime(session.close());
      }),
    );
    await this.workers.closeLane('message_sending', lease.shard);
  }

  /** Looks at the channels of one shard (of all that we hold when undefined), after the look that is under way. */
  private look(shard?: number): void {
    this.work = this.work
      .then(() => this.reconcile(shard))
      .catch((error: unknown) => this.log.error({ err: error }, 'the channels were not brought into line'));
  }

  private async reconcile(shard?: number): Promise<void> {
    const rows = await this.system.query<WantedRow>(
      `SELECT c.merchant_id, c.id, c.kind, c.phone, c.config, c.created_at, c.shard, c.desired, c.wish, c.status, t.stopped_wish
       FROM channels c JOIN channel_states t ON t.merchant_id = c.merchant_id AND t.channel_id = c.id
       WHERE ($1::int IS NULL OR c.shard = $1) AND (c.desired = 'connected' OR c.status NOT IN ('disconnected', 'logged_out') OR c.wish > t.stopped_wish)`,
      [shard ?? null],
    );
    for (const row of rows) {
      const lease = this.leases.lease(row.shard);
      if (!lease) continue;
      try {
        await this.bringIntoLine(row, lease);
      } catch (error) {
        // One channel's trouble is not its neighbours'.
        this.log.error({ err: error, channelId: row.id }, 'the channel was not brought into line');
        this.again.push(setTimeout(() => this.look(row.shard), AGAIN_MS));
      }
    }
  }

  private async bringIntoLine(row: WantedRow, lease: Lease): Promise<void> {
    const running = this.running.get(row.id);
    // A session of an earlier lease of ours is over, whatever it thinks: its writes are refused.
    if (running && running.row.wish === row.wish && running.lease.fence === lease.fence) return;
    // What has ended at this wish is opened again by the next one alone.
    if (!running && row.stopped_wish >= row.wish) return;
    if (running) {
      this.running.delete(row.id);
      const { session } = running;
      await inTime(row.desired === 'logged_out' && session.logout ? session.logout() : session.close());
    }
    if (row.desired === 'connected') return this.open(row, lease);
    if (row.desired === 'logged_out') await this.transports.of(row.kind).forget?.(channelOf(row), lease);
    const reason = row.desired === 'logged_out' ? 'logged out by the merchant' : 'disconnected by the merchant';
    await this.sessions.report(row.merchant_id, row.id, lease.fence, row.wish, { status: row.desired, reason, stopped: true });
  }

  private async open(row: WantedRow, lease: Lease): Promise<void> {
    const host = this.host(row, lease);
    const session = await this.transports.of(row.kind).open(channelOf(row), host);
    // The shard may have gone while the session was opened, and whoever let it go has not seen this one.
    if (!host.lease()) return session.close();
    this.running.set(row.id, { row, lease, session });
    if (session.sends) await this.ring(row);
  }

  private host(row: WantedRow, lease: Lease): SessionHost {
    return {
      lease: () => {
        const held = this.leases.lease(row.shard);
        return held?.fence === lease.fence ? held : undefined;
      },
      report: (report) => this.sessions.report(row.merchant_id, row.id, lease.fence, row.wish, report),
      ready: () => {
        this.ring(row).catch((error: unknown) =>
          this.log.warn({ err: error, channelId: row.id }, 'waiting messages were not rung for'),
        );
      },
    };
  }

  /** What waits for this channel is tried at once, and not when it would have been. */
  private async ring({ merchant_id, id }: WantedRow): Promise<void> {
    await this.tenancy.run(merchant_id, (tx) => this.sends.resume(tx, id));
  }
}

/** One session that does not end must not keep all others from beginning: its writes are refused anyway. */
const inTime = (ending: Promise<void>): Promise<void> => Promise.race([ending, pause(ENDING_MS, undefined, { ref: false })]);

const channelOf = (row: WantedRow): TransportChannel => ({
  merchantId: row.merchant_id,
  id: row.id,
  kind: row.kind,
  phone: row.phone,
  config: row.config,
  createdAt: row.created_at,
});
