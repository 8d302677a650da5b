import { IsBoolean, IsString, Length } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';

export class ContactQuery extends PageQuery {
  /** Part of the customer's name or number. @example rudo */
  @Optional() @IsString() @Length(1, 100) q?: string;
}

export class UpdateContactBody {
  /** What the merchant calls the customer; it stays whatever they call themselves. @example "Rudo from the market" */
  @Optional() @IsString() @Length(1, 200) name?: string;
  /** Nothing is sent to a blocked customer, and the bot does not answer them; what they write is still stored. @example false */
  @Optional() @IsBoolean() blocked?: boolean;
}

export class ContactChatSummary {
  id!: string;
  channelId!: string;
  /** @example 2 */
  unread!: number;
  lastMessageAt!: string;
}

export class ContactView {
  id!: string;
  /** Missing where WhatsApp hides it. @example +263771234567 */
  phone?: string;
  /** The name that the merchant gave, else the customer's own. @example Rudo */
  name?: string;
  /** The customer wrote STOP: no marketing. @example false */
  optedOut!: boolean;
  /** The customer told WhatsApp to stop the merchant's marketing. @example false */
  marketingStopped!: boolean;
  /** By the merchant. @example false */
  blocked!: boolean;
  createdAt!: string;
}

export class ContactDetailView extends ContactView {
  /** One on each channel where they met. */
  chats!: ContactChatSummary[];
}
