import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { AppError, type FieldError, newId, workContext } from '@soko/common';
import { Log } from '@soko/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';

interface Problem {
  status: number;
  code: string;
  detail: string;
  errors?: FieldError[];
}

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Unauthenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Invalid input',
  429: 'Too many requests',
  500: 'Internal error',
};

/** Writes every error as application/problem+json. What is not ours to tell becomes a 500 with an id, and goes to the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const traceId = workContext.requestId ?? newId();
    const problem = this.problem(error);
    if (problem.status >= 500)
      this.log.error({ err: error, method: request.method, route: request.routeOptions?.url, traceId }, 'request failed');
    const { status, code, detail, errors } = problem;
    void reply
      .status(status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send({
        type: `urn:soko:error:${code}`,
        title: TITLES[status] ?? 'Error',
        status,
        detail,
        code,
        instance: request.url.split('?')[0],
        traceId,
        ...(errors ? { errors } : {}),
      });
  }

  private problem(error: unknown): Problem {
    if (error instanceof AppError) return error;
    const status = error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status === 404)
      return { status, code: 'route_not_found', detail: 'There is nothing at this path; GET /docs lists the paths.' };
    if (status === 413) return { status, code: 'body_too_large', detail: 'The body is larger than 1 MB; send less at once.' };
    if (status === 415)
      return { status, code: 'unsupported_media_type', detail: 'Send JSON with the header content-type: application/json.' };
    if (status >= 400 && status < 500)
      return { status, code: 'bad_request', detail: 'The request cannot be read; check that the body is JSON.' };
    return {
      status: 500,
      code: 'internal_error',
      detail: 'Something went wrong on our side. Try again, and quote the traceId if it lasts.',
    };
  }
}
