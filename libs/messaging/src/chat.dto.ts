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

export class HandoverBody {
  /** After so many minutes the bot has the chat again; without it after the merchant's `handoverMinutes`, if any, or when it is released. @example 60 */
  @Optional() @IsInt() @Min(1) @Max(43_200) minutes?: number;
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
  /** The user or the API key that took it; missing where the customer asked for a person. @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071 */
  handoverBy?: string;
  /** When the bot has it again by itself. @example "2026-11-21T14:00:00Z" */
  handoverUntil?: string;
  lastMessage?: MessageView;
  lastMessageAt!: string;
}
