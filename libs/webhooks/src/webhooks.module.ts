import { Module } from '@nestjs/common';
import { DrainStore } from './drain-store.js';
import { Drains, DrainToolbox } from './drains.js';
import { Endpoints } from './endpoint.js';
import { EventFeed } from './event-feed.js';
import { Settler } from './settler.js';
import { WebhookGaps } from './webhook-gaps.js';
import { WebhookLogService } from './webhook-log.service.js';
import { OwedDeliveries } from './webhook-owed.js';
import { WebhookRecoveryService } from './webhook-recovery.service.js';
import { WebhookResendService } from './webhook-resend.service.js';
import { WebhookClient } from './webhook.client.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookService } from './webhook.service.js';
import { WebhookSink } from './webhook.sink.js';

@Module({
  providers: [
    WebhookService,
    WebhookLogService,
    WebhookResendService,
    WebhookRecoveryService,
    OwedDeliveries,
    WebhookGaps,
    WebhookClient,
    WebhookSecrets,
    WebhookSink,
  ],
  exports: [
    WebhookService,
    WebhookLogService,
    WebhookResendService,
    WebhookRecoveryService,
    WebhookClient,
    WebhookSecrets,
    WebhookSink,
  ],
})
export class WebhooksModule {}

/** The work of delivering: for the app that serves the queue, which also provides the WebhookProcessor. */
@Module({
  imports: [WebhooksModule],
  providers: [Drains, DrainToolbox, DrainStore, EventFeed, Settler, Endpoints],
  exports: [Drains],
})
export class WebhookDeliveryModule {}
