import { IsIn, IsInt, IsString, IsUUID } from 'class-validator';
import { IsTime, Nested, Optional } from '@soko/common';
import { defineEvent } from './event.js';

const COUNTERPART_STATES = ['unknown', 'approved', 'pending', 'rejected', 'paused', 'disabled', 'missing'];

class ChannelData {
  @IsUUID() channelId!: string;
  @IsIn(['simulator', 'cloud', 'baileys']) kind!: string;
  @Optional() @IsString() phone?: string;
  @Optional() @IsString() reason?: string;
}
export class BotConnectedData extends ChannelData {}
export const botConnected = defineEvent(
  'bot_connected',
  BotConnectedData,
  (data) => data.channelId,
  'A channel is connected: messages come and go.',
);
export class BotDisconnectedData extends ChannelData {}
export const botDisconnected = defineEvent(
  'bot_disconnected',
  BotDisconnectedData,
  (data) => data.channelId,
  'A channel has lost its connection.',
);

export class ChannelLinkingData extends ChannelData {
  @IsIn(['qr', 'code']) method!: 'qr' | 'code';
  @Optional() @IsString() qr?: string;
  @Optional() @IsString() code?: string;
  @IsTime() expiresAt!: string;
}
export const channelLinking = defineEvent(
  'channel_linking',
  ChannelLinkingData,
  (data) => data.channelId,
  'A phone must scan `qr`, or be told `code`, before `expiresAt`.',
);

export class ChannelFailedData extends ChannelData {}
export const channelFailed = defineEvent(
  'channel_failed',
  ChannelFailedData,
  (data) => data.channelId,
  'The channel needs somebody: it does not come back by itself, or not soon. `reason` says what to do.',
);

export class ChannelRestrictedData extends ChannelData {
  @IsTime() until!: string;
}
export const channelRestricted = defineEvent(
  'channel_restricted',
  ChannelRestrictedData,
  (data) => data.channelId,
  'WhatsApp lets the channel start no new chats until `until`; chats that exist go on.',
);

class CounterpartData {
  @IsString() name!: string;
  @IsString() language!: string;
}
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
  @Optional() @IsString() reason?: string;
}
export const templateStateChanged = defineEvent(
  'template_state_changed',
  TemplateStateChangedData,
  (data) => data.templateId,
  "Meta's approval of a template has changed. It is used outside the window while it is `approved`.",
);

export class MerchantRegisteredData {
  @IsString() name!: string;
  @IsString() locale!: string;
  @IsTime() registeredAt!: string;
}
export const merchantRegistered = defineEvent(
  'merchant_registered',
  MerchantRegisteredData,
  () => 'merchant',
  'A merchant was registered.',
);

class WebhookData {
  @IsUUID() webhookId!: string;
  @IsString() url!: string;
}
export class WebhookFailing extends WebhookData {
  @IsTime() failingSince!: string;
  /** Whole days of it so far: 1, then 3. */
  @IsInt() days!: number;
}
export const webhookFailing = defineEvent(
  'webhook_failing',
  WebhookFailing,
  (data) => data.webhookId,
  'Nothing has reached the endpoint since `failingSince`; it is disabled when that lasts for five days.',
);

export class WebhookDisabled extends WebhookData {
  /** `gone`: it answered 410. `failing`: every delivery failed for five days. */
  @IsIn(['gone', 'failing']) reason!: 'gone' | 'failing';
}
export const webhookDisabled = defineEvent(
  'webhook_disabled',
  WebhookDisabled,
  (data) => data.webhookId,
  'Nothing is sent to the endpoint any more until it is enabled again.',
);
