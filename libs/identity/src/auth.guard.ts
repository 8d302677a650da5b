import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { JwtService } from '@nestjs/jwt';
import { ACCESS, type Access } from './access.js';
import { type Caller, ROLE_SCOPES, type Role } from './caller.js';
import { ForbiddenError, UnauthenticatedError } from './identity.errors.js';

interface Claims {
  sub: string;
  mid: string;
  role: Role;
}
interface GuardedRequest {
  headers: Record<string, string | undefined>;
  caller?: Caller;
}

/** Stands before every route: a token, then the scope that the route demands. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly jwt: JwtService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<GuardedRequest>();
    const caller = await this.authenticate(request.headers.authorization);
    if (!access || (access !== 'member' && !ROLE_SCOPES[caller.role].includes(access)))
      throw new ForbiddenError(access ?? 'nothing');
    request.caller = caller;
    return true;
  }

  private async authenticate(header: string | undefined): Promise<Caller> {
    const token = /^Bearer (.+)$/i.exec(header ?? '')?.[1];
    if (!token)
      throw new UnauthenticatedError('Send the header "Authorization: Bearer <accessToken>"; POST /api/auth/login gives one.');
    try {
      const claims = await this.jwt.verifyAsync<Claims>(token);
      return { userId: claims.sub, merchantId: claims.mid, role: claims.role };
    } catch {
      throw new UnauthenticatedError('The access token is not valid or has expired; sign in again with POST /api/auth/login.');
    }
  }
}
