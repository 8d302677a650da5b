import { Injectable, type OnModuleDestroy, type OnApplicationBootstrap } from '@nestjs/common';
import { allJobs, type JobDef } from '@soko/contracts';
import { SystemDb } from '@soko/database';
import { Log } from '@soko/observability';

const EVERY_MS = 1_000;
const BATCH = 1_000;

/** Finds rows whose alarm is overdue and puts the next alarm 30 s off. Several sweepers share the rows by SKIP LOCKED. */
function sweepSql(job: JobDef): string {
  const { table, ids } = job.due;
  const columns = Object.entries<string>(ids).map(([field, column]) => `${column} AS "${field}"`);
  return `UPDATE ${table} SET ring_at = now() + interval '30 seconds'
          WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ring_at <= now() ORDER BY ring_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))
          RETURNING ${columns.join(', ')}`;
}

/**
 * Rings again for all that is due and untouched: what makes a lost job, a wiped queue store, a retry and a scheduled
 * time come to the same. Driven by a timer of the process, not by the queues that may be what was lost.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweeps = allJobs().map((job) => ({ job, sql: sweepSql(job) }));
  private timer?: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly system: SystemDb,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.next(0);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** One look at every kind of due row. @returns how many alarms rang. */
  async sweep(): Promise<number> {
    let rung = 0;
    for (const { job, sql } of this.sweeps) {
      const rows = await this.system.run(async (tx) => {
        const due = await tx.query(sql);
        for (const payload of due) tx.wake(job, payload);
        return due.length;
      });
      if (rows > 0) this.log.debug({ job: job.name, rows }, 'rang again');
      rung += rows;
    }
    return rung;
  }

  private next(delay: number): void {
    this.timer = setTimeout(() => {
      this.running = this.sweep()
        .catch((error: unknown) => this.log.error({ err: error }, 'the sweep failed'))
        .then(() => {
          if (!this.stopped) this.next(EVERY_MS);
        });
    }, delay);
  }
}
