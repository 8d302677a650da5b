import { Injectable } from '@nestjs/common';
import {
  type EventEnvelope,
  paymentReceived,
  type PaymentReceivedData,
  processOrder,
  type ProcessOrderJob,
} from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { Handles, Reacts } from '@soko/queues';
import { OrderService } from './order.service.js';

@Injectable()
export class OrderProcessor {
  constructor(private readonly orders: OrderService) {}

  @Handles(processOrder)
  run(job: ProcessOrderJob): Promise<void> {
    return this.orders.process(job.merchantId, job.orderId);
  }

  @Reacts(paymentReceived, 'orders.paid')
  paid(tx: TenantTx, { data }: EventEnvelope<PaymentReceivedData>): Promise<void> {
    return this.orders.settle(tx, data.orderId);
  }
}
