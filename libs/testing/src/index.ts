export { ApiClient } from './client.js';
export { createDatabase, withClient } from './database.js';
export { gate, type Gate } from './gate.js';
export { integration, type Integration } from './integration.js';
export { holdShards } from './lease.js';
export { parallel } from './parallel.js';
export { seeded } from './random.js';
export { startReceiver, type ReceivedCall, type Receiver } from './receiver.js';
export { until } from './until.js';
