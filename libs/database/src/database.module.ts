import { Global, Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '@soko/config';
import { DataSource } from 'typeorm';
import { schemaFaults } from './schema-check.js';
import { IdempotencyStore } from './idempotency.js';
import { RelayBell } from './relay-bell.js';
import { Sealer } from './sealer.js';
import { connectApp, connectSystem } from './sources.js';
import { SystemDb, Tenancy } from './tenancy.js';
import { APP_SOURCE, SYSTEM_SOURCE } from './tokens.js';

/** Refuses to start on a schema that would leak, and closes the pools at the end. */
@Injectable()
class DatabaseLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly system: SystemDb,
    @Inject(APP_SOURCE) private readonly app: DataSource,
    @Inject(SYSTEM_SOURCE) private readonly systemSource: DataSource,
  ) {}

  async onModuleInit(): Promise<void> {
    const faults = await this.system.run(schemaFaults);
    if (faults.length > 0) throw new Error(`The database is not safe to serve from: ${faults.join('; ')}`);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.app.destroy(), this.systemSource.destroy()]);
  }
}

/** Tenancy, SystemDb and what stands on them. QueuesModule provides the AlarmBell. */
@Global()
@Module({
  providers: [
    {
      provide: APP_SOURCE,
      inject: [Settings],
      useFactory: connectApp,
    },
    {
      provide: SYSTEM_SOURCE,
      inject: [Settings],
      useFactory: connectSystem,
    },
    RelayBell,
    Tenancy,
    SystemDb,
    Sealer,
    IdempotencyStore,
    DatabaseLifecycle,
  ],
  exports: [Tenancy, SystemDb, Sealer, IdempotencyStore],
})
export class DatabaseModule {}
