import { join } from 'node:path';
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { newId, workContext } from '@soko/common';
import { projectRoot, Settings } from '@soko/config';
import { Log, NestLogger } from '@soko/observability';
import { ApiModule } from './api.module.js';

const BODY_LIMIT = 1024 * 1024;

/** The api, ready to listen. */
export async function createApi(): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ bodyLimit: BODY_LIMIT, routerOptions: { maxParamLength: 300 } });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule, adapter, { bufferLogs: true, abortOnError: false });
  const settings = app.get(Settings);
  const log = app.get(Log);
  app.useLogger(new NestLogger(log));
  followRequests(adapter, log);
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
  });
  if (settings.CORS_ORIGINS.length > 0) app.enableCors({ origin: settings.CORS_ORIGINS });
  if (settings.simulator) {
    await app.register(fastifyStatic, {
      root: join(projectRoot(), 'apps/api/public/simulator'),
      prefix: '/simulator',
      redirect: true,
    });
  }
  const config = new DocumentBuilder()
    .setTitle('Soko')
    .setDescription('WhatsApp commerce for many merchants.')
    .setVersion('0.1')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), { jsonDocumentUrl: 'docs-json' });
  return app;
}

/** Takes or makes X-Request-Id, echoes it, and lets all that the request leads to carry it. */
function followRequests(adapter: FastifyAdapter, log: Log): void {
  const server = adapter.getInstance();
  server.addHook('onRequest', (request, reply, done) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : newId();
    void reply.header('x-request-id', requestId);
    workContext.run({ requestId }, done);
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    const line = { method, route: routeOptions?.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    if (method === 'GET' || method === 'OPTIONS') log.debug(line, 'request');
    else log.info(line, 'request');
    done();
  });
}
