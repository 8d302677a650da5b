import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { ValidationError } from '@soko/common';
import type { Caller } from '@soko/identity';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { OncePerKey } from './once-per-key.js';

const OUTSIDE = Symbol('outside units');

/** For a route that waits for another process: what it asked for must be committed while it waits, so it is no unit of work. */
export const OutsideUnits = (): MethodDecorator => SetMetadata(OUTSIDE, true);
export const isOutsideUnits = (method: object): boolean => Reflect.hasMetadata(OUTSIDE, method);

/**
 * Makes every POST with an `Idempotency-Key` happen once: all that its handler writes and the answer itself are one commit.
 * No handler knows of it.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly once: OncePerKey) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest & { caller: Caller }>();
    const key = keyOf(request);
    if (key === undefined) return next.handle();
    const { merchantId, kind, id } = request.caller;
    const [path = '', query = ''] = request.url.split('?', 2);
    const keyed = {
      merchantId,
      scope: [`${kind}:${id}`, request.method, path, key],
      print: [request.method, path, query, request.body === undefined ? '' : JSON.stringify(request.body)],
      url: request.url,
    };
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return from(this.once.perform(keyed, reply, () => lastValueFrom(next.handle(), { defaultValue: undefined })));
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
