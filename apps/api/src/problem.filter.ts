import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { AppError, newId, workContext } from '@soko/common';
import { Log } from '@soko/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Answered } from './answered.js';
import { RouteMethods } from './http/route-methods.js';
import { PROBLEM_TYPE, problemOf } from './problem.js';

class MethodNotAllowed extends HttpException {
  constructor() {
    super('method not allowed', 405);
  }
}

/** Writes every error as application/problem+json; what is not ours to tell goes to the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly routes: RouteMethods,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof Answered) {
      void reply.headers(error.headers).status(error.answer.status).header('content-type', error.answer.contentType);
      void reply.send(error.answer.body ?? undefined);
      return;
    }
    const traceId = workContext.requestId ?? newId();
    const allowed = isUnknownRoute(error) ? this.routes.of(request.url) : [];
    if (allowed.length > 0) void reply.header('allow', allowed.join(', '));
    const problem = problemOf(allowed.length > 0 ? new MethodNotAllowed() : error, request.url, traceId);
    if (problem.status >= 500)
      this.log.error({ err: error, method: request.method, route: request.routeOptions?.url, traceId }, 'request failed');
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
    if (error instanceof AppError && error.retryAfter !== undefined) void reply.header('retry-after', error.retryAfter);
    void reply.status(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
  }
}

/** Our own NotFoundErrors are AppErrors; Nest's comes when no route fits. */
const isUnknownRoute = (error: unknown): boolean => error instanceof HttpException && error.getStatus() === 404;
