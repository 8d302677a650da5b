/** The queues, by the names that ops see, each with the app that serves it. `message_sending` has one lane per gateway shard. */
const SERVED_BY = {
  message_sending: 'bot-gateway',
  inbound_processing: 'worker',
  order_processing: 'worker',
  webhook_delivery: 'worker',
  media_processing: 'worker',
  maintenance: 'worker',
} as const;
export type QueueName = keyof typeof SERVED_BY;
export const QUEUES = Object.keys(SERVED_BY) as QueueName[];

/** The queues whose every job `app` handles: it does not start otherwise. So no queue is without a server. */
export const queuesOf = (app: 'bot-gateway' | 'worker'): QueueName[] => QUEUES.filter((queue) => SERVED_BY[queue] === app);

/**
 * Where the rows behind a job stand. A row is due for an alarm when `ring_at` has passed; the sweep then moves `ring_at`
 * on and rings `job` with the row's ids, so a lost job costs seconds, not an order.
 */
export interface DueRows<P> {
  table: string;
  /** Payload field -> column. */
  ids: Record<Extract<keyof P, string>, string>;
}

/** An alarm: "look at this one now". The payload carries ids only. */
export interface JobDef<P extends object = object> {
  name: string;
  queue: QueueName;
  payload: new () => P;
  due: DueRows<P>;
  /** So many alarms that ring at the same time may come as one job: for work on the database alone, which is done in milliseconds. */
  pack?: number;
  /** The lane of the queue, where it has lanes. */
  lane?: (payload: P) => number;
}

const catalogue = new Map<string, JobDef>();

export function defineJob<P extends object>(name: string, def: Omit<JobDef<P>, 'name'>): JobDef<P> {
  if (catalogue.has(name)) throw new Error(`job ${name} is defined twice`);
  const job = { name, ...def };
  catalogue.set(name, job as unknown as JobDef);
  return job;
}

/** Every job there is. */
export const allJobs = (): JobDef[] => [...catalogue.values()];
