import { newId, validateInput } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { allEvents, defineEvent } from './event.js';
import { MerchantRegisteredData, ORDER_STATUSES } from './events.js';

const id = newId();
const usd = { amount: 1_250, currency: 'USD' };
const message = { messageId: id, chatId: newId(), channelId: id, contactId: newId(), messageType: 'text', text: 'Hello' };
const consent = { contactId: newId(), optedIn: false, optedOut: true, marketingStopped: false, blocked: false };
const order = { orderId: newId(), number: 1042, status: 'pending', customerPhone: '+263771234567', total: usd };
const item = { productId: id, sku: 'MAIZE-10', name: 'Maize meal', quantity: 2, unitPrice: usd };
const payment = { paymentId: newId(), orderId: order.orderId, method: 'payment_link', provider: 'stripe', amount: usd };
const delivery = {
  deliveryId: newId(),
  orderId: order.orderId,
  orderNumber: 1042,
  customerPhone: '+263771234567',
  customerName: 'Rudo',
  driver: { id, name: 'Tapiwa' },
  attempt: 1,
};
const channel = { channelId: newId(), kind: 'simulator' };
const broadcast = { broadcastId: newId(), name: 'Sale' };
const counts = { waiting: 0, queued: 0, sent: 2, delivered: 10, read: 5, failed: 1, skipped: 1 };

/** WhatsApp does not tell every customer's number; a link is by QR or by code; not every state has a reason, and not every delivery a driver. */
const OPTIONAL: Record<string, string[]> = {
  message_received: ['from'],
  message_sent: ['to'],
  message_failed: ['to'],
  contact_consent_changed: ['phone'],
  payment_requested: ['expiresAt', 'provider'],
  payment_received: ['provider'],
  payment_failed: ['provider'],
  payment_refunded: ['provider'],
  payment_refund_due: ['provider'],
  delivery_assigned: ['customerName', 'driver'],
  delivery_started: ['customerName', 'driver'],
  delivery_completed: ['customerName', 'driver', 'photoId'],
  delivery_failed: ['customerName', 'driver'],
  chat_handed_over: ['by', 'until'],
  bot_disconnected: ['reason'],
  channel_linking: ['qr'],
  channel_failed: ['reason'],
  template_state_changed: ['reason'],
};
/** A valid example of each event, and what its events are ordered by. */
const EXAMPLES: Record<string, { data: Record<string, unknown>; subject: string }> = {
  message_received: { data: { ...message, from: '+263771234567' }, subject: message.chatId },
  message_sent: { data: { ...message, to: '+263771234567' }, subject: message.chatId },
  message_failed: {
    data: { ...message, to: '+263771234567', code: 'window_closed', reason: 'More than 24 hours have passed.' },
    subject: message.chatId,
  },
  contact_consent_changed: { data: { ...consent, phone: '+263771234567' }, subject: consent.contactId },
  number_claimed: {
    data: { contactId: consent.contactId, chatId: id, phone: '+263771234567' },
    subject: consent.contactId,
  },
  number_proven: {
    data: { contactId: consent.contactId, chatId: id, phone: '+263771234567' },
    subject: consent.contactId,
  },
  chat_handed_over: {
    data: { chatId: id, contactId: consent.contactId, by: newId(), until: '2026-11-01T08:00:00Z' },
    subject: id,
  },
  broadcast_started: { data: { ...broadcast, recipients: 19 }, subject: broadcast.broadcastId },
  broadcast_finished: { data: { ...broadcast, status: 'done', counts }, subject: broadcast.broadcastId },
  order_created: { data: { ...order, items: [item] }, subject: order.orderId },
  order_status_changed: { data: { ...order, status: 'confirmed', previousStatus: 'pending' }, subject: order.orderId },
  delivery_assigned: { data: delivery, subject: delivery.deliveryId },
  delivery_started: { data: { ...delivery, trackingUrl: 'https://soko.example.com/track/7d0e' }, subject: delivery.deliveryId },
  delivery_completed: { data: { ...delivery, proof: 'photo', photoId: id }, subject: delivery.deliveryId },
  delivery_failed: { data: { ...delivery, reason: 'Nobody at home' }, subject: delivery.deliveryId },
  product_updated: {
    data: { productId: id, sku: 'MAIZE-10', name: 'Maize meal', price: usd, available: 3, changes: { stock: 3 } },
    subject: id,
  },
  stock_low: { data: { productId: id, sku: 'MAIZE-10', name: 'Maize meal', available: 3, lowStockAt: 5 }, subject: id },
  order_held: { data: { ...order, heldUntil: '2026-11-01T08:00:00Z' }, subject: order.orderId },
  order_hold_ended: { data: { ...order, payableUntil: '2026-11-01T08:00:00Z' }, subject: order.orderId },
  payment_requested: { data: { ...payment, expiresAt: '2026-11-01T08:00:00Z' }, subject: order.orderId },
  payment_received: { data: payment, subject: order.orderId },
  payment_failed: { data: { ...payment, code: 'failed', reason: 'the bank refused the payment' }, subject: order.orderId },
  payment_refunded: { data: { ...payment, refunded: usd }, subject: order.orderId },
  payment_refund_due: { data: { ...payment, refundId: newId(), reason: 'cancelled' }, subject: order.orderId },
  bot_connected: { data: channel, subject: channel.channelId },
  bot_disconnected: { data: { ...channel, reason: 'logged out' }, subject: channel.channelId },
  channel_linking: {
    data: { ...channel, method: 'qr', qr: '2@ref', expiresAt: '2026-11-01T08:00:00Z' },
    subject: channel.channelId,
  },
  channel_failed: { data: { ...channel, reason: 'look at the phone' }, subject: channel.channelId },
  channel_restricted: { data: { ...channel, until: '2026-11-01T08:00:00Z' }, subject: channel.channelId },
  template_state_changed: {
    data: {
      templateId: id,
      name: 'order_update',
      language: 'en',
      counterpart: { name: 'order_update_v2', language: 'en_US' },
      previousState: 'approved',
      state: 'paused',
      reason: 'Low quality',
    },
    subject: id,
  },
  merchant_registered: {
    data: { name: 'Mbare Market', locale: 'en', registeredAt: '2026-11-01T08:00:00Z' },
    subject: 'merchant',
  },
  webhook_failing: {
    data: { webhookId: id, url: 'https://shop.example.com/hooks', failingSince: '2026-11-01T08:00:00Z', days: 3 },
    subject: id,
  },
  webhook_disabled: { data: { webhookId: id, url: 'https://shop.example.com/hooks', reason: 'gone' }, subject: id },
};

