import { ArrayMaxSize, ArrayUnique, IsArray, IsBoolean, IsString, Length, ValidateIf } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';

export class ContactQuery extends PageQuery {
  /** Part of the customer's name or number. @example rudo */
  @Optional() @IsString() @Length(1, 100) q?: string;
  /** Only those with this tag. @example wholesale */
  @Optional() @IsString() @Length(1, 50) tag?: string;
}

export class UpdateContactBody {
  /** What the merchant calls the customer; it stays whatever they call themselves. @example "Rudo from the market" */
  @Optional() @IsString() @Length(1, 200) name?: string;
  /** Nothing is sent to a blocked customer, and the bot does not answer them; what they write is still stored. @example false */
  @Optional() @IsBoolean() blocked?: boolean;
  /** The merchant's notes about the customer, in place of those that there are. @example ["wholesale"] */
  @Optional()
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  tags?: string[];
  /** The customer agreed to marketing, as `optInSource` says; or takes it back. Whoever wrote STOP must write START themselves. @example true */
  @Optional() @IsBoolean() optedIn?: boolean;
  /** Where and how they agreed. @example "Signed at the till" */
  @ValidateIf((body: UpdateContactBody) => body.optedIn === true || body.optInSource !== undefined)
  @IsString()
  @Length(1, 200)
  optInSource?: string;
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
  /** What the customer speaks with the bot: chosen, or made out from their words. @example fr */
  language?: string;
  /** The merchant's notes. @example ["wholesale"] */
  tags!: string[];
  /** When the customer agreed to marketing; broadcasts of it go to nobody else. */
  optedInAt?: string;
  /** Where: as the merchant said, or by the customer's own word (START) in the chat. @example "Signed at the till" */
  optInSource?: string;
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
