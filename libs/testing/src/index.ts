export { type Answer, ApiClient, PASSWORD } from './client.js';
export { createDatabase, withClient, withOldDatabase } from './database.js';
export { gate, type Gate } from './gate.js';
export { integration, type Integration } from './integration.js';
export {
  BusinessNumber,
  type Customer as GraphCustomer,
  type GraphApi,
  metaJson,
  signatureOf,
  startGraphApi,
} from './graph-api/index.js';
export { holdShards, ownIdOf } from './lease.js';
export { parallel } from './parallel.js';
export { seeded } from './random.js';
export { type S3Server, startS3 } from './s3.js';
export { startReceiver, type ReceivedCall, type Receiver } from './receiver.js';
export { startStripe, type StripeApi } from './stripe-api.js';
export { until } from './until.js';
export { type Customer, type Phone, startWhatsappWeb, type WhatsappWeb } from './whatsapp-web/index.js';
