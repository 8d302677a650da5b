import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { newId, validateInput, workContext } from '@soko/common';
import { Settings } from '@soko/config';
import { allJobs, type QueueName } from '@soko/contracts';
import { Log } from '@soko/observability';
import { type Job, Worker } from 'bullmq';
import type { QueueBackend } from './backend.js';
import { HandlerRegistry } from './handler.registry.js';
import type { JobData } from './queue-bell.js';
import { laneName } from './queue-names.js';
import { BACKEND, OPTIONS } from './tokens.js';

export interface QueuesOptions {
  /** Queues of which this app handles every job. */
  serves: readonly QueueName[];
  /** Those of them whose lanes are opened and closed at run time, with `openLane`. */
  laned?: readonly QueueName[];
}

/** Takes jobs off the queues that this app serves and gives each to its handler. */
@Injectable()
export class JobWorkers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly workers = new Map<string, Worker<JobData>>();
  private readonly jobs = new Map(allJobs().map((job) => [job.name, job]));

  constructor(
    @Inject(BACKEND) private readonly backend: QueueBackend,
    @Inject(OPTIONS) private readonly options: QueuesOptions,
    private readonly registry: HandlerRegistry,
    private readonly settings: Settings,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.registry.collect(this.options.serves);
    for (const queue of this.options.serves) if (!this.options.laned?.includes(queue)) this.open(queue);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.close()));
  }

  openLane(queue: QueueName, lane: number): void {
    this.open(laneName(queue, lane));
  }

  /** Takes no more jobs from the lane; returns when those at hand have ended. */
  async closeLane(queue: QueueName, lane: number): Promise<void> {
    const name = laneName(queue, lane);
    const worker = this.workers.get(name);
    this.workers.delete(name);
    await worker?.close();
  }

  private open(name: string): void {
    if (this.workers.has(name)) return;
    const worker = new Worker<JobData>(name, (job) => this.process(job), {
      ...this.backend.worker,
      concurrency: this.settings.QUEUE_CONCURRENCY,
      // A worker that was killed mid-job stalls it; that says nothing about the job.
      maxStalledCount: 20,
      // Seconds between looks at an empty queue. New jobs announce themselves; a look keeps a connection from being let go.
      drainDelay: 60,
    });
    worker.on('error', (error) => this.log.warn({ err: error, queue: name }, 'queue error'));
    worker.on('failed', (job, error) =>
      this.log.warn({ err: error, queue: name, job: job?.name, attempt: job?.attemptsMade }, 'job failed'),
    );
    this.workers.set(name, worker);
  }

  private async process(job: Job<JobData>): Promise<void> {
    const handler = this.registry.jobs.get(job.name);
    const def = this.jobs.get(job.name);
    if (!handler || !def) throw new Error(`no handler for job ${job.name}`);
    // News for ops: where it cannot be told, the work goes on.
    const progress = (percent: number): Promise<void> => job.updateProgress(percent).catch(() => undefined);
    // One after the other, so that a queue does so much at once as it is set to. One that fails is in nobody's way: the job is tried
    // again, and the others find nothing left to do.
    const failures: unknown[] = [];
    for (const rung of [job.data, ...(job.data.more ?? [])]) {
      try {
        const payload = validateInput(def.payload, rung.payload);
        await workContext.run({ requestId: rung.requestId ?? newId() }, () => handler(payload, progress));
      } catch (error) {
        failures.push(error);
      }
    }
    // Of a job that fails one error is told: the others would be told nowhere.
    for (const error of failures.slice(1)) this.log.warn({ err: error, job: job.name }, 'an alarm of the job failed, too');
    if (failures.length > 0) throw failures[0];
  }
}
