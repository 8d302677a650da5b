export * from './cloud-template.js';
export * from './content.js';
export * from './event.js';
export * from './event-examples.js';
export * from './event-schema.js';
export * from './events.js';
export * from './job.js';
export * from './jobs.js';
