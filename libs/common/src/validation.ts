import 'reflect-metadata';
import { plainToInstance, Transform } from 'class-transformer';
import { IsInt, Length, Matches, Max, Min, ValidateBy, validateSync, type ValidationError as Fault } from 'class-validator';
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

/**
 * Turns a plain value into a checked instance of `type`: the one gate for HTTP bodies, settings, jobs and events.
 * @throws ValidationError with every field that is wrong; unknown fields are wrong too.
 */
export function validateInput<T extends object>(type: new () => T, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ValidationError([{ path: '', code: 'isObject', message: 'a JSON object is expected' }]);
  }
  const instance = plainToInstance(type, value, { enableImplicitConversion: false, exposeDefaultValues: true });
  const faults = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  if (faults.length > 0) throw new ValidationError(fieldErrors(faults));
  return instance;
}
