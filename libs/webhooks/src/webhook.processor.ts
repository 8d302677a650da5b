import { Injectable } from '@nestjs/common';
import { drainWebhook, type DrainWebhookJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { Drains } from './drains.js';

@Injectable()
export class WebhookProcessor {
  constructor(private readonly drains: Drains) {}

  @Handles(drainWebhook)
  run(job: DrainWebhookJob): Promise<void> {
    return this.drains.take(job.merchantId, job.webhookId);
  }
}
