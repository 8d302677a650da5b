import { Module } from '@nestjs/common';
import { BotModule } from '@soko/bot';
import { ConfigModule } from '@soko/config';
import { queuesOf } from '@soko/contracts';
import { DatabaseModule } from '@soko/database';
import { IdentityModule } from '@soko/identity';
import { ObservabilityModule } from '@soko/observability';
import { OrderProcessor, OrdersModule } from '@soko/orders';
import { QueuesModule, ReactionProcessor, ReactionSink, Sweeper } from '@soko/queues';
import { MediaModule, MediaProcessor } from '@soko/media';
import { TemplatesModule } from '@soko/templates';
import { WebhookProcessor, WebhooksModule } from '@soko/webhooks';
import { InboundModule } from '@soko/whatsapp';
import { Housekeeping } from './housekeeping.service.js';
import { Relay } from './relay.service.js';

@Module({
  imports: [
    ConfigModule,
    ObservabilityModule.forApp('worker'),
    DatabaseModule,
    QueuesModule.forApp({ serves: queuesOf('worker') }),
    IdentityModule,
    MediaModule,
    TemplatesModule,
    OrdersModule,
    WebhooksModule,
    BotModule,
    InboundModule,
  ],
  providers: [Relay, Sweeper, Housekeeping, ReactionSink, ReactionProcessor, OrderProcessor, WebhookProcessor, MediaProcessor],
})
export class WorkerModule {}
