import 'reflect-metadata';
import { plainToInstance, Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsObject,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
  validateSync,
  type ValidationError as Fault,
} from 'class-validator';
import { type FieldError, ValidationError } from './errors.js';
import { normalisePhone } from './phone.js';

/** Accepts any spelling of a possible phone number and turns it into E.164. */
export function IsPhone(): PropertyDecorator {
  return (target, key) => {
    Transform(({ value }) => (typeof value === 'string' ? (normalisePhone(value) ?? value) : value))(target, key);
    ValidateBy({
      name: 'isPhone',
      validator: {
        validate: (value) => typeof value === 'string' && value.startsWith('+') && normalisePhone(value) === value,
        defaultMessage: () => '$property must be a phone number with its country code, for example +263771234567',
      },
    })(target, key);
  };
}

/** One object of `type`: present (unless IsOptional stands beside it), no array, and valid itself. */
export function Nested(type: () => new () => object): PropertyDecorator {
  return applyAll(IsObject(), ValidateNested(), Type(type));
}

/** A list of `min` to `max` objects of `type`, each valid itself. */
export function NestedList(type: () => new () => object, min: number, max: number): PropertyDecorator {
  const each = { each: true };
  return applyAll(IsArray(), ArrayMinSize(min), ArrayMaxSize(max), IsObject(each), ValidateNested(each), Type(type));
}

const applyAll =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, key) => {
    for (const decorator of decorators) decorator(target, key);
  };

/** Money as it comes in: integer minor units and an ISO 4217 code. */
export class MoneyInput {
  /** Integer minor units (cents). @example 1250 */
  @IsInt() @Min(0) @Max(1e12) amount!: number;
  /** ISO 4217 code. @example USD */
  @Length(3, 3) @Matches(/^[A-Z]{3}$/) currency!: string;
}

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
