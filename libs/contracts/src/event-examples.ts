import type { EventDef, EventEnvelope } from './event.js';

const id = (n: number): string => `01990000-0000-7000-8000-${String(n).padStart(12, '0')}`;

const PHONE = '+263771234567';
const TIME = '2026-11-24T09:30:00.000Z';
const LATER = '2026-11-24T10:00:00.000Z';
const usd = (amount: number) => ({ amount, currency: 'USD' });

const merchantId = id(1);
const channelId = id(2);
const contactId = id(3);
const chatId = id(4);
const orderId = id(5);
const webhook = { webhookId: id(6), url: 'https://partner.example.com/hooks' };
const message = {
  messageId: id(10),
  chatId,
  channelId,
  messageType: 'text',
  text: 'Hello',
  waMessageId: 'wamid.HBgMMjYzNzcxMjM0NTY3FQIAEhgU',
  contactId,
};
const number = { contactId, chatId, phone: PHONE };
const broadcast = { broadcastId: id(11), name: 'Weekend offer' };
const order = {
  orderId,
  number: 1042,
  status: 'pending',
  customerPhone: PHONE,
  customerName: 'Rudo',
  channelId,
  chatId,
  total: usd(2_500),
};
const product = { productId: id(12), sku: 'MAIZE-10', name: 'Maize meal, 10 kg' };
const delivery = {
  deliveryId: id(13),
  orderId,
  orderNumber: 1042,
  customerPhone: PHONE,
  customerName: 'Rudo',
  driver: { id: id(14), name: 'Tapiwa' },
  attempt: 1,
};
const payment = { paymentId: id(15), orderId, method: 'payment_link', provider: 'stripe', amount: usd(2_500) };
const channel = { channelId, kind: 'baileys', phone: '+263242700700' };

/** By type: valid data with every field that can stand in it at once. */
const EXAMPLES: Record<string, object> = {
  message_received: { ...message, from: PHONE },
  message_sent: { ...message, to: PHONE },
  message_failed: {
    ...message,
    to: PHONE,
    code: 'window_closed',
    reason: 'The customer last wrote more than 24 hours ago: send a template.',
  },
  contact_consent_changed: {
    contactId,
    phone: PHONE,
    optedIn: false,
    optedOut: true,
    marketingStopped: false,
    blocked: false,
  },
  number_claimed: number,
  number_proven: number,
  chat_handed_over: { chatId, contactId, by: id(16), until: LATER },
  broadcast_started: { ...broadcast, recipients: 120 },
  broadcast_finished: {
    ...broadcast,
    status: 'done',
    counts: { waiting: 0, queued: 0, sent: 4, delivered: 70, read: 41, failed: 2, skipped: 3 },
  },
  order_created: { ...order, items: [{ ...product, quantity: 2, unitPrice: usd(1_250) }] },
  order_status_changed: { ...order, status: 'rejected', previousStatus: 'pending', reason: 'Maize meal, 10 kg, has sold out.' },
  order_held: { ...order, heldUntil: LATER },
  order_hold_ended: { ...order, payableUntil: LATER },
  delivery_assigned: delivery,
  delivery_started: { ...delivery, trackingUrl: 'https://soko.example.com/track/7d0e5b' },
  delivery_completed: { ...delivery, proof: 'photo', photoId: id(17) },
  delivery_failed: { ...delivery, reason: 'Nobody was at home.' },
  product_updated: { ...product, price: usd(1_250), available: 3, changes: { price: usd(1_250) } },
  stock_low: { ...product, available: 3, lowStockAt: 5 },
  payment_requested: { ...payment, expiresAt: LATER },
  payment_received: payment,
  payment_failed: { ...payment, code: 'failed', reason: 'The bank refused the payment.' },
  payment_refunded: { ...payment, refunded: usd(2_500) },
  payment_refund_due: { ...payment, refundId: id(18), reason: 'The order was cancelled.' },
  bot_connected: channel,
  bot_disconnected: { ...channel, reason: 'The phone has no connection.' },
  channel_linking: { ...channel, method: 'qr', qr: '2@Zm9yIGV4YW1wbGU=', expiresAt: LATER },
  channel_failed: { ...channel, reason: 'The phone has logged out: link it again.' },
  channel_restricted: { ...channel, until: LATER },
  template_state_changed: {
    templateId: id(19),
    name: 'order_update',
    language: 'en',
    counterpart: { name: 'order_update_v2', language: 'en_US' },
    previousState: 'approved',
    state: 'paused',
    reason: 'Low quality',
  },
  merchant_registered: { name: 'Mbare Market', locale: 'en', registeredAt: TIME },
  webhook_failing: { ...webhook, failingSince: TIME, days: 3 },
  webhook_disabled: { ...webhook, reason: 'gone' },
};

/**
 * Complete, valid data of an event, the same at every call.
 * @throws Error for a type that has none.
 */
export function exampleOf(type: string): object {
  const data = EXAMPLES[type];
  if (!data) throw new Error(`event ${type} has no example: add one to event-examples.ts`);
  return structuredClone(data);
}

/** The event as it is delivered. */
export const exampleEnvelope = ({ type }: EventDef): EventEnvelope => ({
  id: id(100),
  type,
  timestamp: TIME,
  merchantId,
  data: exampleOf(type),
});
