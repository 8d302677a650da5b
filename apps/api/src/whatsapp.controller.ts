import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Optional, type Page } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  ChannelService,
  ChannelStatusView,
  ChatQuery,
  ChatService,
  ChatView,
  MessageDetailView,
  MessageQuery,
  MessageView,
  QueuedView,
  SendMessageBody,
} from '@soko/messaging';
import { IsUUID } from 'class-validator';
import { Id } from './input.pipe.js';
import { SendService } from './send.service.js';

class StatusQuery {
  /** The default channel when missing. */
  @Optional() @IsUUID() channelId?: string;
}

@ApiTags('Messages')
@ApiBearerAuth()
@Controller('api/whatsapp')
export class WhatsappController {
  constructor(
    private readonly channels: ChannelService,
    private readonly chats: ChatService,
    private readonly sender: SendService,
  ) {}

  @Get('status')
  @Requires('channels:read')
  status(@Me() { merchantId }: Caller, @Query() query: StatusQuery): Promise<ChannelStatusView> {
    return this.channels.status(merchantId, query.channelId);
  }

  /** Queues a message. Messages to one chat leave in the order in which they were accepted. */
  @Post('send')
  @HttpCode(202)
  @Requires('messages:write')
  send(@Me() { merchantId }: Caller, @Body() body: SendMessageBody): Promise<QueuedView> {
    return this.sender.send(merchantId, body);
  }

  @Get('messages/:id')
  @Requires('messages:read')
  message(@Me() { merchantId }: Caller, @Id() id: string): Promise<MessageDetailView> {
    return this.chats.message(merchantId, id);
  }

  /** Newest activity first. */
  @Get('chats')
  @Requires('messages:read')
  list(@Me() { merchantId }: Caller, @Query() query: ChatQuery): Promise<Page<ChatView>> {
    return this.chats.list(merchantId, query);
  }

  /** Newest first. */
  @Get('chats/:id/messages')
  @Requires('messages:read')
  messages(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: MessageQuery): Promise<Page<MessageView>> {
    return this.chats.messages(merchantId, id, query);
  }

  /** A person takes the chat; the bot is silent. */
  @Post('chats/:id/handover')
  @HttpCode(204)
  @Requires('messages:write')
  handover(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.chats.handover(merchantId, id);
  }

  /** The bot takes the chat again. */
  @Post('chats/:id/release')
  @HttpCode(204)
  @Requires('messages:write')
  release(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.chats.release(merchantId, id);
  }

  @Post('chats/:id/read')
  @HttpCode(204)
  @Requires('messages:write')
  read(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.chats.markRead(merchantId, id);
  }
}
