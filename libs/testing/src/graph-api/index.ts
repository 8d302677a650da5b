export { BusinessNumber, type Mark, type NumberOptions, type Sent, type Status } from './business-number.js';
export { Customer, type CustomerOptions, type ReceivedMessage, type WriteOptions } from './customer.js';
export {
  type DeliveriesOptions,
  type Delivery,
  type MadeDeliveries,
  postDeliveries,
  type PostOptions,
  type PostReport,
} from './deliveries.js';
export { metaJson, signatureOf } from './envelope.js';
export type { FailOptions } from './faults.js';
export { GraphApi } from './graph-api.js';
export type { Content, IncomingFile, OrderLine } from './incoming.js';
export type { LoggedRequest } from './request-log.js';
export { type GraphApiOptions, startGraphApi } from './start.js';
export type { GraphTemplate, NewTemplate } from './template-book.js';
export { META_PAIR_RATE, type PairRate } from './throttle.js';
export type { WebhookSettings } from './webhook-outbox.js';
