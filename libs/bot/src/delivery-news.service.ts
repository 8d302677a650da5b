import { Injectable } from '@nestjs/common';
import { type DeliveryStartedData, deliveryStarted, type EventEnvelope } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { OrderService } from '@soko/orders';
import { Reacts } from '@soko/queues';
import { OrderNewsService } from './order-news.service.js';

/** Another try of a delivery: its order stays where it is and so has no news, but the customer needs the new code. */
@Injectable()
export class DeliveryNewsService {
  constructor(
    private readonly orders: OrderService,
    private readonly news: OrderNewsService,
  ) {}

  @Reacts(deliveryStarted, 'bot.delivery-news')
  async run(tx: TenantTx, { data: { orderId, attempt } }: EventEnvelope<DeliveryStartedData>): Promise<void> {
    // With the first one the order goes on its way, and that is told.
    if (attempt > 1) await this.news.tell(tx, await this.orders.facts(tx, orderId));
  }
}
