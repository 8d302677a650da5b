import { IsBoolean, IsIn, IsInt, IsISO8601, IsObject, IsOptional, IsString, IsUUID } from 'class-validator';
import { IsPhone, MoneyInput, Nested, NestedList } from '@soko/common';
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

const COUNTERPART_STATES = ['unknown', 'approved', 'pending', 'rejected', 'paused', 'disabled', 'missing'];

class MessageData {
  @IsUUID() messageId!: string;
  @IsUUID() chatId!: string;
  @IsUUID() channelId!: string;
  @IsString() messageType!: string;
  @IsString() text!: string;
  @IsOptional() @IsString() waMessageId?: string;
}
/** Whom a message is from or to: WhatsApp may hide a number behind a user id or a lid, and then tells that alone. */
class PersonalMessageData extends MessageData {
  @IsUUID() contactId!: string;
}
export class MessageReceivedData extends PersonalMessageData {
  @IsOptional() @IsPhone() from?: string;
}
export const messageReceived = defineEvent('message_received', MessageReceivedData, (data) => data.chatId);

export class MessageSentData extends PersonalMessageData {
  @IsOptional() @IsPhone() to?: string;
}
export const messageSent = defineEvent('message_sent', MessageSentData, (data) => data.chatId);

export class MessageFailedData extends PersonalMessageData {
  @IsOptional() @IsPhone() to?: string;
  /** Why, for programs, for example `window_closed`. */
  @IsString() code!: string;
  /** Why, for people. */
  @IsString() reason!: string;
}
export const messageFailed = defineEvent('message_failed', MessageFailedData, (data) => data.chatId);

export class ContactConsentData {
  @IsUUID() contactId!: string;
  @IsOptional() @IsPhone() phone?: string;
  /** The customer has agreed to marketing. */
  @IsBoolean() optedIn!: boolean;
  /** No marketing because the customer wrote STOP, because WhatsApp was told so, or nothing at all because the merchant blocked it. */
  @IsBoolean() optedOut!: boolean;
  @IsBoolean() marketingStopped!: boolean;
  @IsBoolean() blocked!: boolean;
}
export const contactConsentChanged = defineEvent('contact_consent_changed', ContactConsentData, (data) => data.contactId);

export class NumberData {
  @IsUUID() contactId!: string;
  /** Where that was said. */
  @IsUUID() chatId!: string;
  @IsPhone() phone!: string;
}
/** Somebody whose number WhatsApp hides says that this is theirs; it is not proven. */
export const numberClaimed = defineEvent('number_claimed', NumberData, (data) => data.contactId);
/** They have written a code that was sent to that number. */
export const numberProven = defineEvent('number_proven', NumberData, (data) => data.contactId);

class ChatHandedOverData {
  @IsUUID() chatId!: string;
  @IsUUID() contactId!: string;
  /** The user or API key that took the chat; missing where the customer asked for a person. */
  @IsOptional() @IsUUID() by?: string;
  /** When the bot has the chat again by itself. */
  @IsOptional() @IsISO8601() until?: string;
}
/** A person has a chat, or is wanted in it; the bot is silent. */
export const chatHandedOver = defineEvent('chat_handed_over', ChatHandedOverData, (data) => data.chatId);

class BroadcastData {
  @IsUUID() broadcastId!: string;
  @IsString() name!: string;
}
export class BroadcastStartedData extends BroadcastData {
  /** To how many it goes. */
  @IsInt() recipients!: number;
}
export const broadcastStarted = defineEvent('broadcast_started', BroadcastStartedData, (data) => data.broadcastId);

/** How many of its recipients are where; each is in one place. */
export class BroadcastCountsData {
  @IsInt() waiting!: number;
  @IsInt() queued!: number;
  @IsInt() sent!: number;
  @IsInt() delivered!: number;
  @IsInt() read!: number;
  @IsInt() failed!: number;
  @IsInt() skipped!: number;
}
/** Every message has left or failed, or the rest was cancelled. Receipts may come later still. */
export class BroadcastFinishedData extends BroadcastData {
  @IsIn(['done', 'cancelled']) status!: 'done' | 'cancelled';
  @Nested(() => BroadcastCountsData) counts!: BroadcastCountsData;
}
export const broadcastFinished = defineEvent('broadcast_finished', BroadcastFinishedData, (data) => data.broadcastId);

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
  @IsOptional() @IsString() customerName?: string;
  /** Where the customer is told about the order; the merchant's default channel when missing. */
  @IsOptional() @IsUUID() channelId?: string;
  /** The chat that it came out of, if it came out of one. */
  @IsOptional() @IsUUID() chatId?: string;
  @Nested(() => MoneyInput) total!: MoneyInput;
}
export class OrderCreatedData extends OrderData {
  @NestedList(() => OrderItemData, 1, 100) items!: OrderItemData[];
}
export const orderCreated = defineEvent('order_created', OrderCreatedData, (data) => data.orderId);

