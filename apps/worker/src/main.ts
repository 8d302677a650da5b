import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Log, NestLogger, runApp } from '@soko/observability';
import { WorkerModule } from './worker.module.js';

await runApp(async () => {
  const app = await NestFactory.createApplicationContext(WorkerModule, { bufferLogs: true, abortOnError: false });
  app.useLogger(new NestLogger(app.get(Log)));
  return app;
});
