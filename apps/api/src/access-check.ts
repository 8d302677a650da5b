import { Injectable, type OnModuleInit, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { ACCESS } from '@soko/identity';

/** Refuses to start while a route does not say who may call it: forgetting `@Requires` is found at once, and not by a caller. */
@Injectable()
export class AccessCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const open = this.discovery.getControllers().flatMap(({ metatype }) => {
      if (!metatype) return [];
      const prototype = metatype.prototype as Record<string, () => unknown>;
      return this.scanner
        .getAllMethodNames(prototype)
        .map((name) => ({ name, method: prototype[name]! }))
        .filter(({ method }) => this.reflector.get<RequestMethod | undefined>(METHOD_METADATA, method) !== undefined)
        .filter(({ method }) => !this.reflector.getAllAndOverride(ACCESS, [method, metatype]))
        .map(({ name }) => `${metatype.name}.${name}`);
    });
    if (open.length > 0)
      throw new Error(`these routes do not say who may call them, mark them with @Requires: ${open.join(', ')}`);
  }
}
