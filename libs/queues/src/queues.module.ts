import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { loadSettings, Settings } from '@soko/config';
import { AlarmBell } from '@soko/database';
import type { Queue } from 'bullmq';
import { queueBackend, type QueueBackend } from './backend.js';
import { HandlerRegistry } from './handler.registry.js';
import { JobWorkers, type QueuesOptions } from './job-workers.js';
import { QueueBell } from './queue-bell.js';
import { QueueInspector } from './queue-inspector.js';
import { allQueueNames } from './queue-names.js';
import { BACKEND, BELL, OPTIONS, QUEUE_SET } from './tokens.js';

@Injectable()
class BackendLifecycle implements OnApplicationShutdown {
  constructor(@Inject(BACKEND) private readonly backend: QueueBackend) {}
  onApplicationShutdown(): Promise<void> {
    return this.backend.close();
  }
}

@Module({
  providers: [
    {
      provide: BACKEND,
      inject: [Settings, OPTIONS],
      useFactory: (settings: Settings, { serves }: QueuesOptions) => queueBackend(settings, serves.length > 0),
    },
    BackendLifecycle,
  ],
  exports: [BACKEND, OPTIONS],
})
class BackendModule {
  static forApp(options: QueuesOptions): DynamicModule {
    return { module: BackendModule, providers: [{ provide: OPTIONS, useValue: options }] };
  }
}

@Module({})
export class QueuesModule {
  /** Every app can ring; `options.serves` names the queues whose jobs it handles. */
  static forApp(options: QueuesOptions): DynamicModule {
    const names = allQueueNames(loadSettings().GATEWAY_SHARDS);
    const backend = BackendModule.forApp(options);
    return {
      module: QueuesModule,
      global: true,
      imports: [
        DiscoveryModule,
        backend,
        BullModule.forRootAsync({
          imports: [backend],
          inject: [BACKEND],
          useFactory: (backend: QueueBackend) => backend.producer,
        }),
        BullModule.registerQueue(...names.map((name) => ({ name }))),
        // What would be forced is asked of the store first, and while that is away there is no answer.
        BullModule.registerFlowProducer({ name: BELL, forceDisconnectOnShutdown: false }),
      ],
      providers: [
        {
          provide: QUEUE_SET,
          inject: names.map((name) => getQueueToken(name)),
          useFactory: (...queues: Queue[]) => new Map(queues.map((queue) => [queue.name, queue])),
        },
        QueueBell,
        QueueInspector,
        { provide: AlarmBell, useExisting: QueueBell },
        HandlerRegistry,
        JobWorkers,
      ],
      exports: [AlarmBell, HandlerRegistry, JobWorkers, QueueInspector, QUEUE_SET],
    };
  }
}
