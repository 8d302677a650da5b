import { Module } from '@nestjs/common';
import { BotModule } from '@soko/bot';
import { BroadcastProcessor, BroadcastsModule } from '@soko/broadcasts';
import { ConfigModule } from '@soko/config';
import { queuesOf } from '@soko/contracts';
import { DatabaseModule } from '@soko/database';
import { DeadLettersModule } from '@soko/dead-letters';
import { IdentityModule } from '@soko/identity';
import { MetricsServer, ObservabilityModule } from '@soko/observability';
import { OrderProcessor, OrdersModule } from '@soko/orders';
import { PaymentProcessor, PaymentsModule } from '@soko/payments';
import { QueuesModule, ReactionProcessor, ReactionReviver, ReactionSink, Sweeper } from '@soko/queues';
import { MediaModule, MediaProcessor } from '@soko/media';
import { MessageReviver } from '@soko/messaging';
import { TemplatesModule } from '@soko/templates';
import {
  DeliveryReviver,
  WebhookDeliveryModule,
  WebhookProcessor,
  WebhookRecoveryProcessor,
  WebhooksModule,
} from '@soko/webhooks';
import { InboundModule } from '@soko/whatsapp';
import { DeadLetterProcessor } from './dead-letter.processor.js';
import { Housekeeping } from './housekeeping.service.js';
import { Relay } from './relay.service.js';

@Module({
  imports: [
    ConfigModule,
    ObservabilityModule.forApp('worker'),
    DatabaseModule,
    DeadLettersModule,
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
    MetricsServer,
    Relay,
    Sweeper,
    Housekeeping,
    ReactionSink,
    ReactionProcessor,
    ReactionReviver,
    DeadLetterProcessor,
    OrderProcessor,
    PaymentProcessor,
    BroadcastProcessor,
    WebhookProcessor,
    DeliveryReviver,
    MessageReviver,
    WebhookRecoveryProcessor,
    MediaProcessor,
  ],
})
export class WorkerModule {}
