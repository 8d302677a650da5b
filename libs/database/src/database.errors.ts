import type { FieldError } from '@soko/common';

export class MissingTenantError extends Error {
  constructor() {
    super('a tenant query needs a merchant: call tenancy.run(merchantId, tx => …) with its id');
  }
}

export class NestedTransactionError extends Error {
  constructor() {
    super('a transaction inside a transaction: pass the open `tx` on instead of calling run() again');
  }
}

/** A slip of our own, and no fault of who called: the work ends as an unknown error does, and the log names the field. */
export class EventDataError extends Error {
  constructor(type: string, faults: FieldError[]) {
    super(
      `event ${type} does not fit its class: ${faults.map(({ path, message }) => `${path || 'data'}: ${message}`).join('; ')}`,
    );
  }
}

interface PgFault {
  code?: string;
  constraint?: string;
}

/** PostgreSQL's own error, straight or inside TypeORM's. */
const fault = (error: unknown): PgFault => (error as { driverError?: PgFault }).driverError ?? (error as PgFault);

/** Whether PostgreSQL refused a row because of the unique key `constraint`. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const { code, constraint: name } = fault(error);
  return code === '23505' && (constraint === undefined || name === constraint);
}

/** Whether a row pointed at one that this merchant does not have. */
export const isForeignKeyViolation = (error: unknown): boolean => fault(error).code === '23503';

/** Whether a row broke the check `constraint`. */
export const isCheckViolation = (error: unknown, constraint: string): boolean =>
  fault(error).code === '23514' && fault(error).constraint === constraint;