export class OrderStatusChangedData extends OrderData {
  @IsIn(ORDER_STATUSES) previousStatus!: OrderStatus;
  /** For the customer to read, for example why the order was rejected. */
  @IsOptional() @IsString() reason?: string;
}
export const orderStatusChanged = defineEvent('order_status_changed', OrderStatusChangedData, (data) => data.orderId);

class DriverData {
  /** Of the user; missing when they are not in the team any more. */
  @IsOptional() @IsUUID() id?: string;
  @IsString() name!: string;
}
class DeliveryData {
  @IsUUID() deliveryId!: string;
  @IsUUID() orderId!: string;
  @IsInt() orderNumber!: number;
  @IsPhone() customerPhone!: string;
  @IsOptional() @IsString() customerName?: string;
  @IsOptional() @Nested(() => DriverData) driver?: DriverData;
  /** How often somebody has set out with it. */
  @IsInt() attempt!: number;
}
export class DeliveryAssignedData extends DeliveryData {}
export const deliveryAssigned = defineEvent('delivery_assigned', DeliveryAssignedData, (data) => data.deliveryId);

export class DeliveryStartedData extends DeliveryData {
  /** The customer's page. */
  @IsString() trackingUrl!: string;
}
export const deliveryStarted = defineEvent('delivery_started', DeliveryStartedData, (data) => data.deliveryId);

export class DeliveryCompletedData extends DeliveryData {
  /** What shows it; none when the order was marked as delivered by hand. */
  @IsIn(['code', 'photo', 'none']) proof!: string;
  @IsOptional() @IsUUID() photoId?: string;
}
export const deliveryCompleted = defineEvent('delivery_completed', DeliveryCompletedData, (data) => data.deliveryId);

/** Another try may follow, unless the order is cancelled. */
export class DeliveryFailedData extends DeliveryData {
  @IsString() reason!: string;
}
export const deliveryFailed = defineEvent('delivery_failed', DeliveryFailedData, (data) => data.deliveryId);

export class ProductUpdatedData {
  @IsUUID() productId!: string;
  @IsString() sku!: string;
  @IsString() name!: string;
  @Nested(() => MoneyInput) price!: MoneyInput;
  /** On hand less reserved. */
  @IsInt() available!: number;
  @IsObject() changes!: Record<string, unknown>;
}
export const productUpdated = defineEvent('product_updated', ProductUpdatedData, (data) => data.productId);

/** So few units can still be sold that the merchant wants to know: once, when the line is crossed. */
export class StockLowData {
  @IsUUID() productId!: string;
  @IsString() sku!: string;
  @IsString() name!: string;
  @IsInt() available!: number;
  @IsInt() lowStockAt!: number;
}
export const stockLow = defineEvent('stock_low', StockLowData, (data) => data.productId);

/** The order's goods are kept until `heldUntil`, for it is to be paid first. */
export class OrderHeldData extends OrderData {
  @IsISO8601() heldUntil!: string;
}
export const orderHeld = defineEvent('order_held', OrderHeldData, (data) => data.orderId);

/** It was not paid in time: the goods are for sale again. Money that comes before `payableUntil` takes the order up again. */
export class OrderHoldEndedData extends OrderData {
  @IsISO8601() payableUntil!: string;
}
export const orderHoldEnded = defineEvent('order_hold_ended', OrderHoldEndedData, (data) => data.orderId);

class PaymentData {
  @IsUUID() paymentId!: string;
  @IsUUID() orderId!: string;
  @IsIn(['cash_on_delivery', 'transfer', 'payment_link']) method!: string;
  @IsOptional() @IsIn(['stripe', 'mobile_money']) provider?: string;
  @Nested(() => MoneyInput) amount!: MoneyInput;
}
/** The customer can pay now, by a link or by a transfer. */
export class PaymentRequestedData extends PaymentData {
  @IsOptional() @IsISO8601() expiresAt?: string;
}
export const paymentRequested = defineEvent('payment_requested', PaymentRequestedData, (data) => data.orderId);

