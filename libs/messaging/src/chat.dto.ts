import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Matches, Max, Min } from 'class-validator';
import { PageQuery } from '@soko/common';
import type { MessageView } from './message.dto.js';

export class ChatQuery extends PageQuery {
  /** Part of the customer's name or number. */
  @IsOptional() @IsString() @Length(1, 100) q?: string;
  @IsOptional() @IsIn(['unread', 'handover']) status?: 'unread' | 'handover';
}

export class MessageQuery {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit: number = 50;
  @IsOptional() @Type(() => Number) @IsInt() @Min(0) @Max(1_000_000) offset: number = 0;
  /** An ISO time or a message id: only what is older. */
  @IsOptional()
  @Matches(/^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?)$/i, {
    message: 'before must be an ISO time or a message id',
  })
  before?: string;
}

export class ChatContactView {
  id!: string;
  phone!: string;
  name?: string;
}

export class ChatView {
  id!: string;
  channelId!: string;
  contact!: ChatContactView;
  unread!: number;
  /** A person has the chat and the bot is silent. */
  handover!: boolean;
  lastMessage?: MessageView;
  lastMessageAt!: string;
}
