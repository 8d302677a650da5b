import { IsIn, IsInt, IsLatitude, IsLongitude, IsNumber, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { IsPhone, IsTime, Money, Nested, NestedList, Optional, PageQuery } from '@soko/common';
import { ORDER_STATUSES, type OrderStatus } from '@soko/contracts';
import { DeliveryView } from '@soko/deliveries';
import { PAYMENT_METHODS, type PaymentMethod, PaymentView, type Settlement } from '@soko/payments';
import { MANUAL_ACTIONS } from './order-state.js';

export class OrderCustomerBody {
  /** @example +263771234567 */
  @IsPhone() phone!: string;
  /** @example Rudo */
  @Optional() @IsString() @Length(1, 200) name?: string;
}
export class OrderItemBody {
  @IsUUID() productId!: string;
  /** @example 2 */
  @IsInt() @Min(1) @Max(10_000) quantity!: number;
}
export class OrderLocationBody {
  /** @example -17.8292 */
  @IsNumber() @IsLatitude() latitude!: number;
  /** @example 31.0522 */
  @IsNumber() @IsLongitude() longitude!: number;
}
export class OrderDeliveryBody {
  /** @example "12 Samora Machel Ave, Harare" */
  @Optional() @IsString() @Length(1, 500) address?: string;
  @Optional() @Nested(() => OrderLocationBody) location?: OrderLocationBody;
}

export class PlaceOrderBody {
  @Nested(() => OrderCustomerBody) customer!: OrderCustomerBody;
  @NestedList(() => OrderItemBody, 1, 100)
  items!: OrderItemBody[];
  @Optional() @Nested(() => OrderDeliveryBody) delivery?: OrderDeliveryBody;
  @Optional() @IsIn(PAYMENT_METHODS) paymentMethod?: PaymentMethod;
  @Optional() @IsString() @Length(1, 1000) note?: string;
  /** Where the customer hears of the order; the default channel when missing. */
  @Optional() @IsUUID() channelId?: string;
}

export class TransitionBody {
  /** @example cancel */
  @IsIn(MANUAL_ACTIONS) action!: (typeof MANUAL_ACTIONS)[number];
  /** @example "The customer called" */
  @Optional() @IsString() @Length(1, 500) reason?: string;
}

export class OrderQuery extends PageQuery {
  @Optional() @IsIn(ORDER_STATUSES) status?: OrderStatus;
  /** The customer's number. */
  @Optional() @IsPhone() customer?: string;
  /** Not before this time. @example 2026-11-01T00:00:00Z */
  @Optional() @IsTime() from?: string;
  /** Before this time. @example 2036-12-01T00:00:00Z */
  @Optional() @IsTime() to?: string;
}

export class PlacedOrderView {
  id!: string;
  /** @example 42 */
  number!: number;
  /** @example pending */
  status!: OrderStatus;
  total!: Money;
}
export class OrderItemView {
  productId!: string;
  /** @example MAIZE-10 */
  sku!: string;
  /** @example "Maize meal 10 kg" */
  name!: string;
  /** @example 2 */
  quantity!: number;
  unitPrice!: Money;
  total!: Money;
}
export class OrderCustomerView {
  /** @example +263771234567 */
  phone!: string;
  /** @example Rudo */
  name?: string;
}
export class OrderSummaryView extends PlacedOrderView {
  customer!: OrderCustomerView;
  /** @example cash_on_delivery */
  paymentMethod!: string;
  /** @example unpaid */
  paymentStatus!: Settlement;
  /** The goods are kept until then, for the order to be paid. @example 2026-11-24T10:00:00.000Z */
  reservedUntil?: string;
  /** @example "Ring twice" */
  note?: string;
  /** Why it was rejected or cancelled. @example "Only 3 left" */
  reason?: string;
  createdAt!: string;
}
export class OrderHistoryView {
  /** @example pending */
  from?: OrderStatus;
  /** @example confirmed */
  to!: OrderStatus;
  /** `system`, `bot` or a user's id. @example system */
  actor!: string;
  /** @example "The customer called" */
  reason?: string;
  at!: string;
}
export class OrderView extends OrderSummaryView {
  items!: OrderItemView[];
  payments!: PaymentView[];
  delivery?: DeliveryView;
  history!: OrderHistoryView[];
}
