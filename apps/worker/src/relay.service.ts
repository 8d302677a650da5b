import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '@soko/config';
import { byIndex, Listener, SystemDb, type SystemTx } from '@soko/database';
import { Log } from '@soko/observability';
import { type EventSink, HISTORY_CHANNEL, ReactionSink, type RelayedEvent } from '@soko/queues';
import { WebhookSink } from '@soko/webhooks';

/** The ids of so many merchants fit into one notification, which has 8,000 bytes. */
const BATCH = 200;
const POLL_MS = 1_000;
/** From the beginning of one look to the next: what comes in between is handed on together, in one transaction and with one alarm. */
const GAP_MS = 25;
const LOCK = 7_305_002;

/**
 * Hands events on from the outbox: gives each its place in the history and lets every sink note what is to be done, in one
 * transaction. One relay works at a time (the others wait on the lock and take over when it goes), so that places are given
 * in the order of ids and a reader of the history never sees a gap close behind it.
 */
@Injectable()
export class Relay implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sinks: EventSink[];
  private readonly listener: Listener;
  private running?: Promise<void>;
  private again = false;
  private stopped = false;
  private poll?: NodeJS.Timeout;

  constructor(
    private readonly system: SystemDb,
    private readonly log: Log,
    webhooks: WebhookSink,
    reactions: ReactionSink,
    settings: Settings,
  ) {
    this.sinks = [reactions, webhooks];
    this.listener = new Listener(
      settings,
      'soko_events',
      () => this.wake(),
      (error) => log.warn({ err: error }, 'relay: listening again'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.listener.start();
    // The fallback for a notification that was lost with its connection.
    this.poll = setInterval(() => this.wake(), POLL_MS);
    this.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.poll);
    await this.listener.stop();
    await this.running;
  }

  private wake(): void {
    this.again = true;
    this.running ??= this.drain().finally(() => (this.running = undefined));
  }

  private async drain(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      const begun = performance.now();
      try {
        let handed: number;
        do handed = await this.system.run((tx) => this.handOn(tx));
        while (handed === BATCH && !this.stopped);
      } catch (error) {
        this.log.error({ err: error }, 'the relay failed; the events stay in the outbox');
      }
      if (!this.stopped) await pause(Math.max(0, begun + GAP_MS - performance.now()));
    }
  }

  private async handOn(tx: SystemTx): Promise<number> {
    tx.write('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    byIndex(tx);
    const events = await tx.query<RelayedEvent>(
      `WITH batch AS (
         SELECT merchant_id, id FROM events WHERE position IS NULL ORDER BY id LIMIT ${BATCH}
       ), placed AS (
         SELECT merchant_id, id, nextval('event_position') AS position FROM (SELECT * FROM batch ORDER BY id) AS ordered
       )
       UPDATE events e SET position = placed.position FROM placed
       WHERE e.merchant_id = placed.merchant_id AND e.id = placed.id
       RETURNING e.merchant_id AS "merchantId", e.id, e.type, e.subject, e.position,
                 e.request_id AS "requestId"`,
    );
    if (events.length === 0) return 0;
    events.sort((a, b) => a.position - b.position);
    for (const sink of this.sinks) await sink.fanOut(tx, events);
    tx.write('SELECT pg_notify($1, $2)', [HISTORY_CHANNEL, [...new Set(events.map((event) => event.merchantId))].join()]);
    return events.length;
  }
}
