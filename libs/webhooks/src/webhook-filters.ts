import { allEvents } from '@soko/contracts';
import { getMetadataStorage, ValidationTypes } from 'class-validator';
import { BadFilterError } from './webhooks.errors.js';

export type Filters = Record<string, string | number | boolean>;

const MOST = 10;
const LONGEST = 500;
/** Rules of fields that hold more than one value. */
const COMPOUND = new Set(['isObject', 'isArray']);

/** The fields of each event's data that hold one value, by event type. */
const fields = new Map(allEvents().map(({ type, data }) => [type, singleFields(data)]));

function singleFields(data: new () => object): Set<string> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(data, '', false, false);
  const compound = rules.filter((rule) => rule.type === ValidationTypes.NESTED_VALIDATION || COMPOUND.has(rule.name ?? ''));
  const names = new Set(rules.map(({ propertyName }) => propertyName));
  for (const { propertyName } of compound) names.delete(propertyName);
  return names;
}

/** Refuses what no event of `events` could ever equal: such a subscription would be silent, and nobody would know why. @throws BadFilterError */
export function checkFilters(filters: Filters, events: string[]): void {
  const wanted = Object.entries(filters);
  if (wanted.length > MOST) throw new BadFilterError(`at most ${MOST} fields can be compared`);
  for (const [name, value] of wanted) {
    const single = typeof value === 'boolean' || Number.isFinite(value) || (typeof value === 'string' && value.length <= LONGEST);
    if (!single) throw new BadFilterError(`a field is compared with a text of at most ${LONGEST} characters, a number, true or false`);
  }
  const types = events.includes('*') ? [...fields.keys()] : events;
  const names = wanted.map(([name]) => name);
  if (!types.some((type) => names.every((name) => fields.get(type)?.has(name)))) {
    throw new BadFilterError(
      `no event type of this subscription has ${names.map((name) => JSON.stringify(name.slice(0, 50))).join(' and ')} among its fields`,
    );
  }
}
