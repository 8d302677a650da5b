import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';

interface RawConfig {
  rawBodyLimit?: number;
}

/** The route takes the very bytes that came, as a `Buffer`, up to `limit` of them: what was signed must not be read and written again. */
export const RawBody = (limit: number): MethodDecorator =>
  applyDecorators(RouteConfig({ rawBodyLimit: limit } satisfies RawConfig));

/** Whether the route of this request is such a one. */
export const wantsRawBody = (request: FastifyRequest): boolean =>
  (request.routeOptions.config as RawConfig | undefined)?.rawBodyLimit !== undefined;

/** Lets every route that is added from now on have the limit that it asks for; the others keep the server's. */
export function allowRawBodies(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { rawBodyLimit } = (route.config ?? {}) as RawConfig;
    if (rawBodyLimit !== undefined) route.bodyLimit = rawBodyLimit;
  });
}
