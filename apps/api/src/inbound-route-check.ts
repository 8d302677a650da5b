import { Injectable, type OnModuleInit, type RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, ModuleRef, Reflector } from '@nestjs/core';
import { VERIFIED_BY } from '@soko/inbound';

/**
 * Refuses to start while a route below `/webhooks` believes whoever calls it: forgetting `@VerifiedBy` is found at once, and not by somebody
 * who makes up a payment.
 */
@Injectable()
export class InboundRouteCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
    private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    const routes = this.discovery.getControllers().flatMap(({ metatype }) => (metatype ? this.routesOf(metatype as Type) : []));
    const open = routes.filter(({ verifier }) => !verifier).map(({ name }) => name);
    if (open.length > 0)
      throw new Error(`these inbound routes do not say who proves their calls, mark them with @VerifiedBy: ${open.join(', ')}`);
    // A verifier that nobody provides would be found missing by the first call.
    for (const { verifier } of routes) this.modules.get(verifier!, { strict: false });
  }

  /** Those below `/webhooks`, whichever of controller and method says so. */
  private routesOf(metatype: Type): { name: string; verifier?: Type }[] {
    const prototype = metatype.prototype as Record<string, () => unknown>;
    const prefix = this.reflector.get<string | string[] | undefined>(PATH_METADATA, metatype);
    return this.scanner
      .getAllMethodNames(prototype)
      .map((name) => ({ name: `${metatype.name}.${name}`, method: prototype[name]! }))
      .filter(({ method }) => this.reflector.get<RequestMethod | undefined>(METHOD_METADATA, method) !== undefined)
      .filter(({ method }) => {
        const path = this.reflector.get<string | string[] | undefined>(PATH_METADATA, method);
        return [prefix].flat().some((one) => [path].flat().some((other) => isInbound(one, other)));
      })
      .map(({ name, method }) => ({ name, verifier: this.reflector.get<Type | undefined>(VERIFIED_BY, method) }));
  }
}

const isInbound = (...parts: (string | undefined)[]): boolean =>
  parts.flatMap((part) => (part ?? '').split('/')).find((part) => part !== '') === 'webhooks';
