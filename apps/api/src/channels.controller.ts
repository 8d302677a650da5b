import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery, ValidationError } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  ChannelService,
  ChannelSessionService,
  ChannelView,
  CreateChannelBody,
  GatewaySilentError,
  NotLinkableError,
  NotLinkingError,
  PairingCodeBody,
  PairingCodeView,
  QrView,
  SimulatorOffError,
  UpdateChannelBody,
} from '@soko/messaging';
import { OutsideUnits } from './idempotency.interceptor.js';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';

const NEEDS_CONFIG = new ValidationError([
  { path: 'config.accessToken', code: 'config', message: 'a channel of kind cloud needs accessToken' },
]);
const NOT_LINKING = new NotLinkingError('The channel is not linking; start it with POST /api/channels/:id/connect.');

@ApiTags('Channels')
@Controller('api/channels')
export class ChannelsController {
  constructor(
    private readonly channels: ChannelService,
    private readonly sessions: ChannelSessionService,
  ) {}

  @Get()
  @Requires('channels:read')
  @Paged(ChannelView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<ChannelView>> {
    return this.channels.list(merchantId, query);
  }

  /** A new channel. The merchant's first one becomes its default. One of kind baileys waits for `connect` and a phone to scan its QR code. */
  @Post()
  @Requires('channels:write')
  @Fails(new SimulatorOffError(), NEEDS_CONFIG)
  create(@Me() { merchantId }: Caller, @Body() body: CreateChannelBody): Promise<ChannelView> {
    return this.channels.create(merchantId, body);
  }

  @Get(':id')
  @Requires('channels:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<ChannelView> {
    return this.channels.get(merchantId, id);
  }

  /** Changes what is given. A changed config is taken up at once. */
  @Patch(':id')
  @Requires('channels:write')
  @Fails(NEEDS_CONFIG)
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateChannelBody): Promise<ChannelView> {
    return this.channels.update(merchantId, id, body);
  }

  /** Logs the channel out and removes it. Its chats and messages stay; what waits to be sent by it fails. */
  @Delete(':id')
  @HttpCode(204)
  @Requires('channels:write')
  remove(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.channels.remove(merchantId, id);
  }

  @Post(':id/connect')
  @HttpCode(202)
  @Requires('channels:write')
  connect(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.channels.want(merchantId, id, 'connected');
  }

  /** Leaves the network; what is linked stays linked. */
  @Post(':id/disconnect')
  @HttpCode(202)
  @Requires('channels:write')
  disconnect(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.channels.want(merchantId, id, 'disconnected');
  }

  /** Ends the link for good: the phone forgets this device, and its keys are wiped. */
  @Post(':id/logout')
  @HttpCode(202)
  @Requires('channels:write')
  logout(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.channels.want(merchantId, id, 'logged_out');
  }

  /** What the phone must scan: WhatsApp, Linked devices, Link a device. A new code comes every 20 to 60 seconds. */
  @Get(':id/qr')
  @Requires('channels:write')
  @Fails(NOT_LINKING, new NotLinkableError('cloud'))
  qr(@Me() { merchantId }: Caller, @Id() id: string): Promise<QrView> {
    return this.sessions.qr(merchantId, id);
  }

  /** Links by a code instead of a picture: type it on the phone, under Linked devices, Link with phone number. Idempotency keys mean nothing here. */
  @Post(':id/pairing-code')
  @HttpCode(200)
  @OutsideUnits()
  @Requires('channels:write')
  @Fails(NOT_LINKING, new NotLinkableError('cloud'), new GatewaySilentError())
  pairingCode(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: PairingCodeBody): Promise<PairingCodeView> {
    return this.sessions.pairingCode(merchantId, id, body.phone);
  }
}
