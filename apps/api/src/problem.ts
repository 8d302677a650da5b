import { HttpException } from '@nestjs/common';
import { AppError, type FieldError } from '@soko/common';

/** RFC 9457, as `application/problem+json`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** Tells the reader what to do. */
  detail: string;
  code: string;
  instance: string;
  traceId: string;
  errors?: FieldError[];
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Unauthenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Too large',
  414: 'Address too long',
  415: 'Unsupported media type',
  416: 'Range not satisfiable',
  422: 'Invalid input',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Not available',
};

/** Errors of the HTTP layer itself, which has no AppErrors. */
const HTTP_FAULTS: Record<number, [code: string, detail: string]> = {
  404: ['route_not_found', 'There is nothing at this path; GET /docs lists the paths.'],
  405: ['method_not_allowed', 'This path exists, but not for this method; the header Allow lists those it has.'],
  408: ['request_timeout', 'The request did not arrive in time; send it again.'],
  413: ['body_too_large', 'The body is larger than 1 MB; send less at once.'],
  414: ['address_too_long', 'A part of the path is too long; GET /docs lists the paths.'],
  415: ['unsupported_media_type', 'Send JSON with the header content-type: application/json.'],
  431: ['headers_too_large', 'The headers are too large; send fewer or shorter ones.'],
};

/** What may be told of `error`. What is not ours to tell becomes a bare 500. */
export function problemOf(error: unknown, url: string, traceId: string): Problem {
  const { status, code, detail, errors } = facts(error);
  return {
    type: `urn:soko:error:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    code,
    instance: url.split('?')[0]!,
    traceId,
    ...(errors ? { errors } : {}),
  };
}

function facts(error: unknown): Pick<AppError, 'status' | 'code' | 'detail' | 'errors'> {
  if (error instanceof AppError) return error;
  const status = error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number })?.statusCode ?? 500);
  const known = HTTP_FAULTS[status];
  if (known) return { status, code: known[0], detail: known[1] };
  if (status >= 400 && status < 500)
    return { status, code: 'bad_request', detail: 'The request cannot be read; check that the body is JSON.' };
  return {
    status: 500,
    code: 'internal_error',
    detail: 'Something went wrong on our side. Try again, and quote the traceId if it lasts.',
  };
}
