import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadSettings, projectRoot } from '@soko/config';
import { Log, Metrics, NestLogger } from '@soko/observability';
import { RealtimeAdapter } from '@soko/realtime';
import { ApiModule } from './api.module.js';
import { allowRawBodies } from './http/raw-body.js';
import { RouteMethods } from './http/route-methods.js';
import { boundNesting, createAdapter, followRequests, protect, readJson } from './http/server.js';
import { takeUploads } from './http/upload.js';
import { UPLOAD_PATHS } from './media.controller.js';
import { serveDocs } from './openapi/docs.js';

/** The api, ready to listen. */
export async function createApi(): Promise<NestFastifyApplication> {
  const settings = loadSettings();
  const adapter = createAdapter(settings);
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule, adapter, { bufferLogs: true, abortOnError: false });
  const log = app.get(Log);
  app.useLogger(new NestLogger(log));
  app.get(RouteMethods).watch(adapter.getInstance());
  allowRawBodies(adapter.getInstance());
  const metrics = app.get(Metrics);
  metrics.watchProcess();
  followRequests(adapter, log, metrics);
  readJson(app);
  takeUploads(adapter.getInstance(), (url) => UPLOAD_PATHS.includes(url));
  boundNesting(adapter);
  protect(app, settings);
  if (settings.simulator) {
    await app.register(fastifyStatic, {
      root: join(projectRoot(), 'apps/api/public/simulator'),
      prefix: '/simulator',
      redirect: true,
    });
  }
  app.useWebSocketAdapter(new RealtimeAdapter(app));
  serveDocs(app);
  return app;
}
