import { Injectable } from '@nestjs/common';
import { ProductService, type ProductView } from '@soko/catalog';
import type { TenantTx } from '@soko/database';
import { DeliveryService, type DeliveryStatus } from '@soko/deliveries';
import { MerchantService, type StaffMember } from '@soko/identity';
import type { Unanswered } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import { BroadcastDataService } from './broadcast-data.service.js';
import { hear } from './input.js';
import { spokenBy } from './language.js';
import { dayBegan } from './opening-hours.js';
import { orderMeant } from './staff-orders.js';
import type { StaffState } from './staff-state.js';
import type { OwnDelivery, StaffData, StockedProduct } from './staff-turn.js';
import { changeIn, type Want, wantOf } from './staff-words.js';

/** The most of a day that a conversation shows. */
const ORDERS = 100;
/** The most that one person has to bring at a time. */
const DELIVERIES = 50;

/** Gathers what the bot may know when somebody of the team writes: what the message can be about, and no more. */
@Injectable()
export class StaffDataService {
  constructor(
    private readonly merchants: MerchantService,
    private readonly products: ProductService,
    private readonly orders: OrderService,
    private readonly deliveries: DeliveryService,
    private readonly broadcasts: BroadcastDataService,
  ) {}

  async of(tx: TenantTx, message: Unanswered, member: StaffMember, state: StaffState): Promise<StaffData> {
    const { locale, timezone } = await this.merchants.shop(tx);
    const heard = hear(message.content);
    const want = wantOf(heard);
    const number = member.role === 'driver' ? undefined : orderMeant(want, state);
    return {
      member,
      locale,
      ...spokenBy(message),
      messageId: message.messageId,
      orders: listsOrders(want) ? await this.ordersSince(tx, dayBegan(timezone, new Date())) : [],
      ...(number === undefined ? {} : { named: await this.orders.numbered(tx, number) }),
      products: showsStock(want, state) ? await this.stocked(tx, wordsFor(want, state)) : [],
      paused: message.shopPaused,
      deliveries: [...(await this.own(tx, member, 'in_transit')), ...(await this.own(tx, member, 'assigned'))],
      ...(await this.broadcasts.of(tx, { heard, want, data: { member } }, state)),
    };
  }

  private async ordersSince(tx: TenantTx, from: Date): Promise<StaffData['orders']> {
    return (await this.orders.list(tx, { from: from.toISOString(), limit: ORDERS })).data;
  }

  private async stocked(tx: TenantTx, words: string | undefined): Promise<StockedProduct[]> {
    return (await this.products.stocked(tx, words)).map(stockedProduct);
  }

  /** Whatever else somebody is, of what they bring they are the driver. */
  private async own(tx: TenantTx, { id }: StaffMember, status: DeliveryStatus): Promise<OwnDelivery[]> {
    return (await this.deliveries.list(tx, { id, role: 'driver' }, { status, limit: DELIVERIES })).data;
  }
}

const listsOrders = (want: Want | undefined): boolean => want?.verb === 'orders' || want?.verb === 'more';
const showsStock = (want: Want | undefined, { step }: StaffState): boolean =>
  want?.verb === 'stock' || step === 'product' || (want?.verb === 'more' && step === 'stock');

/** What is looked for, now or on the page before. */
function wordsFor(want: Want | undefined, state: StaffState): string | undefined {
  if (want?.verb === 'stock') return changeIn(want.rest)?.what ?? want.rest;
  return state.step === 'stock' ? state.words : undefined;
}

const stockedProduct = ({ id, sku, name, description, category, price, available, stock }: ProductView): StockedProduct => ({
  id,
  sku,
  name,
  ...(description ? { description } : {}),
  ...(category ? { category } : {}),
  price,
  available,
  stock,
});
