import { IsIn, IsInt, IsObject, IsString, IsUUID } from 'class-validator';
import { IsPhone, IsTime, MoneyInput, Nested, NestedList, Optional } from '@soko/common';
import { defineEvent } from './event.js';

export const ORDER_STATUSES = [
  'pending',
  'confirmed',
  'preparing',
  'out_for_delivery',
  'delivered',
  'rejected',
  'cancelled',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

class OrderItemData {
  @IsUUID() productId!: string;
  @IsString() sku!: string;
  @IsString() name!: string;
  @IsInt() quantity!: number;
  @Nested(() => MoneyInput) unitPrice!: MoneyInput;
}
class OrderData {
  @IsUUID() orderId!: string;
  @IsInt() number!: number;
  @IsIn(ORDER_STATUSES) status!: OrderStatus;
  @IsPhone() customerPhone!: string;
  @Optional() @IsString() customerName?: string;
  /** Where the customer is told about the order; the merchant's default channel when missing. */
  @Optional() @IsUUID() channelId?: string;
  /** The chat that it came out of, if it came out of one. */
  @Optional() @IsUUID() chatId?: string;
  @Nested(() => MoneyInput) total!: MoneyInput;
}
export class OrderCreatedData extends OrderData {
  @NestedList(() => OrderItemData, 1, 100) items!: OrderItemData[];
}
export const orderCreated = defineEvent(
  'order_created',
  OrderCreatedData,
  (data) => data.orderId,
  'A customer has placed an order. Whether its goods are there is told by order_status_changed.',
);

export class OrderStatusChangedData extends OrderData {
  @IsIn(ORDER_STATUSES) previousStatus!: OrderStatus;
  /** For the customer to read, for example why the order was rejected. */
  @Optional() @IsString() reason?: string;
}
export const orderStatusChanged = defineEvent(
  'order_status_changed',
  OrderStatusChangedData,
  (data) => data.orderId,
  'An order took its next step, or was rejected or cancelled.',
);

class DriverData {
  /** Of the user; missing when they are not in the team any more. */
  @Optional() @IsUUID() id?: string;
  @IsString() name!: string;
}
class DeliveryData {
  @IsUUID() deliveryId!: string;
  @IsUUID() orderId!: string;
  @IsInt() orderNumber!: number;
  @IsPhone() customerPhone!: string;
  @Optional() @IsString() customerName?: string;
  @Optional() @Nested(() => DriverData) driver?: DriverData;
  /** How often somebody has set out with it. */
  @IsInt() attempt!: number;
}
export class DeliveryAssignedData extends DeliveryData {}
export const deliveryAssigned = defineEvent(
  'delivery_assigned',
  DeliveryAssignedData,
  (data) => data.deliveryId,
  'A delivery was given to a driver.',
);

export class DeliveryStartedData extends DeliveryData {
  /** The customer's page. */
  @IsString() trackingUrl!: string;
}
export const deliveryStarted = defineEvent(
  'delivery_started',
  DeliveryStartedData,
  (data) => data.deliveryId,
  'The driver has set out, and the customer can follow the way.',
);

export class DeliveryCompletedData extends DeliveryData {
  /** What shows it; none when the order was marked as delivered by hand. */
  @IsIn(['code', 'photo', 'none']) proof!: string;
  @Optional() @IsUUID() photoId?: string;
}
export const deliveryCompleted = defineEvent(
  'delivery_completed',
  DeliveryCompletedData,
  (data) => data.deliveryId,
  'The goods were handed over.',
);

export class DeliveryFailedData extends DeliveryData {
  @IsString() reason!: string;
}
export const deliveryFailed = defineEvent(
  'delivery_failed',
  DeliveryFailedData,
  (data) => data.deliveryId,
  'The goods came back. Another try may follow, unless the order is cancelled.',
);

export class ProductUpdatedData {
  @IsUUID() productId!: string;
  @IsString() sku!: string;
  @IsString() name!: string;
  @Nested(() => MoneyInput) price!: MoneyInput;
  /** On hand less reserved. */
  @IsInt() available!: number;
  @IsObject() changes!: Record<string, unknown>;
}
export const productUpdated = defineEvent(
  'product_updated',
  ProductUpdatedData,
  (data) => data.productId,
  'A product was added, changed or deleted: `changes` tells what of it.',
);

export class StockLowData {
  @IsUUID() productId!: string;
  @IsString() sku!: string;
  @IsString() name!: string;
  @IsInt() available!: number;
  @IsInt() lowStockAt!: number;
}
export const stockLow = defineEvent(
  'stock_low',
  StockLowData,
  (data) => data.productId,
  'So few units can still be sold that the merchant wants to know: once, when the line is crossed.',
);

export class OrderHeldData extends OrderData {
  @IsTime() heldUntil!: string;
}
export const orderHeld = defineEvent(
  'order_held',
  OrderHeldData,
  (data) => data.orderId,
  "The order's goods are kept until `heldUntil`, for it is to be paid first.",
);

export class OrderHoldEndedData extends OrderData {
  @IsTime() payableUntil!: string;
}
export const orderHoldEnded = defineEvent(
  'order_hold_ended',
  OrderHoldEndedData,
  (data) => data.orderId,
  'It was not paid in time: the goods are for sale again. Money that comes before `payableUntil` takes the order up again.',
);

class PaymentData {
  @IsUUID() paymentId!: string;
  @IsUUID() orderId!: string;
  @IsIn(['cash_on_delivery', 'transfer', 'payment_link']) method!: string;
  @Optional() @IsIn(['stripe', 'mobile_money']) provider?: string;
  @Nested(() => MoneyInput) amount!: MoneyInput;
}
export class PaymentRequestedData extends PaymentData {
  @Optional() @IsTime() expiresAt?: string;
}
export const paymentRequested = defineEvent(
  'payment_requested',
  PaymentRequestedData,
  (data) => data.orderId,
  'The customer can pay now, by a link or by a transfer.',
);

export class PaymentReceivedData extends PaymentData {}
export const paymentReceived = defineEvent(
  'payment_received',
  PaymentReceivedData,
  (data) => data.orderId,
  'Money has come in for an order.',
);

export class PaymentFailedData extends PaymentData {
  /** For programs. `wrong_amount`: what came in is to be given back. `no_link`: the provider could not be asked. */
  @IsIn(['failed', 'wrong_amount', 'no_link']) code!: string;
  @IsString() reason!: string;
}
export const paymentFailed = defineEvent(
  'payment_failed',
  PaymentFailedData,
  (data) => data.orderId,
  'A payment came to nothing.',
);

export class PaymentRefundedData extends PaymentData {
  /** All that has gone back of this payment. */
  @Nested(() => MoneyInput) refunded!: MoneyInput;
}
export const paymentRefunded = defineEvent(
  'payment_refunded',
  PaymentRefundedData,
  (data) => data.orderId,
  '`amount` has gone back to the customer.',
);

export class PaymentRefundDueData extends PaymentData {
  @IsUUID() refundId!: string;
  @IsString() reason!: string;
}
export const paymentRefundDue = defineEvent(
  'payment_refund_due',
  PaymentRefundDueData,
  (data) => data.orderId,
  'A person has to give `amount` back.',
);
