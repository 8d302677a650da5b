import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Log, NestLogger, runApp } from '@soko/observability';
import { GatewayModule } from './gateway.module.js';

await runApp(async () => {
  const app = await NestFactory.createApplicationContext(GatewayModule, { bufferLogs: true, abortOnError: false });
  app.useLogger(new NestLogger(app.get(Log)));
  return app;
});
