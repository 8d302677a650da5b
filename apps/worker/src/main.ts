import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Log, NestLogger, runApp } from '@soko/observability';

await runApp(async () => {
  // Imported here, because modules read the settings when they load, and a bad setting shall be one clear line.
  const { WorkerModule } = await import('./worker.module.js');
  const app = await NestFactory.createApplicationContext(WorkerModule, { bufferLogs: true, abortOnError: false });
  app.useLogger(new NestLogger(app.get(Log)));
  return app;
});
