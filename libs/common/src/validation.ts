import 'reflect-metadata';
import { plainToInstance, Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsObject,
  isISO8601,
  ValidateBy,
  ValidateIf,
  ValidateNested,
  validateSync,
  type ValidationError as Fault,
} from 'class-validator';
import { type FieldError, ValidationError } from './errors.js';
import { isUuid } from './ids.js';
import { normalisePhone } from './phone.js';

/** Accepts any spelling of a possible phone number and turns it into E.164. */
export function IsPhone(): PropertyDecorator {
  return (target, key) => {
    Transform(({ value }) => (typeof value === 'string' ? (normalisePhone(value) ?? value) : value))(target, key);
    check(
      'isPhone',
      (value) => typeof value === 'string' && value.startsWith('+') && normalisePhone(value) === value,
      '$property must be a phone number with its country code, for example +263771234567',
    )(target, key);
  };
}

const NESTED = Symbol('nested');

/** The class of the objects in a field that is `Nested` or a `NestedList`. */
export const nestedType = (type: new () => object, field: string): new () => object =>
  (Reflect.getMetadata(NESTED, type.prototype as object, field) as () => new () => object)();

/** One object of `type`: present (unless IsOptional stands beside it), no array, and valid itself. */
export function Nested(type: () => new () => object): PropertyDecorator {
  return applyAll(IsObject(), ValidateNested(), Type(type), Reflect.metadata(NESTED, type));
}

/** A list of `min` to `max` objects of `type`, each valid itself. */
export function NestedList(type: () => new () => object, min: number, max: number): PropertyDecorator {
  const each = { each: true };
  const objects = applyAll(IsObject(each), ValidateNested(each), Type(type), Reflect.metadata(NESTED, type));
  return applyAll(IsArray(), ArrayMinSize(min), ArrayMaxSize(max), objects);
}

const applyAll =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, key) => {
    for (const decorator of decorators) decorator(target, key);
  };

/** The field may be left out. Unlike IsOptional, null is not "left out": it must be valid too, and mostly is not. */
export const Optional = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** A point in time, ISO 8601. */
export function IsTime(): PropertyDecorator {
  return check('isTime', isTime, '$property must be an ISO 8601 time, for example 2026-11-21T14:00:00Z');
}

/** A point in time, or an id. */
export function IsTimeOrId(): PropertyDecorator {
  return check('isTimeOrId', (value) => isTime(value) || isUuid(value), '$property must be an ISO 8601 time or an id');
}

export const isTime = (value: unknown): boolean =>
  isISO8601(value, { strict: true }) && !Number.isNaN(Date.parse(value as string));
const check = (name: string, validate: (value: unknown) => boolean, message: string): PropertyDecorator =>
  ValidateBy({ name, validator: { validate, defaultMessage: () => message } });

/** Every fault in the tree, flattened to dotted paths. */
export function fieldErrors(faults: Fault[], parent = ''): FieldError[] {
  return faults.flatMap((fault) => {
    const path = parent ? `${parent}.${fault.property}` : fault.property;
    const own = Object.entries(fault.constraints ?? {}).map(([code, message]) => ({ path, code, message }));
    return [...own, ...fieldErrors(fault.children ?? [], path)];
  });
}

/** NUL, and halves of characters: valid JSON, and nothing that PostgreSQL can store. */
const UNSTORABLE = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

const UNSTORABLE_ALL = new RegExp(UNSTORABLE, 'g');

/** `value` with each character that cannot be stored replaced: for what others send us and we may not refuse. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return value.replace(UNSTORABLE_ALL, '\uFFFD') as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, storable(each)])) as T;
}

function unstorable(value: unknown, path: string): FieldError[] {
  if (typeof value === 'string') {
    return UNSTORABLE.test(value)
      ? [{ path, code: 'characters', message: `${path} contains characters that are no text (NUL or half a character)` }]
      : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [
    ...unstorable(key, path ? `${path}.*` : '*'),
    ...unstorable(each, path ? `${path}.${key}` : key),
  ]);
}

/**
 * Turns a plain value into a checked instance of `type`: the one gate for HTTP bodies, settings, jobs and events.
 * @throws ValidationError with every field that is wrong; unknown fields are wrong too.
 */
export function validateInput<T extends object>(type: new () => T, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ValidationError([{ path: '', code: 'isObject', message: 'a JSON object is expected' }]);
  }
  const odd = unstorable(value, '');
  if (odd.length > 0) throw new ValidationError(odd);
  const instance = plainToInstance(type, value, { enableImplicitConversion: false, exposeDefaultValues: true });
  const faults = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  if (faults.length > 0) throw new ValidationError(fieldErrors(faults));
  return instance;
}
