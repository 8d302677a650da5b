import { IsBoolean, IsIn, IsInt, IsNumber, IsString, IsUUID, Length, Matches, Max, Min } from 'class-validator';
import { IsPhone, Nested, Optional } from '@soko/common';
import type { ChannelKind, ChannelStatus } from './channel.entity.js';

const KINDS = ['simulator', 'cloud', 'baileys'] as const;
const DIGITS = /^\d{5,25}$/;

/** What a kind of channel needs to know, and how fast it may go. Secrets are written and never read again. */
export class ChannelConfigBody {
  /** Of a cloud channel: the id of the number at Meta, not the number. @example "106540352242922" */
  @Optional() @Matches(DIGITS, { message: 'phoneNumberId must be digits only' }) phoneNumberId?: string;
  /** Of a cloud channel: the WhatsApp Business Account. @example "102290129340398" */
  @Optional() @Matches(DIGITS, { message: 'wabaId must be digits only' }) wabaId?: string;
  /** Of a cloud channel: a permanent token of a system user. @example EAAJB... */
  @Optional() @IsString() @Length(1, 1024) accessToken?: string;
  /** Of a cloud channel: signs what Meta sends to us. @example 5f2b1c8e0d */
  @Optional() @IsString() @Length(1, 256) appSecret?: string;
  /** Of a cloud channel: any word of yours; give the same one to Meta. @example my-verify-token */
  @Optional() @IsString() @Length(1, 256) verifyToken?: string;
  /** Of a cloud channel: what Meta allows the number. 80 when missing. @example 80 */
  @Optional() @IsInt() @Min(1) @Max(1_000) messagesPerSecond?: number;
  /** Of a baileys channel: with how many people it may begin a chat in 24 hours. When missing, few at first and more with its age. @example 50 */
  @Optional() @IsInt() @Min(0) @Max(100_000) newChatsPerDay?: number;
  /** Of a baileys channel: seconds between two chats that it begins, at least. 4 when missing. @example 4 */
  @Optional() @IsNumber() @Min(0) @Max(3_600) newChatGapSeconds?: number;
}

export class CreateChannelBody {
  /** @example "Shop phone" */
  @IsString() @Length(1, 100) name!: string;
  /** @example simulator */
  @IsIn(KINDS) kind!: ChannelKind;
  /** The number that customers write to. @example +263771000000 */
  @Optional() @IsPhone() phone?: string;
  /** What its kind needs: cloud `phoneNumberId`, `accessToken`, `appSecret` and `verifyToken`; the others nothing. @example {} */
  @Optional() @Nested(() => ChannelConfigBody) config?: ChannelConfigBody;
}

export class UpdateChannelBody {
  /** @example "Shop phone" */
  @Optional() @IsString() @Length(1, 100) name?: string;
  /** @example +263771000000 */
  @Optional() @IsPhone() phone?: string;
  /** Makes it the default; there always is one, so false is refused. @example true */
  @Optional() @IsBoolean() @IsIn([true]) isDefault?: true;
  /** Only what is given changes. @example { "newChatsPerDay": 50 } */
  @Optional() @Nested(() => ChannelConfigBody) config?: ChannelConfigBody;
}

export class ChannelView {
  id!: string;
  /** @example "Shop phone" */
  name!: string;
  /** @example simulator */
  kind!: ChannelKind;
  /** @example +263771000000 */
  phone?: string;
  /** @example true */
  isDefault!: boolean;
  /** @example connected */
  status!: ChannelStatus;
  /** What has happened, or what to do. @example "the phone has removed this device" */
  reason?: string;
  /** Without the secrets. @example { "newChatsPerDay": 50 } */
  config!: Record<string, unknown>;
  /** WhatsApp lets it begin no chats until then; those that exist go on. @example 2026-11-25T08:00:00.000Z */
  restrictedUntil?: string;
  createdAt!: string;
}

export class ChannelStatusQuery {
  /** The default channel when missing. */
  @Optional() @IsUUID() channelId?: string;
}

export class ChannelStatusView {
  channelId!: string;
  /** @example simulator */
  kind!: ChannelKind;
  /** @example connected */
  status!: ChannelStatus;
  /** @example +263771000000 */
  phone?: string;
  lastConnectedAt?: string;
  /** @example "the phone is offline" */
  reason?: string;
}

export class QrView {
  /** What the phone must scan. @example "https://wa.me/settings/linked_devices#2@..." */
  qr!: string;
  /** The same as a picture, a data URL. @example "data:image/png;base64,iVBORw0KGgo=" */
  png!: string;
  expiresAt!: string;
}

export class PairingCodeBody {
  /** The number of the phone that shall be linked. @example +263771000000 */
  @IsPhone() phone!: string;
}

export class PairingCodeView {
  /** To be typed on the phone, under Linked devices. @example ABCD1234 */
  code!: string;
  expiresAt!: string;
}
