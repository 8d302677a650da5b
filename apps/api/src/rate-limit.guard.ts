import { type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerOptions,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { AppError } from '@soko/common';
import { Settings } from '@soko/config';
import { type Caller, type LimitsView, planLimits } from '@soko/identity';
import { type Hit, Limiter } from '@soko/limits';
import type { FastifyReply, FastifyRequest } from 'fastify';

const COUNTS = Symbol('counts');
const QUARTER_SECONDS = 900;

/** What a route counts as besides a request; `nothing` for what machines ask all the time. */
export const CountsAs = (kind: 'auth' | 'messages' | 'uploads' | 'nothing') => SetMetadata(COUNTS, kind);

export class TooManyRequestsError extends AppError {
  constructor(what: string, limit: number, seconds: number) {
    super(429, 'rate_limited', `More than ${limit} ${what}; try again in ${seconds} s.`, undefined, seconds);
  }
}

type CallerRequest = FastifyRequest & { caller?: Caller };
const requestOf = (context: ExecutionContext): CallerRequest => context.switchToHttp().getRequest();

const stranger = (context: ExecutionContext): boolean => !requestOf(context).caller;

/** Which limits there are: strangers by their address, everybody else by their merchant's plan. */
export function throttlers(settings: Settings, reflector: Reflector): ThrottlerOptions[] {
  const known = new WeakMap<object, string>();
  // Asked by every limit of every call: looked up once for each route.
  const counts = (context: ExecutionContext): string => {
    const handler = context.getHandler();
    const found =
      known.get(handler) ?? reflector.getAllAndOverride<string | undefined>(COUNTS, [handler, context.getClass()]) ?? '';
    known.set(handler, found);
    return found;
  };
  const plans = { trial: planLimits(settings, 'trial'), standard: planLimits(settings, 'standard') };
  const ofPlan = (name: keyof LimitsView, windowSeconds: number, applies: (context: ExecutionContext) => boolean) => ({
    name,
    ttl: windowSeconds * 1000,
    limit: (context: ExecutionContext) => plans[requestOf(context).caller!.plan][name].requests,
    skipIf: (context: ExecutionContext) => stranger(context) || !applies(context),
  });
  return [
    {
      name: 'ip',
      ttl: QUARTER_SECONDS * 1000,
      limit: settings.RATE_LIMIT_IP,
      skipIf: (context) => !stranger(context) || counts(context) === 'nothing',
    },
    {
      name: 'auth',
      ttl: QUARTER_SECONDS * 1000,
      limit: settings.RATE_LIMIT_AUTH,
      skipIf: (context) => counts(context) !== 'auth',
    },
    ofPlan('api', QUARTER_SECONDS, (context) => counts(context) !== 'nothing'),
    ofPlan('messages', 60, (context) => counts(context) === 'messages'),
    ofPlan('uploads', 3_600, (context) => counts(context) === 'uploads'),
  ];
}

const NAMES: Record<string, string> = {
  ip: 'requests from this address in 15 minutes without signing in',
  auth: 'calls to register or sign in from this address in 15 minutes',
  api: 'requests of this merchant in 15 minutes',
  messages: 'messages of this merchant in a minute',
  uploads: 'uploads of this merchant in an hour',
};

/**
 * Counts every call, and tells in `RateLimit-*` of the limit that is nearest. Stands between the two guards of identity.
 * The throttler's own way through its limits looks up six kinds of metadata for each of them at every call; our routes say all of
 * it by one decorator, and a call whose units are leased is counted without waiting.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @InjectThrottlerStorage() storage: ThrottlerStorage,
    reflector: Reflector,
    private readonly settings: Settings,
    private readonly limiter: Limiter,
  ) {
    super(options, storage, reflector);
  }

  // A promise only where the store must be asked.
  override canActivate(context: ExecutionContext): Promise<boolean> {
    const limits = this.settings.RATE_LIMIT_ENABLED ? this.throttlers.filter((each) => !each.skipIf!(context)) : [];
    return this.count(context, limits) as Promise<boolean>;
  }

  private count(context: ExecutionContext, [first, ...others]: ThrottlerOptions[]): boolean | Promise<boolean> {
    if (!first) return true;
    const hit = this.hit(context, first);
    return hit instanceof Promise ? hit.then(() => this.count(context, others)) : this.count(context, others);
  }

  private hit(context: ExecutionContext, { name, limit: limitOf, ttl }: ThrottlerOptions): void | Promise<void> {
    const request = requestOf(context);
    const limit = (typeof limitOf === 'function' ? limitOf(context) : limitOf) as number;
    const take = (whose: string) => this.limiter.hit(`${name}:${whose}`, limit, (ttl as number) / 1000);
    const byAddress = name === 'ip' || name === 'auth';
    const hit = byAddress ? this.getTracker(request).then(take) : take(request.caller!.merchantId);
    const settle = (result: Hit) => tell(context.switchToHttp().getResponse(), name!, limit, result);
    return hit instanceof Promise ? hit.then(settle) : settle(hit);
  }
}

/** @throws TooManyRequestsError */
export function tell(reply: FastifyReply, name: string, limit: number, { allowed, remaining, resetSeconds }: Hit): void {
  const told = reply.getHeader('ratelimit-remaining');
  if (told === undefined || remaining < Number(told))
    void reply.headers({ 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': resetSeconds });
  if (!allowed) throw new TooManyRequestsError(NAMES[name]!, limit, resetSeconds);
}
