import { setTimeout as pause } from 'node:timers/promises';
import { InjectFlowProducer } from '@nestjs/bullmq';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { type Alarm, AlarmBell } from '@soko/database';
import { Log } from '@soko/observability';
import type { FlowProducer, JobsOptions, Queue } from 'bullmq';
import { queueOf } from './queue-names.js';
import { BELL, QUEUE_SET } from './tokens.js';

/** What a job carries: ids, and the request that led to it. */
export interface JobData {
  payload: object;
  requestId?: string;
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
/** What is on its way at the end gets so long: a store that is away must not keep the process from stopping. */
const LAST_MS = 2_000;

interface Ring {
  queueName: string;
  name: string;
  data: JobData;
  opts: JobsOptions;
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
      const ring = { queueName: queueOf(job, payload), name: job.name, data: { payload, requestId }, opts: OPTIONS };
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
      try {
        await this.producer.addBulk(batch);
      } catch (error) {
        // The rows stand; the sweep rings for them.
        this.log.warn({ err: error, alarms: batch.length }, 'alarms were not queued');
      }
    }
    this.flushing = undefined;
  }

  private take(): Ring[] {
    const batch = [...this.waiting.entries()].slice(0, BATCH);
    for (const [key] of batch) this.waiting.delete(key);
    return batch.map(([, ring]) => ring);
  }
}
