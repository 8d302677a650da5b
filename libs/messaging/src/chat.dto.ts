import { Type } from 'class-transformer';
import { IsIn, IsInt, IsString, Length, Max, Min } from 'class-validator';
import { IsTimeOrId, Optional, PageQuery } from '@soko/common';
import type { MessageView } from './message.dto.js';

export class ChatQuery extends PageQuery {
  /** Part of the customer's name or number. @example rudo */
  @Optional() @IsString() @Length(1, 100) q?: string;
  @Optional() @IsIn(['unread', 'handover']) status?: 'unread' | 'handover';
}

export class MessageQuery {
  @Optional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit: number = 50;
  @Optional() @Type(() => Number) @IsInt() @Min(0) @Max(1_000_000) offset: number = 0;
  /** An ISO time or a message id: only what is older. */
  @Optional() @Length(1, 64) @IsTimeOrId() before?: string;
  /** Part of the text. */
  @Optional() @IsString() @Length(1, 100) q?: string;
}

export class ChatContactView {
  id!: string;
  /** Missing where WhatsApp hides it. @example +263771234567 */
  phone?: string;
  /** The name that the merchant gave, else the customer's own. @example Rudo */
  name?: string;
}

export class ChatView {
  id!: string;
  channelId!: string;
  contact!: ChatContactView;
  /** @example 2 */
  unread!: number;
  /** A person has the chat and the bot is silent. @example false */
  handover!: boolean;
  lastMessage?: MessageView;
  lastMessageAt!: string;
}
