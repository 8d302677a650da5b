import { Injectable } from '@nestjs/common';
import { NotFoundError, type Page } from '@soko/common';
import { Settings } from '@soko/config';
import { Tenancy, type TenantTx } from '@soko/database';
import { type AddPaymentBody, PaymentService, type PaymentView, TooMuchError, WrongCurrencyError } from '@soko/payments';
import { OrderRepository } from './order.repository.js';
import { type OrderRow, titleOf, totalOf } from './order.row.js';
import { OrderService } from './order.service.js';
import { OrderEndedError } from './orders.errors.js';

const HOUR_MS = 3_600_000;
const MOST = 100;

/** What people do about the money of an order. */
@Injectable()
export class OrderPaymentService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly orders: OrderRepository,
    private readonly service: OrderService,
    private readonly payments: PaymentService,
    private readonly settings: Settings,
  ) {}

  /**
   * Writes down money that came in, or asks for it by a link. The order is confirmed once all of it is there.
   * @throws NotFoundError, OrderEndedError, TooMuchError, WrongCurrencyError, PaymentMethodUnavailableError, LinkOpenError
   */
  async add(merchantId: string, orderId: string, body: AddPaymentBody): Promise<PaymentView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const order = await this.orders.lock(tx, orderId);
      if (!order) throw new NotFoundError('order', orderId);
      if (order.status === 'cancelled' || order.status === 'rejected') throw new OrderEndedError(order.status);
      const { due } = await this.payments.balance(tx, orderId, totalOf(order));
      const amount = body.amount ?? due;
      if (amount.currency !== due.currency) throw new WrongCurrencyError(due.currency);
      if (amount.amount > due.amount || amount.amount <= 0) throw new TooMuchError(due);
      const payable = { id: orderId, title: titleOf(order) };
      if (body.method === 'payment_link')
        return this.payments.view(tx, await this.payments.ask(tx, payable, { ...body, amount, expiresAt: this.end(order) }));
      const row = await this.payments.record(tx, payable, { ...body, amount });
      await this.service.settle(tx, orderId);
      return this.payments.view(tx, row);
    });
  }

  /** Oldest first. @throws NotFoundError */
  async list(merchantId: string, orderId: string): Promise<Page<PaymentView>> {
    const data = await this.tenancy.run(merchantId, async (tx: TenantTx) => {
      const order = await this.orders.find(tx, orderId);
      if (!order) throw new NotFoundError('order', orderId);
      return (await this.payments.account(tx, orderId, totalOf(order))).payments;
    });
    return { data, pagination: { limit: MOST, hasMore: false } };
  }

  /** A link is good for as long as its order waits for it. */
  private end({ hold, held_until: until }: OrderRow): Date {
    const lapse = this.settings.ORDER_LAPSE_HOURS * HOUR_MS;
    return hold === 'lapsed' ? until! : new Date((until?.getTime() ?? Date.now()) + lapse);
  }
}
