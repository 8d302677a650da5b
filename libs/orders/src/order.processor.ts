import { Injectable } from '@nestjs/common';
import { processOrder, type ProcessOrderJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { OrderService } from './order.service.js';

@Injectable()
export class OrderProcessor {
  constructor(private readonly orders: OrderService) {}

  @Handles(processOrder)
  run(job: ProcessOrderJob): Promise<void> {
    return this.orders.process(job.merchantId, job.orderId);
  }
}
