import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { workContext } from '@soko/common';
import { ACCESS, type Access, allows } from './access.js';
import type { Caller } from './caller.js';
import { CredentialService } from './credential.service.js';
import { ForbiddenError, UnauthenticatedError } from './identity.errors.js';

interface GuardedRequest {
  headers: Record<string, string | undefined>;
  caller?: Caller;
  /** Why the credential that was shown counts for nothing. */
  refusal?: UnauthenticatedError;
}

const requestOf = (context: ExecutionContext): GuardedRequest => context.switchToHttp().getRequest();

/** The first guard: finds out who calls, and refuses nobody. So what stands between it and AccessGuard counts strangers too. */
@Injectable()
export class IdentityGuard implements CanActivate {
  constructor(private readonly credentials: CredentialService) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const request = requestOf(context);
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const credential = bearer ?? request.headers['x-api-key'];
    if (!credential) return true;
    try {
      request.caller = await this.credentials.identify(credential);
      const { kind: type, id, role } = request.caller;
      workContext.actAs({ type, id, ...(role ? { role } : {}) });
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error;
      request.refusal = error;
    }
    return true;
  }
}

/** Stands before every route and asks for what the route demands. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
    const { caller, refusal } = requestOf(context);
    if (access === 'public') return true;
    if (!caller)
      throw (
        refusal ??
        new UnauthenticatedError(
          'Send the header "Authorization: Bearer <accessToken>" (POST /api/auth/login gives one), or an API key as "X-API-Key: sk_…".',
        )
      );
    if (!access || !allows(access, caller)) throw new ForbiddenError(access, caller.kind);
    return true;
  }
}
