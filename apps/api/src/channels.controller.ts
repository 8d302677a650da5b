import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { ChannelService, ChannelView, CreateChannelBody } from '@soko/messaging';
import { Id } from './input.pipe.js';

@ApiTags('Channels')
@ApiBearerAuth()
@Controller('api/channels')
export class ChannelsController {
  constructor(private readonly channels: ChannelService) {}

  @Get()
  @Requires('channels:read')
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<ChannelView>> {
    return this.channels.list(merchantId, query);
  }

  /** A new channel. The merchant's first one becomes its default. */
  @Post()
  @Requires('channels:write')
  create(@Me() { merchantId }: Caller, @Body() body: CreateChannelBody): Promise<ChannelView> {
    return this.channels.create(merchantId, body);
  }

  @Get(':id')
  @Requires('channels:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<ChannelView> {
    return this.channels.get(merchantId, id);
  }

  @Post(':id/connect')
  @HttpCode(202)
  @Requires('channels:write')
  connect(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.channels.want(merchantId, id, 'connected');
  }

  @Post(':id/disconnect')
  @HttpCode(202)
  @Requires('channels:write')
  disconnect(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.channels.want(merchantId, id, 'disconnected');
  }
}
