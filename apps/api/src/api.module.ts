import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, DiscoveryModule, Reflector } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';
import { AuditModule } from '@soko/audit';
import { BroadcastsModule } from '@soko/broadcasts';
import { CatalogModule } from '@soko/catalog';
import { ConfigModule, Settings } from '@soko/config';
import { DatabaseModule } from '@soko/database';
import { DeadLettersModule } from '@soko/dead-letters';
import { DeliveriesModule } from '@soko/deliveries';
import { AccessGuard, IdentityGuard, IdentityModule } from '@soko/identity';
import { MediaModule } from '@soko/media';
import { MessagingModule } from '@soko/messaging';
import { ObservabilityModule } from '@soko/observability';
import { OrdersModule } from '@soko/orders';
import { PaymentsModule } from '@soko/payments';
import { QueuesModule } from '@soko/queues';
import { RealtimeModule } from '@soko/realtime';
import { TemplatesModule } from '@soko/templates';
import { WebhooksModule } from '@soko/webhooks';
import { WhatsappModule } from '@soko/whatsapp';
import { AccessCheck } from './access-check.js';
import { BotIntake } from './bot-webhook/bot-intake.js';
import { BotLimits } from './bot-webhook/bot-limits.js';
import { BotVerifier } from './bot-webhook/bot.verifier.js';
import { BotWebhookService } from './bot-webhook/bot-webhook.service.js';
import { CONTROLLERS } from './controllers.js';
import { InboundRouteCheck } from './inbound-route-check.js';
import { LocalFiles } from './http/local-files.js';
import { RouteMethods } from './http/route-methods.js';
import { InputPipe } from './input.pipe.js';
import { PlatformMetrics } from './metrics/platform-metrics.js';
import { OncePerKey } from './once-per-key.js';
import { ProblemFilter } from './problem.filter.js';
import { RateLimitGuard, throttlers } from './rate-limit.guard.js';
import { SendService } from './send.service.js';
import { TemplatePreviewService } from './template-preview.service.js';
import { TrackingPages } from './tracking/tracking-pages.js';

@Module({
  imports: [
    DiscoveryModule,
    ConfigModule,
    ObservabilityModule.forApp('api'),
    DatabaseModule,
    DeadLettersModule,
    QueuesModule.forApp({ serves: [] }),
    ThrottlerModule.forRootAsync({
      inject: [Settings, Reflector],
      useFactory: (settings: Settings, reflector: Reflector) => ({ throttlers: throttlers(settings, reflector) }),
    }),
    IdentityModule,
    AuditModule,
    MessagingModule,
    WhatsappModule,
    MediaModule,
    CatalogModule,
    OrdersModule,
    DeliveriesModule,
    PaymentsModule,
    TemplatesModule,
    BroadcastsModule,
    WebhooksModule,
    RealtimeModule,
  ],
  controllers: CONTROLLERS,
  providers: [
    AccessCheck,
    InboundRouteCheck,
    OncePerKey,
    PlatformMetrics,
    BotIntake,
    BotLimits,
    BotVerifier,
    BotWebhookService,
    RouteMethods,
    SendService,
    TemplatePreviewService,
    LocalFiles,
    TrackingPages,
    // In this order: who calls, how often, and whether they may.
    { provide: APP_GUARD, useClass: IdentityGuard },
    { provide: APP_GUARD, useClass: RateLimitGuard },
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_PIPE, useClass: InputPipe },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
})
export class ApiModule {}
