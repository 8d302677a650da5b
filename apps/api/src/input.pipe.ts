import { type ArgumentMetadata, Injectable, Param, type PipeTransform } from '@nestjs/common';
import { isUuid, normalisePhone, validateInput, ValidationError } from '@soko/common';

const PLAIN = new Set<unknown>([String, Number, Boolean, Array, Object]);

/** Checks every body and query against its class; unknown fields are refused. */
@Injectable()
export class InputPipe implements PipeTransform {
  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (type === 'custom' || type === 'param' || !metatype || PLAIN.has(metatype)) return value;
    return validateInput(metatype as new () => object, value ?? {});
  }
}

const uuidPipe = (path: string): PipeTransform<unknown, string> => ({
  transform: (value) => {
    if (isUuid(value)) return value;
    throw new ValidationError([{ path, code: 'isUuid', message: `${path} must be a UUID` }]);
  },
});

/** A path parameter that is an id. */
export const Id = (path = 'id') => Param(path, uuidPipe(path));

/** A path parameter that is a phone number, in E.164. */
export const Phone = (path = 'phone') =>
  Param(path, {
    transform: (value: unknown): string => {
      const phone = typeof value === 'string' ? normalisePhone(value) : undefined;
      if (phone) return phone;
      throw new ValidationError([{ path, code: 'isPhone', message: `${path} must be a phone number with its country code` }]);
    },
  });
