import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  BadFilterError,
  BadHeaderError,
  BadRecoveryStartError,
  BlockedUrlError,
  CreatedWebhookView,
  CreateWebhookBody,
  EventGoneError,
  LogQuery,
  RecoverWebhookBody,
  RecoveryRunningError,
  RecoveryView,
  ResentView,
  RotatedSecretView,
  TestWebhookBody,
  UpdateWebhookBody,
  WebhookInactiveError,
  WebhookLogService,
  WebhookLogView,
  WebhookRecoveryService,
  WebhookResendService,
  WebhookService,
  WebhookView,
} from '@soko/webhooks';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';

const NO_SUCH_FIELD = 'no event of this subscription can have sku = "RICE" in its data';

@ApiTags('Webhooks')
@Controller('api/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhookService,
    private readonly attempts: WebhookLogService,
    private readonly resends: WebhookResendService,
    private readonly recoveries: WebhookRecoveryService,
  ) {}

  @Get()
  @Requires('webhooks:read')
  @Paged(WebhookView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<WebhookView>> {
    return this.webhooks.list(merchantId, query);
  }

  /** Subscribes a URL to what happens from now on. The answer shows the signing secret this once. */
  @Post()
  @Requires('webhooks:write')
  @Fails(new BlockedUrlError(), new BadHeaderError('content-length'), new BadFilterError(NO_SUCH_FIELD))
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
  @Fails(new BlockedUrlError(), new BadHeaderError('content-length'), new BadFilterError(NO_SUCH_FIELD))
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateWebhookBody): Promise<WebhookView> {
    return this.webhooks.update(merchantId, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('webhooks:write')
  remove(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.webhooks.remove(merchantId, id);
  }

  /** A new signing secret, shown this once. For 24 hours calls are signed with the one before, too; with one before that no more. */
  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Requires('webhooks:write')
  rotateSecret(@Me() { merchantId }: Caller, @Id() id: string): Promise<RotatedSecretView> {
    return this.webhooks.rotateSecret(merchantId, id);
  }

  /** Sends the catalogue's example of one event type, whatever is subscribed to. */
  @Post(':id/test')
  @HttpCode(202)
  @Requires('webhooks:write')
  @Fails(new WebhookInactiveError())
  test(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: TestWebhookBody): Promise<ResentView> {
    return this.resends.test(merchantId, id, body);
  }

  /** Each attempt of the last 30 days, newest first. */
  @Get(':id/logs')
  @Requires('webhooks:read')
  @Paged(WebhookLogView)
  logs(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: LogQuery): Promise<Page<WebhookLogView>> {
    return this.attempts.list(merchantId, id, query);
  }

  @Get('logs/:logId')
  @Requires('webhooks:read')
  log(@Me() { merchantId }: Caller, @Id('logId') logId: string): Promise<WebhookLogView> {
    return this.attempts.get(merchantId, logId);
  }

  /** Sends the event of an attempt again, under the same `webhook-id`. Where a retry is planned, that is made now. */
  @Post('logs/:logId/replay')
  @HttpCode(202)
  @Requires('webhooks:write')
  @Fails(new WebhookInactiveError(), new EventGoneError())
  replay(@Me() { merchantId }: Caller, @Id('logId') logId: string): Promise<ResentView> {
    return this.resends.replay(merchantId, logId);
  }

  /** Sends everything again that has not been delivered since then: what failed, and what happened while the subscription was off. */
  @Post(':id/recover')
  @HttpCode(202)
  @Requires('webhooks:write')
  @Fails(new BadRecoveryStartError(30), new WebhookInactiveError(), new RecoveryRunningError())
  recover(@Me() { merchantId }: Caller, @Id() id: string, @Body() { since }: RecoverWebhookBody): Promise<RecoveryView> {
    return this.recoveries.start(merchantId, id, new Date(since));
  }

  /** Newest first. */
  @Get(':id/recoveries')
  @Requires('webhooks:read')
  @Paged(RecoveryView)
  listRecoveries(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: PageQuery): Promise<Page<RecoveryView>> {
    return this.recoveries.list(merchantId, id, query);
  }

  @Get('recoveries/:recoveryId')
  @Requires('webhooks:read')
  recovery(@Me() { merchantId }: Caller, @Id('recoveryId') recoveryId: string): Promise<RecoveryView> {
    return this.recoveries.get(merchantId, recoveryId);
  }
}
