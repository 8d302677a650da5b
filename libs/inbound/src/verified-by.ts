import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import type { InboundCall, InboundVerifier } from './inbound-verifier.js';

/** Where a route says who proves its calls. */
export const VERIFIED_BY = Symbol('verified by');

type VerifierType = Type<InboundVerifier<unknown>>;
type InboundRequest = Omit<InboundCall, 'body'> & { body: unknown; proof?: unknown };

/** Lets nobody through whom the route's verifier does not know. */
@Injectable()
export class InboundGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly modules: ModuleRef,
  ) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const verifier = this.modules.get(this.reflector.get<VerifierType>(VERIFIED_BY, context.getHandler()), { strict: false });
    const request = context.switchToHttp().getRequest<InboundRequest>();
    const { params, query, headers, body } = request;
    // No body at all is one of no bytes.
    request.proof = await verifier.verify({ params, query, headers, body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) });
    return true;
  }
}

/** The route takes only calls that `verifier` has found to be from who they say. Every route below `/webhooks` has one. */
export const VerifiedBy = (verifier: VerifierType): MethodDecorator =>
  applyDecorators(SetMetadata(VERIFIED_BY, verifier), UseGuards(InboundGuard));

/** What the route's verifier has found. */
export const Proof = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<InboundRequest>().proof,
);
