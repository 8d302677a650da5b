import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import {
  BroadcastDetailView,
  BroadcastPreviewBody,
  BroadcastPreviewService,
  BroadcastPreviewView,
  BroadcastQuery,
  BroadcastService,
  BroadcastTransitionError,
  BroadcastView,
  CreateBroadcastBody,
  NotForBroadcastsError,
  RecipientQuery,
  RecipientView,
} from '@soko/broadcasts';
import { NotFoundError, type Page } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { NoChannelError } from '@soko/messaging';
import { TemplateNotActiveError, TemplateNotFoundError } from '@soko/templates';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { SAMPLE_ID } from './openapi/examples.js';

const UNSENDABLE = [
  new NoChannelError(),
  new NotFoundError('channel', SAMPLE_ID),
  new TemplateNotFoundError('spring_sale'),
  new TemplateNotActiveError('spring_sale', 'en', 'draft'),
  new NotForBroadcastsError('authentication'),
];

@ApiTags('Broadcasts')
@Controller('api/broadcasts')
export class BroadcastsController {
  constructor(
    private readonly broadcasts: BroadcastService,
    private readonly previews: BroadcastPreviewService,
  ) {}

  /** Newest first. */
  @Get()
  @Requires('messages:read')
  @Paged(BroadcastView)
  list(@Me() { merchantId }: Caller, @Query() query: BroadcastQuery): Promise<Page<BroadcastView>> {
    return this.broadcasts.list(merchantId, query);
  }

  /** A draft, which somebody starts, or with `sendAt` the clock. Marketing goes to those alone who have agreed to it. */
  @Post()
  @Requires('messages:write')
  @Fails(...UNSENDABLE)
  create(@Me() { merchantId }: Caller, @Body() body: CreateBroadcastBody): Promise<BroadcastDetailView> {
    return this.broadcasts.create(merchantId, body);
  }

  /** How many would get it, who would not, and what the first of them would read. Nothing is sent or stored. */
  @Post('preview')
  @HttpCode(200)
  @Requires('messages:read')
  @Fails(...UNSENDABLE)
  preview(@Me() { merchantId }: Caller, @Body() body: BroadcastPreviewBody): Promise<BroadcastPreviewView> {
    return this.previews.preview(merchantId, body);
  }

  @Get(':id')
  @Requires('messages:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<BroadcastDetailView> {
    return this.broadcasts.get(merchantId, id);
  }

  /** What became of each message, in the order in which they are written; nobody before it has started. */
  @Get(':id/recipients')
  @Requires('messages:read')
  @Paged(RecipientView)
  recipients(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: RecipientQuery): Promise<Page<RecipientView>> {
    return this.broadcasts.recipients(merchantId, id, query);
  }

  /** Now, also where it was scheduled for later. Who gets it is fixed by this. */
  @Post(':id/start')
  @HttpCode(200)
  @Requires('messages:write')
  @Fails(new BroadcastTransitionError('done', 'start'))
  start(@Me() { merchantId }: Caller, @Id() id: string): Promise<BroadcastDetailView> {
    return this.broadcasts.take(merchantId, id, 'start');
  }

  /** From now on nothing more of it is queued. The few messages that are queued already go. */
  @Post(':id/pause')
  @HttpCode(200)
  @Requires('messages:write')
  @Fails(new BroadcastTransitionError('draft', 'pause'))
  pause(@Me() { merchantId }: Caller, @Id() id: string): Promise<BroadcastDetailView> {
    return this.broadcasts.take(merchantId, id, 'pause');
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Requires('messages:write')
  @Fails(new BroadcastTransitionError('running', 'resume'))
  resume(@Me() { merchantId }: Caller, @Id() id: string): Promise<BroadcastDetailView> {
    return this.broadcasts.take(merchantId, id, 'resume');
  }

  /** For good. What is queued and not on its way yet is taken back too. */
  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('messages:write')
  @Fails(new BroadcastTransitionError('done', 'cancel'))
  cancel(@Me() { merchantId }: Caller, @Id() id: string): Promise<BroadcastDetailView> {
    return this.broadcasts.take(merchantId, id, 'cancel');
  }
}
