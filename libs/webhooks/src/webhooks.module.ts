import { Module } from '@nestjs/common';
import { WebhookDeliveryService } from './delivery.service.js';
import { WebhookClient } from './webhook.client.js';
import { WebhookService } from './webhook.service.js';
import { WebhookSink } from './webhook.sink.js';

@Module({
  providers: [WebhookService, WebhookDeliveryService, WebhookClient, WebhookSink],
  exports: [WebhookService, WebhookDeliveryService, WebhookSink],
})
export class WebhooksModule {}
