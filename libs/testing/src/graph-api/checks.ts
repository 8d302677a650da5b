import { refuse } from './graph-error.js';

export type Fields = Record<string, unknown>;

/** Meta's code for a value inside an interactive message or a reaction; parameters of the others are 100. */
export const INVALID_VALUE = 131009;

/** An object with no other keys than `keys`. Missing things are refused as Meta does it. @throws GraphError */
export function fields(value: unknown, path: string, keys?: readonly string[]): Fields {
  if (value === undefined || value === null) refuse(`The parameter ${path} is required.`);
  if (typeof value !== 'object' || Array.isArray(value)) refuse(`Param ${path} must be a JSON object.`);
  if (keys) {
    for (const key in value) {
      if (!keys.includes(key)) refuse(`Unexpected key "${key}" on param "${path}".`);
    }
  }
  return value as Fields;
}

export function list(value: unknown, path: string, min: number, max: number, code = 100): unknown[] {
  if (value === undefined || value === null) refuse(`The parameter ${path} is required.`, code);
  if (!Array.isArray(value)) refuse(`Param ${path} must be an array.`, code);
  if (value.length < min || value.length > max) {
    refuse(`${path}: invalid count. Min allowed: ${min}, Max allowed: ${max}, got ${value.length}`, code);
  }
  return value;
}

/** A text of `min` to `max` characters; an emoji outside the basic plane is one of them. */
export function text(value: unknown, path: string, max: number, { min = 1, code = 100 } = {}): string {
  if (value === undefined || value === null) refuse(`The parameter ${path} is required.`, code);
  if (typeof value !== 'string') refuse(`Param ${path} must be a string.`, code);
  if (value.length < min || (value.length > max && characters(value) > max)) {
    refuse(`${path}: length invalid. Min length: ${min}, Max length: ${max}, got ${characters(value)}`, code);
  }
  return value;
}

export function optionalText(value: unknown, path: string, max: number, code = 100): string | undefined {
  return value === undefined ? undefined : text(value, path, max, { code });
}

export function oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[], code = 100): T {
  if (!allowed.includes(value as T)) {
    refuse(`Param ${path} must be one of {${allowed.join(', ')}} - got ${JSON.stringify(value)}.`, code);
  }
  return value as T;
}

export function unique(values: readonly string[], path: string, code = 100): void {
  if (new Set(values).size < values.length) refuse(`${path}: values must be unique.`, code);
}

export function url(value: unknown, path: string, code = 100): string {
  const address = text(value, path, 2048, { code });
  if (!/^https?:\/\/./i.test(address) || !URL.canParse(address)) refuse(`Param ${path} must be a valid URL.`, code);
  return address;
}

const characters = (value: string): number => Array.from(value).length;
