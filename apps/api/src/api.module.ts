import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { CatalogModule } from '@soko/catalog';
import { ConfigModule } from '@soko/config';
import { DatabaseModule } from '@soko/database';
import { DeliveriesModule } from '@soko/deliveries';
import { AuthGuard, IdentityModule } from '@soko/identity';
import { MessagingModule } from '@soko/messaging';
import { ObservabilityModule } from '@soko/observability';
import { OrdersModule } from '@soko/orders';
import { QueuesModule } from '@soko/queues';
import { TemplatesModule } from '@soko/templates';
import { WebhooksModule } from '@soko/webhooks';
import { WhatsappModule } from '@soko/whatsapp';
import { AccessCheck } from './access-check.js';
import { AuthController } from './auth.controller.js';
import { ChannelsController } from './channels.controller.js';
import { DeliveriesController } from './deliveries.controller.js';
import { HealthController } from './health.controller.js';
import { InputPipe } from './input.pipe.js';
import { OrdersController } from './orders.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { ProductsController } from './products.controller.js';
import { SendService } from './send.service.js';
import { SimulatorController } from './simulator.controller.js';
import { TemplatesController } from './templates.controller.js';
import { WebhooksController } from './webhooks.controller.js';
import { WhatsappController } from './whatsapp.controller.js';

@Module({
  imports: [
    DiscoveryModule,
    ConfigModule,
    ObservabilityModule.forApp('api'),
    DatabaseModule,
    QueuesModule.forApp({ serves: [] }),
    IdentityModule,
    MessagingModule,
    WhatsappModule,
    CatalogModule,
    OrdersModule,
    DeliveriesModule,
    TemplatesModule,
    WebhooksModule,
  ],
  controllers: [
    AuthController,
    ChannelsController,
    WhatsappController,
    SimulatorController,
    ProductsController,
    OrdersController,
    DeliveriesController,
    TemplatesController,
    WebhooksController,
    HealthController,
  ],
  providers: [
    AccessCheck,
    SendService,
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_PIPE, useClass: InputPipe },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
})
export class ApiModule {}
