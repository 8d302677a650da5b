import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Caller, Person } from './caller.js';
import type { Scope } from './roles.js';

export const ACCESS = Symbol('access');

/**
 * `public`: nobody asks. A scope: people whose role has it and API keys that were given it. The others are for people alone:
 * `member` anyone who is signed in, `owner` owners of a merchant, `ops` the platform's team.
 */
export type Access = 'public' | 'member' | 'owner' | 'ops' | Scope;

/** What a route demands. The api does not start while a route says nothing; the guard refuses it all the same. */
export const Requires = (access: Access) => SetMetadata(ACCESS, access);

export function allows(access: Access, caller: Caller): boolean {
  if (access === 'public') return true;
  if (access === 'member') return caller.kind === 'user';
  if (access === 'owner' || access === 'ops') return caller.role === access;
  return caller.scopes.has(access);
}

const callerOf = (context: ExecutionContext) => context.switchToHttp().getRequest<{ caller: Caller }>().caller;

/** The caller of the route at hand. */
export const Me = createParamDecorator((_: unknown, context: ExecutionContext) => callerOf(context));

/** The person who calls a route that is for people alone. */
export const MyPerson = createParamDecorator((_: unknown, context: ExecutionContext) => callerOf(context) as Person);
