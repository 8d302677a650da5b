import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { type Alarm, AlarmBell } from '@soko/database';
import { Log } from '@soko/observability';
import type { Queue } from 'bullmq';
import { queueOf } from './queue-names.js';
import { QUEUE_SET } from './tokens.js';

/** What a job carries: ids, and the request that led to it. */
export interface JobData {
  payload: object;
  requestId?: string;
}

const BATCH = 500;
/** So many alarms may wait for one queue. */
const MOST = 10_000;
/** What is on its way at the end gets so long: a store that is away must not keep the process from stopping. */
const LAST_MS = 2_000;

/**
 * Puts alarms on their queues, off the caller's path. While one batch is on its way the next one gathers, so the batches
 * grow with the load; the same alarm twice in a batch is one.
 */
@Injectable()
export class QueueBell extends AlarmBell implements BeforeApplicationShutdown {
  private readonly waiting = new Map<string, Map<string, { name: string; data: JobData }>>();
  private readonly flushing = new Map<string, Promise<void>>();

  constructor(
    @Inject(QUEUE_SET) private readonly queues: Map<string, Queue>,
    private readonly log: Log,
  ) {
    super();
    for (const queue of queues.values()) {
      queue.on('error', (error) => log.warn({ err: error, queue: queue.name }, 'queue error'));
    }
  }

  ring(alarms: Alarm[]): void {
    for (const { job, payload, requestId } of alarms) {
      const queue = queueOf(job, payload);
      const batch = this.waiting.get(queue) ?? new Map<string, { name: string; data: JobData }>();
      // While the store is away the rest is left to the sweep: the rows stand.
      if (batch.size < MOST)
        batch.set(`${job.name} ${JSON.stringify(payload)}`, { name: job.name, data: { payload, requestId } });
      this.waiting.set(queue, batch);
      if (!this.flushing.has(queue)) this.flushing.set(queue, this.flush(queue));
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.race([Promise.all(this.flushing.values()), pause(LAST_MS, undefined, { ref: false })]);
  }

  private async flush(name: string): Promise<void> {
    await new Promise(setImmediate);
    for (let batch = this.take(name); batch.length > 0; batch = this.take(name)) {
      try {
        await this.queues.get(name)!.addBulk(batch);
      } catch (error) {
        // The rows stand; the sweep rings for them.
        this.log.warn({ err: error, queue: name, alarms: batch.length }, 'alarms were not queued');
      }
    }
    this.flushing.delete(name);
  }

  private take(name: string): { name: string; data: JobData }[] {
    const all = this.waiting.get(name);
    if (!all) return [];
    const batch = [...all.entries()].slice(0, BATCH);
    for (const [key] of batch) all.delete(key);
    return batch.map(([, job]) => job);
  }
}
