import { IsBoolean, IsIn, IsInt, IsString, IsUUID } from 'class-validator';
import { IsPhone, IsTime, Nested, Optional } from '@soko/common';
import { defineEvent } from './event.js';

class MessageData {
  @IsUUID() messageId!: string;
  @IsUUID() chatId!: string;
  @IsUUID() channelId!: string;
  @IsString() messageType!: string;
  @IsString() text!: string;
  @Optional() @IsString() waMessageId?: string;
}
/** Whom a message is from or to: WhatsApp may hide a number behind a user id or a lid, and then tells that alone. */
class PersonalMessageData extends MessageData {
  @IsUUID() contactId!: string;
}
export class MessageReceivedData extends PersonalMessageData {
  @Optional() @IsPhone() from?: string;
}
export const messageReceived = defineEvent(
  'message_received',
  MessageReceivedData,
  (data) => data.chatId,
  'A customer has written. The message is stored, and the bot may be answering it.',
);

export class MessageSentData extends PersonalMessageData {
  @Optional() @IsPhone() to?: string;
}
export const messageSent = defineEvent(
  'message_sent',
  MessageSentData,
  (data) => data.chatId,
  'A message has left: WhatsApp has taken it.',
);

export class MessageFailedData extends PersonalMessageData {
  @Optional() @IsPhone() to?: string;
  /** Why, for programs, for example `window_closed`. */
  @IsString() code!: string;
  /** Why, for people. */
  @IsString() reason!: string;
}
export const messageFailed = defineEvent(
  'message_failed',
  MessageFailedData,
  (data) => data.chatId,
  'A message does not reach its customer.',
);

export class ContactConsentData {
  @IsUUID() contactId!: string;
  @Optional() @IsPhone() phone?: string;
  /** The customer has agreed to marketing. */
  @IsBoolean() optedIn!: boolean;
  /** No marketing because the customer wrote STOP, because WhatsApp was told so, or nothing at all because the merchant blocked it. */
  @IsBoolean() optedOut!: boolean;
  @IsBoolean() marketingStopped!: boolean;
  @IsBoolean() blocked!: boolean;
}
export const contactConsentChanged = defineEvent(
  'contact_consent_changed',
  ContactConsentData,
  (data) => data.contactId,
  'A customer agreed to marketing, wants none any more, or was blocked or unblocked.',
);

export class NumberData {
  @IsUUID() contactId!: string;
  /** Where that was said. */
  @IsUUID() chatId!: string;
  @IsPhone() phone!: string;
}
export const numberClaimed = defineEvent(
  'number_claimed',
  NumberData,
  (data) => data.contactId,
  'Somebody whose number WhatsApp hides says that this is theirs; it is not proven.',
);
export const numberProven = defineEvent(
  'number_proven',
  NumberData,
  (data) => data.contactId,
  'They have written a code that was sent to that number: it is theirs.',
);

class ChatHandedOverData {
  @IsUUID() chatId!: string;
  @IsUUID() contactId!: string;
  /** The user or API key that took the chat; missing where the customer asked for a person. */
  @Optional() @IsUUID() by?: string;
  /** When the bot has the chat again by itself. */
  @Optional() @IsTime() until?: string;
}
export const chatHandedOver = defineEvent(
  'chat_handed_over',
  ChatHandedOverData,
  (data) => data.chatId,
  'A person has a chat, or is wanted in it; the bot is silent.',
);

class BroadcastData {
  @IsUUID() broadcastId!: string;
  @IsString() name!: string;
}
export class BroadcastStartedData extends BroadcastData {
  /** To how many it goes. */
  @IsInt() recipients!: number;
}
export const broadcastStarted = defineEvent(
  'broadcast_started',
  BroadcastStartedData,
  (data) => data.broadcastId,
  'The first messages of a broadcast are on their way.',
);

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
export class BroadcastFinishedData extends BroadcastData {
  @IsIn(['done', 'cancelled']) status!: 'done' | 'cancelled';
  @Nested(() => BroadcastCountsData) counts!: BroadcastCountsData;
}
export const broadcastFinished = defineEvent(
  'broadcast_finished',
  BroadcastFinishedData,
  (data) => data.broadcastId,
  'Every message of a broadcast has left or failed, or the rest was cancelled. Receipts may come later still.',
);
