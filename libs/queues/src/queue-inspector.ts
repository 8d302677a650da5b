import { Inject, Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import type { Queue } from 'bullmq';
import type { JobView, QueueView } from './queues.dto.js';
import { QUEUE_SET } from './tokens.js';

/** A look into the queues, for ops. */
@Injectable()
export class QueueInspector {
  constructor(@Inject(QUEUE_SET) private readonly queues: Map<string, Queue>) {}

  list(): Promise<QueueView[]> {
    return Promise.all(
      [...this.queues].map(async ([name, queue]) => {
        const {
          waiting = 0,
          active = 0,
          delayed = 0,
          failed = 0,
        } = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
        return { name, waiting, active, delayed, failed };
      }),
    );
  }

  /** @throws NotFoundError for a queue or job that is not there: those that succeeded are gone at once. */
  async job(queueName: string, id: string): Promise<JobView> {
    const queue = this.queues.get(queueName);
    if (!queue) throw new NotFoundError('queue', queueName);
    const job = await queue.getJob(id);
    if (!job) throw new NotFoundError('job', id);
    const { name, progress, attemptsMade, failedReason } = job;
    return { id, name, state: await job.getState(), progress, attemptsMade, ...(failedReason ? { failedReason } : {}) };
  }
}
