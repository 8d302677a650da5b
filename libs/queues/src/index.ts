export { type EventSink, onBehalfOf, type RelayedEvent } from './event-sink.js';
export { HandlerRegistry, Handles, Reacts } from './handler.registry.js';
export { JobWorkers, type QueuesOptions } from './job-workers.js';
export { allQueueNames } from './queue-names.js';
export { QueuesModule } from './queues.module.js';
export { ReactionProcessor, ReactionSink } from './reactions.js';
export { Sweeper } from './sweeper.js';
export { QUEUE_SET } from './tokens.js';
