import { type JobDef, QUEUES, type QueueName } from '@soko/contracts';

/** Queues that are split into one lane per gateway shard, so that only the shard's holder takes from it. */
const LANED: readonly QueueName[] = ['message_sending'];

export const laneName = (queue: QueueName, lane: number): string => `${queue}-${lane}`;

/** The physical queue of one alarm. */
export const queueOf = (job: JobDef, payload: object): string => (job.lane ? laneName(job.queue, job.lane(payload)) : job.queue);

/** Every physical queue of a stack with so many shards. */
export const allQueueNames = (shards: number): string[] =>
  QUEUES.flatMap((queue) =>
    LANED.includes(queue) ? Array.from({ length: shards }, (_, lane) => laneName(queue, lane)) : [queue],
  );
