import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Log, NestLogger, runApp } from '@soko/observability';

// A gateway that freezes inside a transaction must not hold its rows for longer than its lease: the one that takes over needs them.
process.env.DATABASE_TRANSACTION_IDLE_MS ??= '4000';

await runApp(async () => {
  // Imported here, because modules read the settings when they load, and a bad setting shall be one clear line.
  const { GatewayModule } = await import('./gateway.module.js');
  const app = await NestFactory.createApplicationContext(GatewayModule, { bufferLogs: true, abortOnError: false });
  app.useLogger(new NestLogger(app.get(Log)));
  return app;
});
