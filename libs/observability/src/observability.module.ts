import { type DynamicModule, Module } from '@nestjs/common';
import { Settings } from '@soko/config';
import { createLogger } from './logger.js';
import { Log } from './log.js';
import { Metrics } from './metrics.js';

@Module({})
export class ObservabilityModule {
  /** @param app the name that stands on every log line: `api`, `worker`, `bot-gateway`. */
  static forApp(app: string): DynamicModule {
    return {
      module: ObservabilityModule,
      global: true,
      providers: [
        { provide: Metrics, useFactory: () => new Metrics(app) },
        { provide: Log, inject: [Settings], useFactory: (settings: Settings) => createLogger(app, settings.LOG_LEVEL) },
      ],
      exports: [Log, Metrics],
    };
  }
}
