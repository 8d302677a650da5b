import { Injectable } from '@nestjs/common';
import {
  type EventEnvelope,
  orderHoldEnded,
  type OrderHoldEndedData,
  paymentRefunded,
  type PaymentRefundedData,
  paymentRequested,
  type PaymentRequestedData,
} from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { OrderService } from '@soko/orders';
import { PaymentService } from '@soko/payments';
import { Reacts } from '@soko/queues';
import { OrderNewsService } from './order-news.service.js';
import { paymentWords } from './status-words.js';

/** Tells customers what they are to pay and how, and what becomes of their money. */
@Injectable()
export class PaymentNewsService {
  constructor(
    private readonly orders: OrderService,
    private readonly payments: PaymentService,
    private readonly news: OrderNewsService,
  ) {}

  @Reacts(paymentRequested, 'bot.payment-request')
  async ask(tx: TenantTx, { data }: EventEnvelope<PaymentRequestedData>): Promise<void> {
    const { url, transfer, open } = await this.payments.instructions(tx, data.paymentId);
    // Whoever was quicker than the news has paid, or given up.
    if (!open) return;
    const order = { ...(await this.orders.facts(tx, data.orderId)), total: data.amount };
    if (url) await this.news.write(tx, order, 'payment_link', () => ({ link: url }));
    else await this.news.write(tx, order, 'payment_transfer', () => ({ instructions: transfer }));
  }

  @Reacts(orderHoldEnded, 'bot.hold-ended')
  async lapse(tx: TenantTx, { data }: EventEnvelope<OrderHoldEndedData>): Promise<void> {
    await this.news.write(tx, data, 'order_update', (language) => ({ status: paymentWords('lapsed', language) }));
  }

  @Reacts(paymentRefunded, 'bot.refund-news')
  async refunded(tx: TenantTx, { data }: EventEnvelope<PaymentRefundedData>): Promise<void> {
    const order = await this.orders.facts(tx, data.orderId);
    await this.news.write(tx, order, 'order_update', (language) => ({ status: paymentWords('refunded', language, data.amount) }));
  }
}
