/** One fault of one input field, as it appears in `errors[]` of a problem+json answer. */
export interface FieldError {
  /** Dotted path into the body or query, for example `items.0.quantity`. */
  path: string;
  code: string;
  message: string;
}

/**
 * The base of every error a caller may see. `code` is stable and documented; `detail` tells the reader what to do.
 * Anything that is not an AppError reaches the caller as a bare 500.
 */
export class AppError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors?: FieldError[],
    /** Seconds after which another try may succeed: the header Retry-After. */
    readonly retryAfter?: number,
  ) {
    super(detail);
    this.name = new.target.name;
  }
}

export class NotFoundError extends AppError {
  constructor(what: string, id: string) {
    super(404, `${what}_not_found`, `There is no ${what} ${id}.`);
  }
}

export class ValidationError extends AppError {
  constructor(errors: FieldError[]) {
    const first = errors[0];
    super(422, 'validation_failed', first ? `${first.path}: ${first.message}` : 'The input is not valid.', errors);
  }
}