describe('the catalogue', () => {
  it('has an example here for every event', () => {
    expect(
      allEvents()
        .map((event) => event.type)
        .toSorted(),
    ).toEqual(Object.keys(EXAMPLES).toSorted());
  });

  it('has plain, unique names', () => {
    const types = allEvents().map((event) => event.type);
    expect(new Set(types).size).toBe(types.length);
    for (const type of types) expect(type).toMatch(/^[a-z]+(_[a-z]+)+$/);
  });

  it('refuses a second event of the same name', () => {
    expect(() => defineEvent('order_created', MerchantRegisteredData, () => '')).toThrow(/order_created is defined twice/);
  });
});

describe.each(allEvents().map((event) => [event.type, event] as const))('%s', (type, event) => {
  const { data, subject } = EXAMPLES[type]!;

  it('accepts its example, and survives the way through JSON', () => {
    expect(JSON.parse(JSON.stringify(validateInput(event.data, data)))).toEqual(data);
  });

  it('is ordered by what it is about', () => {
    expect(event.subject(validateInput(event.data, data))).toBe(subject);
  });

  it.each(Object.keys(data).filter((field) => !OPTIONAL[type]?.includes(field)))('refuses data without %s', (field) => {
    const { [field]: _, ...rest } = data;
    expect(() => validateInput(event.data, rest)).toThrow(expect.objectContaining({ status: 422 }));
  });

  it.each(Object.keys(data))('refuses a list as %s unless it is one', (field) => {
    const wrong = Array.isArray(data[field]) ? { ...(data[field] as object[])[0] } : [[data[field]]];
    expect(() => validateInput(event.data, { ...data, [field]: wrong })).toThrow(expect.objectContaining({ status: 422 }));
  });

  it('refuses fields that it does not know', () => {
    expect(() => validateInput(event.data, { ...data, secret: 'x' })).toThrow(expect.objectContaining({ status: 422 }));
  });
});

describe('orders in events', () => {
  const created = allEvents().find((event) => event.type === 'order_created')!;

  it.each(ORDER_STATUSES)('may be %s', (status) => {
    expect(validateInput(created.data, { ...order, items: [item], status })).toMatchObject({ status });
  });

  it.each([
    { status: 'lost' },
    { customerPhone: '0771234567' },
    { total: { amount: 12.5, currency: 'USD' } },
    { items: [{ ...item, quantity: '2' }] },
    { items: [{ ...item, unitPrice: undefined }] },
    { items: [null] },
    { items: [[]] },
    { channelId: 'default' },
  ])('are refused with %o', (over) => {
    expect(() => validateInput(created.data, { ...order, items: [item], ...over })).toThrow(
      expect.objectContaining({ status: 422 }),
    );
  });
});
