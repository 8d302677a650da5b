import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';

/** Which methods a path has: what tells "not this way" (405) from "not here" (404). */
@Injectable()
export class RouteMethods {
  private readonly router = findMyWay({ maxParamLength: 300 });
  private readonly methods = new Set<HTTPMethod>();

  /** Listens to every route that is added from now on. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat() as HTTPMethod[]) {
        // Nest's own catch-all for the path of a controller is no route.
        if (url.includes('*') || this.router.hasRoute(each, url)) continue;
        this.methods.add(each);
        this.router.on(each, url, () => undefined);
      }
    });
  }

  of(url: string): string[] {
    const path = url.split('?')[0]!;
    return [...this.methods].filter((method) => this.router.find(method, path) !== null).toSorted();
  }
}
