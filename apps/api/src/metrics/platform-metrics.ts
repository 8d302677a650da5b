import { Injectable } from '@nestjs/common';
import { SystemDb } from '@soko/database';
import { DeadLetterService } from '@soko/dead-letters';
import { Log, Metrics } from '@soko/observability';
import { QueueInspector } from '@soko/queues';
import { Gauge } from 'prom-client';

const PATIENCE_MS = 3_000;
const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/**
 * What is true of all processes together, asked of the stores at each scrape. Every process of the api tells the same: take the largest.
 * A store that is away costs its own numbers, and is counted.
 */
@Injectable()
export class PlatformMetrics {
  private readonly failures: Gauge;

  constructor(
    private readonly metrics: Metrics,
    private readonly system: SystemDb,
    private readonly queues: QueueInspector,
    private readonly letters: DeadLetterService,
    private readonly log: Log,
  ) {
    this.failures = new Gauge({
      name: 'soko_metrics_missing',
      help: 'Numbers that this scrape lacks because what knows them did not answer.',
      registers: [this.metrics.registry],
    });
    this.gauge(
      'soko_queue_jobs',
      'Alarms in the queues, by state; `failed` are kept to be looked at, and ring again by their rows.',
      ['queue', 'state'],
      (gauge) => this.queueDepths(gauge),
    );
    this.gauge('soko_outbox_lag_seconds', 'Age of the oldest event that was not handed on yet.', [], async (gauge) => {
      const [row] = await this.system.query<{ lag: number }>(
        `SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 AS lag FROM events WHERE position IS NULL ORDER BY id LIMIT 1`,
      );
      gauge.set(Math.max(0, row?.lag ?? 0));
    });
    this.gauge('soko_dead_letters', 'What has failed for good and waits for somebody, by kind.', ['kind'], async (gauge) => {
      for (const [kind, n] of await this.letters.counts()) gauge.set({ kind }, n);
    });
    this.gauge(
      'soko_channels',
      'Channels that shall be connected, by what they are and how they stand.',
      ['kind', 'status'],
      async (gauge) => {
        const rows = await this.system.query<{ kind: string; status: string; n: number }>(
          `SELECT kind, status, count(*)::int AS n FROM channels WHERE deleted_at IS NULL AND desired = 'connected' GROUP BY 1, 2`,
        );
        for (const { kind, status, n } of rows) gauge.set({ kind, status }, n);
      },
    );
  }

  /** In the form that Prometheus reads. */
  async read(): Promise<string> {
    this.failures.set(0);
    return this.metrics.registry.metrics();
  }

  private async queueDepths(gauge: Gauge): Promise<void> {
    const sums = new Map<string, number>();
    for (const view of await this.queues.list()) {
      // The lanes of a queue are as many as there are shards; together they are the queue.
      const queue = view.name.replace(/-\d+$/, '');
      for (const state of STATES) sums.set(`${queue} ${state}`, (sums.get(`${queue} ${state}`) ?? 0) + view[state]);
    }
    for (const [name, n] of sums) {
      const [queue, state] = name.split(' ') as [string, string];
      gauge.set({ queue, state }, n);
    }
  }

  private gauge(name: string, help: string, labelNames: string[], fill: (gauge: Gauge) => Promise<void>): void {
    const collect = async (): Promise<void> => {
      gauge.reset();
      try {
        await within(PATIENCE_MS, fill(gauge));
      } catch (error) {
        gauge.reset();
        if (labelNames.length === 0) gauge.remove();
        this.failures.inc();
        this.log.warn({ err: error, metric: name }, 'a metric could not be collected');
      }
    };
    const gauge: Gauge = new Gauge({ name, help, labelNames, registers: [this.metrics.registry], collect });
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
