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
  /** No marketing because the customer wrote STOP, because WhatsApp was told so, or nothing at all because the merchant blocked it. */
  @IsBoolean() optedOut!: boolean;
  @IsBoolean() marketingStopped!: boolean;
  @IsBoolean() blocked!: boolean;
}
export const contactConsentChanged = defineEvent('contact_consent_changed', ContactConsentData, (data) => data.contactId);

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

export class MerchantRegisteredData {
  @IsString() name!: string;
  @IsString() locale!: string;
  @IsISO8601() registeredAt!: string;
}
export const merchantRegistered = defineEvent('merchant_registered', MerchantRegisteredData, () => 'merchant');
