import { Injectable } from '@nestjs/common';
import { ProductService } from '@soko/catalog';
import type { TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import type { Unanswered } from '@soko/messaging';
import { type CustomerOrder, OrderService } from '@soko/orders';
import { PaymentService } from '@soko/payments';
import { spokenBy } from './language.js';
import { dayOf, openAt } from './opening-hours.js';
import type { MerchantData, PastOrder } from './turn.js';
import type { Remembered } from './conversation.store.js';

const ORDERS_SHOWN = 3;

/** Gathers what the bot may know when it answers a message. */
@Injectable()
export class CustomerDataService {
  constructor(
    private readonly merchants: MerchantService,
    private readonly products: ProductService,
    private readonly orders: OrderService,
    private readonly payments: PaymentService,
  ) {}

  async of(tx: TenantTx, message: Unanswered, { cart, awayOn }: Remembered): Promise<MerchantData> {
    // What somebody has told us to be called at proves nothing: orders of that number may be another's.
    const customer = { chatId: message.chatId, phone: message.provenPhone };
    const [{ name, locale, timezone, openingHours }, orders, products, paymentMethods] = await Promise.all([
      this.merchants.shop(tx),
      this.orders.newestOf(tx, customer, ORDERS_SHOWN),
      this.products.offered(tx),
      this.payments.choices(tx),
    ]);
    const now = new Date();
    const opening = openAt(openingHours, timezone, now);
    return {
      name,
      locale,
      timezone,
      products,
      paymentMethods,
      cart,
      orders: orders.map(pastOrder),
      ...(opening.open || awayOn === dayOf(timezone, now) ? {} : { away: opening }),
      ...spokenBy(message),
      ...(message.phone ? {} : { phoneMissing: true }),
    };
  }
}

const pastOrder = ({ number, status, total, items, destination }: CustomerOrder): PastOrder => ({
  number,
  status,
  total,
  lines: items.map(({ productId, name, quantity }) => ({ productId, name, quantity })),
  ...(destination ? { delivery: destination } : {}),
});
