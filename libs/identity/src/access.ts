import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Caller, Scope } from './caller.js';

export const ACCESS = Symbol('access');
/** `public`: nobody asks. `member`: any signed-in member of a merchant. Otherwise the scope that the caller's role must have. */
export type Access = 'public' | 'member' | Scope;

/** What a route demands. The api does not start while a route says nothing; the guard refuses it all the same. */
export const Requires = (access: Access) => SetMetadata(ACCESS, access);

/** The caller of the route at hand. */
export const Me = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<{ caller: Caller }>().caller,
);
