import { allEvents, type JsonSchema, schemaOf } from '@soko/contracts';
import { BadFilterError } from './webhooks.errors.js';

export type Value = string | number | boolean;
/** Fields of an event's data, and what they must equal. */
export type Filters = Record<string, Value>;

const MOST = 10;
const LONGEST = 500;

const fits: Partial<Record<NonNullable<JsonSchema['type']>, (value: unknown, field: JsonSchema) => boolean>> = {
  string: (value, field) => typeof value === 'string' && (!field.enum || field.enum.includes(value)),
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
};

/** The fields of each event's data, by event type. */
const fieldsOf = new Map(
  allEvents().map((event) => [event.type, new Map(Object.entries(schemaOf(event).properties!.data!.properties!))]),
);

/** Refuses what no event of `events` could ever equal: such a subscription would be silent, and nobody would know why. @throws BadFilterError */
export function checkFilters(filters: Filters, events: string[]): void {
  const wanted = Object.entries(filters);
  if (wanted.length > MOST) throw new BadFilterError(`at most ${MOST} fields can be compared`);
  for (const [, value] of wanted) {
    if (typeof value !== 'boolean' && !Number.isFinite(value) && !(typeof value === 'string' && value.length <= LONGEST))
      throw new BadFilterError(`a field is compared with a text of at most ${LONGEST} characters, a number, true or false`);
  }
  const types = events.includes('*') ? [...fieldsOf.keys()] : events;
  const possible = (type: string): boolean =>
    wanted.every(([name, value]) => {
      const field = fieldsOf.get(type)?.get(name);
      return field?.type !== undefined && fits[field.type]?.(value, field);
    });
  if (!types.some(possible)) {
    const pairs = wanted.map(([name, value]) => `${name.slice(0, 50)} = ${JSON.stringify(value).slice(0, 50)}`);
    throw new BadFilterError(`no event of this subscription can have ${pairs.join(' and ')} in its data`);
  }
}
