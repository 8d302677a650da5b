import { Module } from '@nestjs/common';
import { BroadcastsModule } from '@soko/broadcasts';
import { CatalogModule } from '@soko/catalog';
import { DeliveriesModule } from '@soko/deliveries';
import { MessagingModule } from '@soko/messaging';
import { OrdersModule } from '@soko/orders';
import { PaymentsModule } from '@soko/payments';
import { TemplatesModule } from '@soko/templates';
import { AuthHandler } from './auth.handler.js';
import { BotService } from './bot.service.js';
import { DeliveryNewsService } from './delivery-news.service.js';
import { BroadcastCommandService } from './broadcast-command.service.js';
import { BroadcastDataService } from './broadcast-data.service.js';
import { CartReminderService } from './cart-reminder.service.js';
import { CommandService } from './command.service.js';
import { ConversationStore } from './conversation.store.js';
import { CustomerDataService } from './customer-data.service.js';
import { CustomerHandler } from './customer.handler.js';
import { DriverCommandService } from './driver-command.service.js';
import { DriverNewsService } from './driver-news.service.js';
import { ShopCommandService } from './shop-command.service.js';
import { StaffCommandService } from './staff-command.service.js';
import { StaffDataService } from './staff-data.service.js';
import { StaffHandler } from './staff.handler.js';
import { NumberProofReactions } from './number-proof.reactions.js';
import { PaymentNewsService } from './payment-news.service.js';
import { OrderNewsService } from './order-news.service.js';

/** For worker alone: it handles the jobs and reactions of conversations. */
@Module({
  imports: [MessagingModule, CatalogModule, OrdersModule, DeliveriesModule, PaymentsModule, TemplatesModule, BroadcastsModule],
  providers: [
    BotService,
    AuthHandler,
    StaffHandler,
    StaffDataService,
    BroadcastDataService,
    StaffCommandService,
    ShopCommandService,
    DriverCommandService,
    BroadcastCommandService,
    CustomerHandler,
    NumberProofReactions,
    DriverNewsService,
    CartReminderService,
    CommandService,
    ConversationStore,
    CustomerDataService,
    OrderNewsService,
    DeliveryNewsService,
    PaymentNewsService,
  ],
})
export class BotModule {}
