import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { AppError, newId, ValidationError, workContext } from '@soko/common';
import { type Claim, IdempotencyStore, Tenancy } from '@soko/database';
import type { Caller } from '@soko/identity';
import { Log } from '@soko/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Answered } from './answered.js';
import { PROBLEM_TYPE, problemOf } from './problem.js';

const OUTSIDE = Symbol('outside units');

/** For a route that waits for another process: what it asked for must be committed while it waits, so it is no unit of work. */
export const OutsideUnits = (): MethodDecorator => SetMetadata(OUTSIDE, true);
export const isOutsideUnits = (method: object): boolean => Reflect.hasMetadata(OUTSIDE, method);

const JSON_TYPE = 'application/json; charset=utf-8';
const REPLAYED = { 'idempotent-replayed': 'true' };
/** Refusals that say nothing of the work itself. */
const NOT_KEPT = new Set([401, 403, 429]);

export class KeyReusedError extends AppError {
  constructor() {
    super(422, 'idempotency_key_reused', 'This idempotency key was used for another request; make a new key for each request.');
  }
}
export class InProgressError extends AppError {
  constructor(seconds: number) {
    super(409, 'idempotency_in_progress', 'The first request with this key is still running; ask again.', undefined, seconds);
  }
}

/**
 * Makes every POST with an `Idempotency-Key` happen once: all that its handler writes and the answer itself are one commit.
 * No handler knows of it.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: IdempotencyStore,
    private readonly log: Log,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest & { caller: Caller }>();
    const key = keyOf(request);
    return key === undefined
      ? next.handle()
      : from(this.once(key, request.caller, request, context.switchToHttp().getResponse(), next));
  }

  private async once(
    key: string,
    { merchantId, kind, id }: Caller,
    request: FastifyRequest,
    reply: FastifyReply,
    next: CallHandler,
  ): Promise<unknown> {
    const [path = '', query = ''] = request.url.split('?', 2);
    const scope = [`${kind}:${id}`, request.method, path, key];
    const body = request.body === undefined ? '' : JSON.stringify(request.body);
    const outcome = await this.store.claim(merchantId, scope, [request.method, path, query, body]);
    if ('replay' in outcome) throw new Answered(outcome.replay, REPLAYED);
    if ('inProgress' in outcome) throw new InProgressError(outcome.inProgress.retryAfter);
    if ('reused' in outcome) throw new KeyReusedError();
    return this.work(outcome.claim, request, reply, next);
  }

  private async work(claim: Claim, request: FastifyRequest, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    const unit = this.tenancy.unit(claim.merchantId);
    try {
      const result: unknown = await unit.perform(() => lastValueFrom(next.handle(), { defaultValue: undefined }));
      const body = result === undefined ? null : JSON.stringify(result);
      await unit.commit((tx) => this.store.finish(tx, claim, { status: reply.statusCode, contentType: JSON_TYPE, body }));
      if (body === null) return undefined;
      void reply.header('content-type', JSON_TYPE);
      return body;
    } catch (error) {
      const { started } = unit;
      await unit.rollback();
      throw await this.settle(claim, error, started, request.url);
    }
  }

  /** Keeps a refusal that the work itself came to; after anything else the next one may try. @returns what to throw */
  private async settle(claim: Claim, error: unknown, started: boolean, url: string): Promise<unknown> {
    const kept = started && error instanceof AppError && error.status < 500 && !NOT_KEPT.has(error.status);
    try {
      if (!kept) {
        await this.store.release(claim);
        return error;
      }
      const problem = problemOf(error, url, workContext.requestId ?? newId());
      const answer = { status: problem.status, contentType: PROBLEM_TYPE, body: JSON.stringify(problem) };
      await this.store.refuse(claim, answer);
      return new Answered(answer);
    } catch (failure) {
      // The claim dies by its clock.
      this.log.warn({ err: failure }, 'an idempotency key was not settled');
      return error;
    }
  }
}

/** The key, bare or as the quoted string that the draft asks for. @throws ValidationError */
function keyOf(request: FastifyRequest): string | undefined {
  const given = request.headers['idempotency-key'] ?? request.headers['x-idempotency-key'];
  if (given === undefined) return undefined;
  const text = String(given).trim();
  const key = /^"(.*)"$/s.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, '$1') ?? text;
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key;
  const message = 'Idempotency-Key must have 1 to 255 printable ASCII characters, for example a UUID';
  throw new ValidationError([{ path: 'Idempotency-Key', code: 'idempotencyKey', message }]);
}
