import { Module } from '@nestjs/common';
import { CatalogModule } from '@soko/catalog';
import { DeliveriesModule } from '@soko/deliveries';
import { PaymentsModule } from '@soko/payments';
import { FulfilmentService } from './fulfilment.service.js';
import { OrderPaymentService } from './order-payment.service.js';
import { OrderRepository } from './order.repository.js';
import { OrderService } from './order.service.js';

@Module({
  imports: [CatalogModule, DeliveriesModule, PaymentsModule],
  providers: [OrderRepository, OrderService, OrderPaymentService, FulfilmentService],
  exports: [OrderService, OrderPaymentService, FulfilmentService],
})
export class OrdersModule {}
