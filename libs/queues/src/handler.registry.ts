import { Injectable, SetMetadata } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { allJobs, type EventDef, type EventEnvelope, type JobDef, type QueueName } from '@soko/contracts';
import type { TenantTx } from '@soko/database';

const JOB = Symbol('job');
const REACTION = Symbol('reaction');

/** Tells how far a job is, in per cent, to whoever looks at it. Never throws. */
export type Progress = (percent: number) => Promise<void>;
export type JobHandler = (payload: object, progress: Progress) => Promise<void>;
export type ReactionHandler = (tx: TenantTx, event: EventEnvelope) => Promise<void>;
interface ReactionMeta {
  event: string;
  name: string;
}

/** Marks the one method that handles `job`: `(payload, progress) => Promise<void>`; it throws to have the job tried again. */
export const Handles = <P extends object>(job: JobDef<P>) => SetMetadata(JOB, job.name);

/**
 * Marks a method `(tx, event) => Promise<void>` that must run once for each `event`. It runs in a transaction of the event's
 * merchant that also ticks the event off, so its writes happen exactly once. `name` is stored: do not change it lightly.
 */
export const Reacts = <D extends object>(event: EventDef<D>, name: string) => SetMetadata(REACTION, { event: event.type, name });

/** All handlers of this process, found by their decorators. */
@Injectable()
export class HandlerRegistry {
  readonly jobs = new Map<string, JobHandler>();
  readonly reactions = new Map<string, { event: string; run: ReactionHandler }>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Error naming every job of `queues` without exactly one handler. */
  collect(queues: readonly QueueName[]): void {
    for (const { instance } of this.discovery.getProviders()) {
      if (!instance || typeof instance !== 'object') continue;
      const methods = instance as Record<string, (...args: never[]) => Promise<void>>;
      for (const key of this.scanner.getAllMethodNames(Object.getPrototypeOf(instance))) {
        const method = methods[key]!;
        const job = this.reflector.get<string | undefined>(JOB, method);
        const reaction = this.reflector.get<ReactionMeta | undefined>(REACTION, method);
        if (job) this.add(this.jobs, job, method.bind(instance) as JobHandler);
        if (reaction)
          this.add(this.reactions, reaction.name, { event: reaction.event, run: method.bind(instance) as ReactionHandler });
      }
    }
    const expected = allJobs().filter((job) => queues.includes(job.queue));
    const missing = expected.filter((job) => !this.jobs.has(job.name)).map((job) => job.name);
    if (missing.length > 0)
      throw new Error(`no handler for ${missing.join(', ')}: mark a method with @Handles and provide its class`);
    const stray = [...this.jobs.keys()].filter((name) => !expected.some((job) => job.name === name));
    if (stray.length > 0) throw new Error(`handlers for ${stray.join(', ')}, whose queues this app does not serve`);
  }

  private add<T>(map: Map<string, T>, name: string, handler: T): void {
    if (map.has(name)) throw new Error(`${name} has two handlers`);
    map.set(name, handler);
  }
}
