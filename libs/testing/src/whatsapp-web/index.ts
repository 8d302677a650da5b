export type { ClosingCode } from './closing.js';
export type { Content } from './contents.js';
export { control } from './control.js';
export type { Arrival, Customer, CustomerOptions, Received, WriteOptions } from './customer.js';
export type { Phone, SocketRecord } from './phone.js';
export { quietLibsignal } from './quiet-libsignal.js';
export { startWhatsappWeb, type WhatsappWeb, type WhatsappWebOptions } from './server.js';
