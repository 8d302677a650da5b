import { setTimeout as pause } from 'node:timers/promises';
import { InjectFlowProducer } from '@nestjs/bullmq';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { type Alarm, AlarmBell } from '@soko/database';
import { Log } from '@soko/observability';
import type { FlowProducer, JobsOptions, Queue } from 'bullmq';
import { queueOf } from './queue-names.js';
import { BELL, QUEUE_SET } from './tokens.js';

/** What an alarm carries: ids, and the request that led to it. */
export interface Rung {
  payload: object;
  requestId?: string;
}
/** What a job carries: an alarm, or several. */
export interface JobData extends Rung {
  more?: Rung[];
}

const OPTIONS: JobsOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: { count: 1_000 },
};

const BATCH = 500;
/** So many alarms may wait. */
const MOST = 10_000;
/** From one batch to the next: what rings in between goes together. */
const GAP_MS = 10;
/** What is on its way at the end gets so long: a store that is away must not keep the process from stopping. */
const LAST_MS = 2_000;

interface Ring {
  queueName: string;
  name: string;
  data: JobData;
  opts: JobsOptions;
  /** So many in one job. */
  pack: number;
}

/**
 * Puts alarms on their queues, off the caller's path. While one batch is on its way the next one gathers, so the batches
 * grow with the load; the same alarm twice in a batch is one.
 *
 * By a flow producer, though no alarm has children: it takes jobs of all queues in one call, and on PostgreSQL it does not make
 * and drop two tables for each call, as `Queue.addBulk` does (4 ms of the server's time, against 0.5).
 */
@Injectable()
export class QueueBell extends AlarmBell implements BeforeApplicationShutdown {
  private readonly waiting = new Map<string, Ring>();
  private flushing?: Promise<void>;

  constructor(
    @InjectFlowProducer(BELL) private readonly producer: FlowProducer,
    @Inject(QUEUE_SET) queues: Map<string, Queue>,
    private readonly log: Log,
  ) {
    super();
    producer.on('error', (error) => log.warn({ err: error }, 'queue error'));
    for (const queue of queues.values()) {
      queue.on('error', (error) => log.warn({ err: error, queue: queue.name }, 'queue error'));
    }
  }

  ring(alarms: Alarm[]): void {
    for (const { job, payload, requestId } of alarms) {
      // While the store is away the rest is left to the sweep: the rows stand.
      if (this.waiting.size >= MOST) break;
      const data = { payload, requestId };
      const ring = { queueName: queueOf(job, payload), name: job.name, data, opts: OPTIONS, pack: job.pack ?? 1 };
      this.waiting.set(`${job.name} ${JSON.stringify(payload)}`, ring);
    }
    if (this.waiting.size > 0) this.flushing ??= this.flush();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.race([this.flushing, pause(LAST_MS, undefined, { ref: false })]);
  }

  private async flush(): Promise<void> {
    await new Promise(setImmediate);
    for (let batch = this.take(); batch.length > 0; batch = this.take()) {
      const gap = pause(GAP_MS);
      try {
        await this.producer.addBulk(packed(batch));
      } catch (error) {
        // The rows stand; the sweep rings for them.
        this.log.warn({ err: error, alarms: batch.length }, 'alarms were not queued');
      }
      await gap;
    }
    this.flushing = undefined;
  }

  private take(): Ring[] {
    const batch = [...this.waiting.entries()].slice(0, BATCH);
    for (const [key] of batch) this.waiting.delete(key);
    return batch.map(([, ring]) => ring);
  }
}

/** The jobs that the alarms make, each with as many alarms of its kind as it takes. */
function packed(rings: Ring[]): Omit<Ring, 'pack'>[] {
  const open = new Map<string, Ring>();
  const jobs: Ring[] = [];
  for (const ring of rings) {
    const job = open.get(ring.name);
    const more = job?.data.more ?? [];
    if (job && job.queueName === ring.queueName && more.length + 1 < job.pack) {
      job.data.more = [...more, ring.data];
      continue;
    }
    open.set(ring.name, ring);
    jobs.push(ring);
  }
  return jobs.map(({ queueName, name, data, opts }) => ({ queueName, name, data, opts }));
}
