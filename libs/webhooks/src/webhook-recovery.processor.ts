import { Injectable } from '@nestjs/common';
import { recoverWebhook, type RecoverWebhookJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { WebhookRecoveryService } from './webhook-recovery.service.js';

@Injectable()
export class WebhookRecoveryProcessor {
  constructor(private readonly recoveries: WebhookRecoveryService) {}

  @Handles(recoverWebhook)
  async run({ merchantId, recoveryId }: RecoverWebhookJob): Promise<void> {
    while (await this.recoveries.step(merchantId, recoveryId));
  }
}
