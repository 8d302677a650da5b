import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  CreatedWebhookView,
  CreateWebhookBody,
  LogQuery,
  UpdateWebhookBody,
  WebhookLogView,
  WebhookService,
  WebhookView,
} from '@soko/webhooks';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { BadHeaderError, BlockedUrlError } from '@soko/webhooks';

@ApiTags('Webhooks')
@Controller('api/webhooks')
export class WebhooksController {
  constructor(private readonly webhooks: WebhookService) {}

  @Get()
  @Requires('webhooks:read')
  @Paged(WebhookView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<WebhookView>> {
    return this.webhooks.list(merchantId, query);
  }

  /** Subscribes a URL. The answer shows the signing secret this once. */
  @Post()
  @Requires('webhooks:write')
  @Fails(new BlockedUrlError(), new BadHeaderError('content-length'))
  create(@Me() { merchantId }: Caller, @Body() body: CreateWebhookBody): Promise<CreatedWebhookView> {
    return this.webhooks.create(merchantId, body);
  }

  @Get(':id')
  @Requires('webhooks:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<WebhookView> {
    return this.webhooks.get(merchantId, id);
  }

  @Patch(':id')
  @Requires('webhooks:write')
  @Fails(new BlockedUrlError(), new BadHeaderError('content-length'))
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateWebhookBody): Promise<WebhookView> {
    return this.webhooks.update(merchantId, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('webhooks:write')
  remove(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.webhooks.remove(merchantId, id);
  }

  /** Each attempt, newest first. */
  @Get(':id/logs')
  @Requires('webhooks:read')
  @Paged(WebhookLogView)
  logs(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: LogQuery): Promise<Page<WebhookLogView>> {
    return this.webhooks.logs(merchantId, id, query);
  }
}
