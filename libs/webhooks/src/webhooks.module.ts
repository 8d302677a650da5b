import { Module } from '@nestjs/common';
import { WebhookDeliveryService } from './delivery.service.js';
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
    WebhookDeliveryService,
    WebhookClient,
    WebhookSecrets,
    WebhookSink,
  ],
  exports: [WebhookService, WebhookLogService, WebhookResendService, WebhookRecoveryService, WebhookDeliveryService, WebhookSink],
})
export class WebhooksModule {}
