import { Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import { exampleOf } from '@soko/contracts';
import { Tenancy } from '@soko/database';
import type { ResentView, TestWebhookBody } from './webhook-logs.dto.js';
import { readLog } from './webhook-log.service.js';
import { OwedDeliveries } from './webhook-owed.js';
import { EventGoneError, WebhookInactiveError } from './webhooks.errors.js';

/** What a subscription to everything is shown. */
const FAVOURITE = 'order_created';

/** Sends a sample, or one event once more. */
@Injectable()
export class WebhookResendService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly owed: OwedDeliveries,
  ) {}

  /** Filters do not hold it back: it is to be seen. @throws NotFoundError, WebhookInactiveError */
  test(merchantId: string, webhookId: string, { event }: TestWebhookBody): Promise<ResentView> {
    return this.tenancy.run(merchantId, async (tx) => {
      if (!(await this.owed.lock(tx, webhookId))) throw new WebhookInactiveError();
      const [webhook] = await tx.query<{ events: string[] }>('SELECT events FROM webhooks WHERE merchant_id = $1 AND id = $2', [
        merchantId,
        webhookId,
      ]);
      const first = webhook!.events[0]!;
      const type = event ?? (first === '*' ? FAVOURITE : first);
      const eventId = newId();
      await this.owed.ring(tx, webhookId);
      await this.owed.owe(tx, webhookId, { eventId, event: type, position: null, trigger: 'test', sample: exampleOf(type) });
      return { eventId, event: type };
    });
  }

  /** Whatever came of that attempt, under the same `webhook-id`. @throws NotFoundError, WebhookInactiveError, EventGoneError */
  replay(merchantId: string, logId: string): Promise<ResentView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const { webhook_id, event_id: eventId, event_type: event, trigger } = await readLog(tx, logId);
      if (!(await this.owed.lock(tx, webhook_id))) throw new WebhookInactiveError();
      const isTest = trigger === 'test';
      const [known] = await tx.query<{ position: string | null }>(
        'SELECT position FROM events WHERE merchant_id = $1 AND id = $2',
        [merchantId, eventId],
      );
      if (!known && !isTest) throw new EventGoneError();
      await this.owed.ring(tx, webhook_id);
      await this.owed.owe(tx, webhook_id, {
        eventId,
        event,
        position: known?.position ?? null,
        ...(isTest ? { trigger: 'test' as const, sample: exampleOf(event) } : { trigger: 'replay' as const }),
      });
      return { eventId, event };
    });
  }
}
