import { Module } from '@nestjs/common';
import { BotModule } from '@soko/bot';
import { BroadcastProcessor, BroadcastsModule } from '@soko/broadcasts';
import { ConfigModule } from '@soko/config';
import { queuesOf } from '@soko/contracts';
import { DatabaseModule } from '@soko/database';
import { IdentityModule } from '@soko/identity';
import { ObservabilityModule } from '@soko/observability';
import { OrderProcessor, OrdersModule } from '@soko/orders';
import { PaymentProcessor, PaymentsModule } from '@soko/payments';
import { QueuesModule, ReactionProcessor, ReactionSink, Sweeper } from '@soko/queues';
import { MediaModule, MediaProcessor } from '@soko/media';
import { TemplatesModule } from '@soko/templates';
import { WebhookDeliveryModule, WebhookProcessor, WebhookRecoveryProcessor, WebhooksModule } from '@soko/webhooks';
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
    PaymentsModule,
    WebhooksModule,
    WebhookDeliveryModule,
    BotModule,
    BroadcastsModule,
    InboundModule,
  ],
  providers: [
    Relay,
    Sweeper,
    Housekeeping,
    ReactionSink,
    ReactionProcessor,
    OrderProcessor,
    PaymentProcessor,
    BroadcastProcessor,
    WebhookProcessor,
    WebhookRecoveryProcessor,
    MediaProcessor,
  ],
})
export class WorkerModule {}
