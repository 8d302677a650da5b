/** Map of physical queue name to BullMQ Queue. */
export const QUEUE_SET = Symbol('QUEUE_SET');
/** The process's QueueBackend. */
export const BACKEND = Symbol('QUEUE_BACKEND');
/** What the app serves: QueuesOptions. */
export const OPTIONS = Symbol('QUEUES_OPTIONS');
/** Name of the flow producer that puts alarms on their queues. */
export const BELL = 'bell';
