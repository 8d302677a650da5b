import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page, PageQuery } from '@soko/common';
import { SAMPLE_ID } from './openapi/examples.js';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  ChannelService,
  ChannelStatusQuery,
  ChannelStatusView,
  ChatQuery,
  ChatService,
  ChatView,
  HandoverBody,
  MessageDetailView,
  MessageQuery,
  MessageView,
  QueuedView,
  ScheduleService,
  SendMessageBody,
} from '@soko/messaging';
import { Id } from './input.pipe.js';
import { CountsAs } from './rate-limit.guard.js';
import { SendService } from './send.service.js';
import { Fails, Paged } from './openapi/decorators.js';
import { ContactBlockedError, NoChannelError, NotCancellableError, OptedOutError } from '@soko/messaging';
import { TemplateNotActiveError, TemplateNotFoundError } from '@soko/templates';

@ApiTags('Messages')
@Controller('api/whatsapp')
export class WhatsappController {
  constructor(
    private readonly channels: ChannelService,
    private readonly chats: ChatService,
    private readonly sender: SendService,
    private readonly schedule: ScheduleService,
  ) {}

  @Get('status')
  @Requires('channels:read')
  @Fails(new NoChannelError(), new NotFoundError('channel', SAMPLE_ID))
  status(@Me() { merchantId }: Caller, @Query() query: ChannelStatusQuery): Promise<ChannelStatusView> {
    return this.channels.status(merchantId, query.channelId);
  }

  /** Queues a message. Messages to one chat leave in the order in which they were accepted. */
  @Post('send')
  @HttpCode(202)
  @Requires('messages:write')
  @CountsAs('messages')
  @Fails(
    new NoChannelError(),
    new ContactBlockedError(),
    new OptedOutError(),
    new NotFoundError('channel', SAMPLE_ID),
    new NotFoundError('chat', SAMPLE_ID),
    new NotFoundError('message', SAMPLE_ID),
    new TemplateNotFoundError('order_confirmation', ['en', 'fr']),
    new TemplateNotActiveError('order_confirmation', 'en', 'draft'),
  )
  send(@Me() { merchantId }: Caller, @Body() body: SendMessageBody): Promise<QueuedView> {
    return this.sender.send(merchantId, body);
  }

  @Get('messages/:id')
  @Requires('messages:read')
  message(@Me() { merchantId }: Caller, @Id() id: string): Promise<MessageDetailView> {
    return this.chats.message(merchantId, id);
  }

  /** Takes back a message that is still scheduled for later. */
  @Delete('messages/:id')
  @HttpCode(204)
  @Requires('messages:write')
  @Fails(new NotCancellableError('sent'))
  cancel(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.schedule.cancel(merchantId, id);
  }

  /** Messages that are to be sent later, the next first. */
  @Get('scheduled')
  @Requires('messages:read')
  @Paged(MessageView)
  scheduled(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<MessageView>> {
    return this.schedule.list(merchantId, query);
  }

  /** Newest activity first. */
  @Get('chats')
  @Requires('messages:read')
  @Paged(ChatView)
  list(@Me() { merchantId }: Caller, @Query() query: ChatQuery): Promise<Page<ChatView>> {
    return this.chats.list(merchantId, query);
  }

  /** Newest first. */
  @Get('chats/:id/messages')
  @Requires('messages:read')
  @Paged(MessageView)
  messages(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: MessageQuery): Promise<Page<MessageView>> {
    return this.chats.messages(merchantId, id, query);
  }

  /** A person takes the chat; the bot is silent until it is released, or for some minutes. */
  @Post('chats/:id/handover')
  @HttpCode(204)
  @Requires('messages:write')
  handover(@Me() { merchantId, id: by }: Caller, @Id() id: string, @Body() body: HandoverBody): Promise<void> {
    return this.chats.handover(merchantId, id, body, by);
  }

  /** The bot takes the chat again. */
  @Post('chats/:id/release')
  @HttpCode(204)
  @Requires('messages:write')
  release(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.chats.release(merchantId, id);
  }

  /** A person has read the chat: nothing in it is unread, and the customer sees that. */
  @Post('chats/:id/read')
  @HttpCode(204)
  @Requires('messages:write')
  read(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.chats.markRead(merchantId, id);
  }
}