export class PaymentReceivedData extends PaymentData {}
export const paymentReceived = defineEvent('payment_received', PaymentReceivedData, (data) => data.orderId);

export class PaymentFailedData extends PaymentData {
  /** For programs. `wrong_amount`: what came in is to be given back. `no_link`: the provider could not be asked. */
  @IsIn(['failed', 'wrong_amount', 'no_link']) code!: string;
  @IsString() reason!: string;
}
export const paymentFailed = defineEvent('payment_failed', PaymentFailedData, (data) => data.orderId);

/** `amount` has gone back to the customer. */
export class PaymentRefundedData extends PaymentData {
  /** All that has gone back of this payment. */
  @Nested(() => MoneyInput) refunded!: MoneyInput;
}
export const paymentRefunded = defineEvent('payment_refunded', PaymentRefundedData, (data) => data.orderId);

/** A person has to give `amount` back. */
export class PaymentRefundDueData extends PaymentData {
  @IsUUID() refundId!: string;
  @IsString() reason!: string;
}
export const paymentRefundDue = defineEvent('payment_refund_due', PaymentRefundDueData, (data) => data.orderId);

class ChannelData {
  @IsUUID() channelId!: string;
  @IsIn(['simulator', 'cloud', 'baileys']) kind!: string;
  @IsOptional() @IsString() phone?: string;
  @IsOptional() @IsString() reason?: string;
}
export class BotConnectedData extends ChannelData {}
export const botConnected = defineEvent('bot_connected', BotConnectedData, (data) => data.channelId);
export class BotDisconnectedData extends ChannelData {}
export const botDisconnected = defineEvent('bot_disconnected', BotDisconnectedData, (data) => data.channelId);

/** A phone must scan `qr`, or be told `code`, before `expiresAt`. */
export class ChannelLinkingData extends ChannelData {
  @IsIn(['qr', 'code']) method!: 'qr' | 'code';
  @IsOptional() @IsString() qr?: string;
  @IsOptional() @IsString() code?: string;
  @IsISO8601() expiresAt!: string;
}
export const channelLinking = defineEvent('channel_linking', ChannelLinkingData, (data) => data.channelId);

/** The channel needs somebody: it does not come back by itself, or not soon. `reason` says what to do. */
export class ChannelFailedData extends ChannelData {}
export const channelFailed = defineEvent('channel_failed', ChannelFailedData, (data) => data.channelId);

/** WhatsApp lets the channel start no new chats until `until`; chats that exist go on. */
export class ChannelRestrictedData extends ChannelData {
  @IsISO8601() until!: string;
}
export const channelRestricted = defineEvent('channel_restricted', ChannelRestrictedData, (data) => data.channelId);

class CounterpartData {
  @IsString() name!: string;
  @IsString() language!: string;
}
/** Meta's approval of a template has changed. It is used outside the window while it is `approved`. */
export class TemplateStateChangedData {
  @IsUUID() templateId!: string;
  @IsString() name!: string;
  @IsString() language!: string;
  /** As it is called at Meta. */
  @Nested(() => CounterpartData) counterpart!: CounterpartData;
  /** unknown, approved, pending, rejected, paused, disabled or missing. */
  @IsIn(COUNTERPART_STATES) previousState!: string;
  @IsIn(COUNTERPART_STATES) state!: string;
  /** Meta's words. */
  @IsOptional() @IsString() reason?: string;
}
export const templateStateChanged = defineEvent('template_state_changed', TemplateStateChangedData, (data) => data.templateId);

export class MerchantRegisteredData {
  @IsString() name!: string;
  @IsString() locale!: string;
  @IsISO8601() registeredAt!: string;
}
export const merchantRegistered = defineEvent('merchant_registered', MerchantRegisteredData, () => 'merchant');

class WebhookData {
  @IsUUID() webhookId!: string;
  @IsString() url!: string;
}
/** Nothing but failures since `failingSince`: its owner should look. After five days it is switched off. */
export class WebhookFailingData extends WebhookData {
  @IsISO8601() failingSince!: string;
}
export const webhookFailing = defineEvent('webhook_failing', WebhookFailingData, (data) => data.webhookId);
/** Soko has switched a subscription off: the receiver answered 410, or did nothing but fail for five days. */
export class WebhookDisabledData extends WebhookData {
  @IsIn(['gone', 'failing']) reason!: 'gone' | 'failing';
  @IsISO8601() disabledAt!: string;
}
export const webhookDisabled = defineEvent('webhook_disabled', WebhookDisabledData, (data) => data.webhookId);
