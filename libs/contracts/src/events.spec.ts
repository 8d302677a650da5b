import { validateInput } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { allEvents, defineEvent, type EventDef } from './event.js';
import { exampleOf } from './event-examples.js';
import { MerchantRegisteredData, ORDER_STATUSES } from './events.js';
import { schemaOf } from './event-schema.js';

/** What the events of a type are ordered by: a field of theirs, or always the same. */
const SUBJECTS: Record<string, string> = {
  message_received: 'chatId',
  message_sent: 'chatId',
  message_failed: 'chatId',
  contact_consent_changed: 'contactId',
  number_claimed: 'contactId',
  number_proven: 'contactId',
  chat_handed_over: 'chatId',
  broadcast_started: 'broadcastId',
  broadcast_finished: 'broadcastId',
  order_created: 'orderId',
  order_status_changed: 'orderId',
  order_held: 'orderId',
  order_hold_ended: 'orderId',
  delivery_assigned: 'deliveryId',
  delivery_started: 'deliveryId',
  delivery_completed: 'deliveryId',
  delivery_failed: 'deliveryId',
  product_updated: 'productId',
  stock_low: 'productId',
  payment_requested: 'orderId',
  payment_received: 'orderId',
  payment_failed: 'orderId',
  payment_refunded: 'orderId',
  payment_refund_due: 'orderId',
  bot_connected: 'channelId',
  bot_disconnected: 'channelId',
  channel_linking: 'channelId',
  channel_failed: 'channelId',
  channel_restricted: 'channelId',
  template_state_changed: 'templateId',
  merchant_registered: '=merchant',
  webhook_failing: 'webhookId',
  webhook_disabled: 'webhookId',
};
/** Who links by QR has no code; what is connected has no reason. */
const NOT_AT_ONCE: Record<string, string[]> = {
  channel_linking: ['code', 'reason'],
  bot_connected: ['reason'],
  channel_restricted: ['reason'],
};

const dataOf = (type: string) => exampleOf(type) as Record<string, unknown>;
const fieldsOf = (event: EventDef) => schemaOf(event).properties!.data!;
const refused = expect.objectContaining({ status: 422 }) as Error;

describe('the catalogue', () => {
  it('knows what every event is about', () => {
    const types = allEvents().map(({ type }) => type);
    expect(types.toSorted()).toEqual(Object.keys(SUBJECTS).toSorted());
  });

  it('keeps the names of the ten that partners know', () => {
    expect(allEvents().map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'message_received',
        'message_sent',
        'order_created',
        'order_status_changed',
        'product_updated',
        'payment_received',
        'delivery_started',
        'delivery_completed',
        'bot_connected',
        'bot_disconnected',
      ]),
    );
  });

  it('has plain, unique names, a version, and a sentence about each', () => {
    const types = allEvents().map((event) => event.type);
    expect(new Set(types).size).toBe(types.length);
    for (const { type, version, description } of allEvents()) {
      expect(type).toMatch(/^[a-z]+(_[a-z]+)+$/);
      expect(version, type).toBeGreaterThanOrEqual(1);
      expect(description, type).toMatch(/^[A-Z`].{15,}\.$/);
    }
    expect(new Set(allEvents().map(({ description }) => description)).size).toBe(types.length);
  });

  it('refuses a second event of the same name', () => {
    expect(() => defineEvent('order_created', MerchantRegisteredData, () => '', 'Again.')).toThrow(
      /order_created is defined twice/,
    );
  });

  it('has no example of what it does not know, and hands out a new one each time', () => {
    expect(() => exampleOf('order_lost')).toThrow(/order_lost has no example/);
    dataOf('order_created').number = 7;
    expect(exampleOf('order_created')).toMatchObject({ number: 1042 });
  });
});

describe.each(allEvents().map((event) => [event.type, event] as const))('%s', (type, event) => {
  const data = dataOf(type);
  const { properties, required } = fieldsOf(event);

  it('accepts its example, and survives the way through JSON', () => {
    expect(JSON.parse(JSON.stringify(validateInput(event.data, data)))).toEqual(data);
  });

  it('shows every field in its example', () => {
    const shown = Object.keys(properties!).filter((field) => !NOT_AT_ONCE[type]?.includes(field));
    expect(Object.keys(data).toSorted()).toEqual(shown.toSorted());
  });

  it('is ordered by what it is about', () => {
    const about = SUBJECTS[type]!;
    const subject = about.startsWith('=') ? about.slice(1) : data[about];
    expect(subject).toBeTruthy();
    expect(event.subject(validateInput(event.data, data))).toBe(subject);
  });

  it.each(required!)('refuses data without %s', (field) => {
    const { [field]: _, ...rest } = data;
    expect(() => validateInput(event.data, rest)).toThrow(refused);
  });

  it('accepts data without what may be missing, and refuses null for it', () => {
    const optional = Object.keys(properties!).filter((field) => !required!.includes(field));
    const least = Object.fromEntries(Object.entries(data).filter(([field]) => !optional.includes(field)));
    expect(validateInput(event.data, least)).toEqual(least);
    for (const field of optional) expect(() => validateInput(event.data, { ...data, [field]: null }), field).toThrow(refused);
  });

  it.each(Object.keys(data))('refuses a list as %s unless it is one', (field) => {
    const wrong = Array.isArray(data[field]) ? { ...(data[field] as object[])[0] } : [[data[field]]];
    expect(() => validateInput(event.data, { ...data, [field]: wrong })).toThrow(refused);
  });

  it('refuses fields that it does not know', () => {
    expect(() => validateInput(event.data, { ...data, secret: 'x' })).toThrow(refused);
  });
});

describe('orders in events', () => {
  const created = allEvents().find((event) => event.type === 'order_created')!;
  const order = dataOf('order_created');
  const item = (order.items as object[])[0]!;

  it.each(ORDER_STATUSES)('may be %s', (status) => {
    expect(validateInput(created.data, { ...order, status })).toMatchObject({ status });
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
    expect(() => validateInput(created.data, { ...order, ...over })).toThrow(refused);
  });
});
