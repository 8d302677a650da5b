import { Module } from '@nestjs/common';
import { WebhookDeliveryService } from './delivery.service.js';
import { WebhookClient } from './webhook.client.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookService } from './webhook.service.js';
import { WebhookSink } from './webhook.sink.js';

@Module({
  providers: [WebhookService, WebhookDeliveryService, WebhookClient, WebhookSecrets, WebhookSink],
  exports: [WebhookService, WebhookDeliveryService, WebhookSink],
})
export class WebhooksModule {}
