import { validateInput } from '@soko/common';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { Contains, IsString } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { allEvents, type EventDef } from './event.js';
import { exampleEnvelope, exampleOf } from './event-examples.js';
import { orderCreated } from './events.js';
import { schemaOf } from './event-schema.js';

const checkerOf = (event: EventDef) => {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  formats.default(ajv);
  return ajv.compile(schemaOf(event));
};

/** What no field of ours takes, whatever it is. */
const WRONG = [null, [], [[]], {}, { a: 1 }, '', 'x', '\u00e9', 7, -1, 1.5, 1e13, true, '2026-13-01T00:00:00Z', '0771234567'];

interface Change {
  /** Where, in words. */
  at: string;
  data: unknown;
}

/** `value` with one thing wrong in it, at every place that it has, in every way. */
function* spoiled(value: unknown, at: string): Generator<Change> {
  for (const wrong of WRONG) yield { at: `${at} = ${JSON.stringify(wrong)}`, data: wrong };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    const put = (data: unknown) => (Array.isArray(value) ? value.with(Number(key), data) : { ...value, [key]: data });
    for (const { at: deeper, data } of spoiled(part, `${at}.${key}`)) yield { at: deeper, data: put(data) };
    if (Array.isArray(value)) continue;
    const { [key]: _, ...rest } = value as Record<string, unknown>;
    yield { at: `${at} without ${key}`, data: rest };
  }
}

const accepts = (event: EventDef, data: unknown): boolean => {
  try {
    validateInput(event.data, data);
    return true;
  } catch {
    return false;
  }
};

describe.each(allEvents().map((event) => [event.type, event] as const))('the schema of %s', (_, event) => {
  const valid = checkerOf(event);
  const envelope = exampleEnvelope(event);

  it('takes its example, whole', () => {
    expect(valid(envelope), JSON.stringify(valid.errors)).toBe(true);
  });

  it('takes fields that are added tomorrow', () => {
    expect(valid({ ...envelope, data: { ...envelope.data, added: 1 } })).toBe(true);
  });

  it.each(['id', 'type', 'timestamp', 'merchantId', 'data'])(
    'refuses an envelope without %s, or with another thing there',
    (field) => {
      const { [field]: _, ...rest } = envelope as unknown as Record<string, unknown>;
      expect(valid(rest)).toBe(false);
      for (const wrong of ['other_event', 7, null, []]) expect(valid({ ...envelope, [field]: wrong })).toBe(false);
    },
  );

  it('says of whatever is wrong in the data the same as the class', () => {
    let wrong = 0;
    for (const { at, data } of spoiled(exampleOf(event.type), 'data')) {
      // Keys that only the class refuses, so that we do not send what no schema tells of.
      if (JSON.stringify(data).includes('"a":1')) continue;
      const yes = accepts(event, data);
      expect([at, valid({ ...envelope, data })]).toEqual([at, yes]);
      if (!yes) wrong += 1;
    }
    expect(wrong).toBeGreaterThan(20);
  });
});

describe('schemas', () => {
  it('tell bounds, formats and choices', () => {
    expect(schemaOf(orderCreated as unknown as EventDef)).toMatchObject({
      title: 'order_created',
      properties: {
        type: { const: 'order_created' },
        data: {
          required: expect.arrayContaining(['orderId', 'items', 'total']),
          properties: {
            orderId: { type: 'string', format: 'uuid' },
            status: { type: 'string', enum: expect.arrayContaining(['pending', 'delivered']) },
            items: {
              type: 'array',
              minItems: 1,
              maxItems: 100,
              items: {
                type: 'object',
                required: expect.arrayContaining(['sku', 'quantity']),
                properties: { quantity: { type: 'integer' }, unitPrice: { properties: { amount: { minimum: 0 } } } },
              },
            },
          },
        },
      },
    });
  });

  it('list fields in the order in which a reader wants them: what every order has, and then what this event adds', () => {
    const fields = Object.keys(schemaOf(orderCreated as unknown as EventDef).properties!.data!.properties!);
    expect(fields.slice(0, 2)).toEqual(['orderId', 'number']);
    expect(fields.at(-1)).toBe('items');
  });

  it('are not made of rules that have no counterpart', () => {
    class Odd {
      @IsString() @Contains('x') field!: string;
    }
    const event = { type: 'odd_thing', version: 1, description: '', data: Odd, subject: () => '' };
    expect(() => schemaOf(event)).toThrow(/Odd\.field: the rule contains has no counterpart/);
  });
});
