import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '@soko/config';
import { SystemDb } from '@soko/database';
import { MediaSweep } from '@soko/media';
import { Log } from '@soko/observability';

const EVERY_MS = 10 * 60_000;
/** Partitions for messages and events are made half a year ahead: were nobody to look for that long, there would still be a place. */
const AHEAD = '26 weeks';
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
/** A linked device that has not been connected for so long is forgotten: WhatsApp has forgotten it too. */
const IDLE = '30 days';
const BATCH = 5_000;
/** Tables whose rows mean nothing after their `expires_at`. */
const EXPIRING = ['sessions', 'idempotency_keys', 'delivery_positions', 'carts', 'link_codes', 'number_proofs', 'dead_letters'];

/** Removes what has expired, and makes room for what is to come. Nothing waits for either. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap, OnModuleDestroy {
  private timer?: NodeJS.Timeout;
  private partitionsMadeAt = -Infinity;
  private monthsDroppedAt = -Infinity;
  private devicesCleanedAt = -Infinity;
  private mediaSweptAt = -Infinity;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly system: SystemDb,
    private readonly media: MediaSweep,
    private readonly settings: Settings,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.running = this.keep();
    }, EVERY_MS);
    this.running = this.keep();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** One that fails leaves the other its turn, and is tried again the next time. */
  private async keep(): Promise<void> {
    const complain = (error: unknown): void => this.log.error({ err: error }, 'housekeeping failed');
    await this.clean().catch(complain);
    await this.forgetCalls().catch(complain);
    await this.makePartitions().catch(complain);
    await this.dropOldEvents().catch(complain);
    await this.forgetIdleDevices().catch(complain);
    await this.sweepMedia().catch(complain);
  }

  /** Once an hour and at the start. One that comes back needs a new QR code. */
  async forgetIdleDevices(now = Date.now()): Promise<void> {
    if (now - this.devicesCleanedAt < HOUR_MS) return;
    await this.system.query(
      `WITH idle AS (
         UPDATE channels c SET status = 'logged_out', reason = 'not connected for ${IDLE}: scan a new QR code'
         FROM baileys_creds k WHERE k.merchant_id = c.merchant_id AND k.channel_id = c.id AND c.status <> 'connected'
           AND coalesce(c.last_connected_at, k.updated_at) < now() - interval '${IDLE}' RETURNING c.merchant_id, c.id
       ), creds AS (
         DELETE FROM baileys_creds k USING idle WHERE k.merchant_id = idle.merchant_id AND k.channel_id = idle.id
       ) DELETE FROM baileys_keys k USING idle WHERE k.merchant_id = idle.merchant_id AND k.channel_id = idle.id`,
    );
    this.devicesCleanedAt = now;
  }

  /** Once an hour and at the start. */
  private async sweepMedia(now = Date.now()): Promise<void> {
    if (now - this.mediaSweptAt < HOUR_MS) return;
    await this.media.sweep();
    this.mediaSweptAt = now;
  }

  /** Once a day and at the start. @returns how many were made. */
  async makePartitions(now = Date.now()): Promise<number> {
    if (now - this.partitionsMadeAt < DAY_MS) return 0;
    const [row] = await this.system.query<{ made: number }>(
      `SELECT make_message_partitions(now(), now() + $1::interval) + make_event_partitions(now(), now() + $1::interval) AS made`,
      [AHEAD],
    );
    this.partitionsMadeAt = now;
    return row!.made;
  }

  /** What webhooks were called, after `WEBHOOK_LOG_DAYS`: their ids tell when, and so need no index of times. */
  async forgetCalls(): Promise<void> {
    let gone: object[];
    do {
      gone = await this.system.query(
        `DELETE FROM webhook_logs WHERE ctid = ANY (ARRAY(
           SELECT old.ctid FROM webhooks w CROSS JOIN LATERAL (
             SELECT l.ctid FROM webhook_logs l
             WHERE l.merchant_id = w.merchant_id AND l.webhook_id = w.id AND l.id < uuidv7(-$1::int * interval '1 day') LIMIT ${BATCH}
           ) AS old LIMIT ${BATCH}))
         RETURNING 1 AS one`,
        [this.settings.WEBHOOK_LOG_DAYS],
      );
    } while (gone.length === BATCH);
  }

  /**
   * Once a day and at the start, where EVENT_MONTHS says how long the history is kept. No month goes while one of its events was
   * not handed on, or while one of our own reactions to it waits. @returns how many months went
   */
  async dropOldEvents(now = Date.now()): Promise<number> {
    if (this.settings.EVENT_MONTHS === undefined || now - this.monthsDroppedAt < DAY_MS) return 0;
    // Not in one statement: what is being read cannot be dropped.
    const [oldest] = await this.system.query<{ until: Date }>(
      `SELECT least(
         now() - $1 * interval '1 month',
         (SELECT uuid_extract_timestamp(id) FROM events WHERE position IS NULL ORDER BY id LIMIT 1),
         (SELECT uuid_extract_timestamp(event_id) FROM event_reactions WHERE ring_at IS NOT NULL ORDER BY event_id LIMIT 1)
       ) AS until`,
      [this.settings.EVENT_MONTHS],
    );
    const [row] = await this.system.query<{ dropped: number }>('SELECT drop_event_partitions($1) AS dropped', [oldest!.until]);
    this.monthsDroppedAt = now;
    if (row!.dropped > 0) this.log.info({ months: row!.dropped }, 'events older than EVENT_MONTHS are gone');
    return row!.dropped;
  }

  /** In batches, so that no statement holds many rows. */
  async clean(): Promise<void> {
    for (const table of EXPIRING) {
      let gone: object[];
      do {
        gone = await this.system.query(
          `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE expires_at < now() LIMIT ${BATCH}))
           RETURNING 1 AS one`,
        );
      } while (gone.length === BATCH);
    }
  }
}
