/* The catalogue, by what events are about. */
export * from './message-events.js';
export * from './order-events.js';
export * from './channel-events.js';
