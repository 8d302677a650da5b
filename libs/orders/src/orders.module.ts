import { Module } from '@nestjs/common';
import { CatalogModule } from '@soko/catalog';
import { DeliveriesModule } from '@soko/deliveries';
import { OrderRepository } from './order.repository.js';
import { OrderService } from './order.service.js';

@Module({ imports: [CatalogModule, DeliveriesModule], providers: [OrderRepository, OrderService], exports: [OrderService] })
export class OrdersModule {}
