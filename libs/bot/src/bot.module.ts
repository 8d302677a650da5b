import { Module } from '@nestjs/common';
import { CatalogModule } from '@soko/catalog';
import { MessagingModule } from '@soko/messaging';
import { OrdersModule } from '@soko/orders';
import { TemplatesModule } from '@soko/templates';
import { BotService } from './bot.service.js';
import { OrderNewsService } from './order-news.service.js';

/** For worker alone: it handles the jobs and reactions of conversations. */
@Module({ imports: [MessagingModule, CatalogModule, OrdersModule, TemplatesModule], providers: [BotService, OrderNewsService] })
export class BotModule {}
