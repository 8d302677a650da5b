import { type ArgumentMetadata, Injectable, Param, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { isUuid, normalisePhone, NotFoundError, validateInput, ValidationError } from '@soko/common';
import { SAMPLE_ID } from './openapi/examples.js';

const PLAIN = new Set<unknown>([String, Number, Boolean, Array, Object]);

/** Checks every body and query against its class; unknown fields are refused. */
@Injectable()
export class InputPipe implements PipeTransform {
  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (type === 'custom' || type === 'param' || !metatype || PLAIN.has(metatype)) return value;
    // No body at all is an empty one; `null` is a wrong one.
    return validateInput(metatype as new () => object, value === undefined ? {} : value);
  }
}

const uuidPipe = (path: string): PipeTransform<unknown, string> => ({
  transform: (value) => {
    if (isUuid(value)) return value;
    throw new ValidationError([{ path, code: 'isUuid', message: `${path} must be a UUID` }]);
  },
});

/** A path parameter that is an id. */
export const Id = (path = 'id') => described(path, { type: 'string', format: 'uuid' }, SAMPLE_ID, Param(path, uuidPipe(path)));

/** A path parameter that is a phone number, in E.164. */
export const Phone = (path = 'phone') =>
  described(
    path,
    { type: 'string', format: 'phone' },
    '+263771234567',
    Param(path, {
      transform: (value: unknown): string => {
        const phone = typeof value === 'string' ? normalisePhone(value) : undefined;
        if (phone) return phone;
        throw new ValidationError([{ path, code: 'isPhone', message: `${path} must be a phone number with its country code` }]);
      },
    }),
  );

/** A path parameter that is a plain name: a queue, a job. */
export const Name = (path: string) => described(path, { type: 'string', maxLength: 200 }, path, Param(path));

/** A path parameter that is one of a few names; any other is not found. */
export const OneOf = (path: string, what: string, names: readonly string[]) =>
  described(
    path,
    { type: 'string', enum: names },
    names[0]!,
    Param(path, {
      transform: (value: unknown): string => {
        if (names.includes(value as string)) return value as string;
        throw new NotFoundError(what, `${String(value)}; there are ${names.join(', ')}`);
      },
    }),
  );

/** The parameter, and how the documentation shows it. */
function described(
  name: string,
  schema: { type: 'string'; format?: string; maxLength?: number; enum?: readonly string[] },
  example: string,
  parameter: ParameterDecorator,
): ParameterDecorator {
  return (target, key, index) => {
    parameter(target, key, index);
    ApiParam({ name, schema: { ...schema, enum: schema.enum && [...schema.enum], example } })(
      target,
      key!,
      Object.getOwnPropertyDescriptor(target, key!)!,
    );
  };
}
