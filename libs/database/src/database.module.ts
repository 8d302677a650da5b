import { Global, Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '@soko/config';
import { DataSource, getMetadataArgsStorage } from 'typeorm';
import { poolOptions } from './pool.js';
import { schemaFaults } from './schema-check.js';
import { SystemDb, Tenancy } from './tenancy.js';
import { APP_SOURCE, SYSTEM_SOURCE } from './tokens.js';

async function connect(url: string, role: 'soko_app' | 'soko_system', max: number): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    url,
    extra: poolOptions(role, max),
    // Every class that carries @Entity and was imported: no list to forget.
    entities: getMetadataArgsStorage().tables.map((table) => table.target as () => unknown),
    logging: false,
  });
  return source.initialize();
}

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

/** Tenancy and SystemDb. QueuesModule provides the AlarmBell. */
@Global()
@Module({
  providers: [
    {
      provide: APP_SOURCE,
      inject: [Settings],
      useFactory: (s: Settings) => connect(s.DATABASE_APP_URL ?? s.DATABASE_URL, 'soko_app', s.DATABASE_POOL),
    },
    {
      provide: SYSTEM_SOURCE,
      inject: [Settings],
      useFactory: (s: Settings) => connect(s.DATABASE_SYSTEM_URL ?? s.DATABASE_URL, 'soko_system', 4),
    },
    Tenancy,
    SystemDb,
    DatabaseLifecycle,
  ],
  exports: [Tenancy, SystemDb],
})
export class DatabaseModule {}
