import { v7, validate } from 'uuid';

/** A new UUIDv7: sorts by the time it was made, so that primary keys append instead of scattering. */
export const newId = (): string => v7();

export const isUuid = (value: unknown): value is string => typeof value === 'string' && validate(value);
