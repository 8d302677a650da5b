import { Injectable } from '@nestjs/common';
import { deliverWebhook, type DeliverWebhookJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { WebhookDeliveryService } from './delivery.service.js';

@Injectable()
export class WebhookProcessor {
  constructor(private readonly deliveries: WebhookDeliveryService) {}

  @Handles(deliverWebhook)
  run(job: DeliverWebhookJob): Promise<void> {
    return this.deliveries.attempt(job.merchantId, job.deliveryId);
  }
}
