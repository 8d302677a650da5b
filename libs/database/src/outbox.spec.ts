import { allEvents, exampleOf, orderCreated, type OrderCreatedData, stockLow } from '@soko/contracts';
import { AppError } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { Outbox } from './outbox.js';

const MERCHANT = '01990000-0000-7000-8000-000000000001';

function setup() {
  const written: unknown[][] = [];
  const outbox = new Outbox({ write: (_, values) => void written.push(values) }, MERCHANT);
  return { outbox, written };
}

describe('what is emitted', () => {
  it.each(allEvents().map((event) => [event.type, event] as const))('%s, as its example has it', (type, event) => {
    const { outbox, written } = setup();
    outbox.emit(event, exampleOf(type));
    outbox.flush();
    expect(written).toEqual([[MERCHANT, [type], [event.subject(exampleOf(type))], [JSON.stringify(exampleOf(type))], [null]]]);
  });

  it('is refused with the event and every field that is wrong, as a slip of our own', () => {
    const { outbox, written } = setup();
    const order = exampleOf('order_created') as OrderCreatedData;
    const wrong = { ...order, orderId: 'none', items: [{ ...order.items[0]!, quantity: 1.5 }] };
    const emit = () => outbox.emit(orderCreated, wrong);
    expect(emit).toThrow('event order_created does not fit its class: ');
    expect(emit).toThrow('orderId: orderId must be a UUID');
    expect(emit).toThrow('items.0.quantity: quantity must be an integer number');
    expect(emit).not.toThrow(AppError);
    expect(() => outbox.emit(stockLow, [] as never)).toThrow(
      'event stock_low does not fit its class: data: a JSON object is expected',
    );
    outbox.flush();
    expect(written).toEqual([]);
  });

  it('keeps the order of its keys', () => {
    const { outbox, written } = setup();
    const data = Object.fromEntries(Object.entries(exampleOf('stock_low')).toReversed()) as never;
    outbox.emit(stockLow, data);
    outbox.flush();
    expect(written[0]![3]).toEqual([JSON.stringify(data)]);
  });
});
