import { IsTime, Optional, PageQuery } from '@soko/common';
import { IsIn, IsUUID } from 'class-validator';
import { EVENT_FILTERS } from './webhooks.dto.js';

const EVENT_TYPES = EVENT_FILTERS.filter((type) => type !== '*');
export const TRIGGERS = ['event', 'test', 'replay', 'recovery'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export class LogQuery extends PageQuery {
  @Optional() @IsIn(['delivered', 'failed']) status?: 'delivered' | 'failed';
  @Optional() @IsIn(EVENT_TYPES) event?: string;
  /** Every attempt for one event. */
  @Optional() @IsUUID() eventId?: string;
  @Optional() @IsIn(TRIGGERS) trigger?: Trigger;
}

export class WebhookRequestView {
  /** @example "https://partner.example.com/hooks" */
  url!: string;
  /** Of the merchant's own the names alone. @example { "webhook-id": "01990000-0000-7000-8000-000000000001", "X-Token": "***" } */
  headers!: Record<string, string>;
  /** The event that the body was made of: `GET /api/events` has it. @example 01990000-0000-7000-8000-000000000001 */
  body!: string;
}
export class WebhookResponseView {
  /** @example 200 */
  status!: number;
  /** The first 16 kB. @example ok */
  body!: string;
}
export class WebhookLogView {
  id!: string;
  webhookId!: string;
  eventId!: string;
  /** @example order_created */
  event!: string;
  /** @example 1 */
  attempt!: number;
  /** What led to it: the event itself, or somebody by a test, a replay or a recovery. @example event */
  trigger!: Trigger;
  /** @example delivered */
  status!: 'delivered' | 'failed';
  request!: WebhookRequestView;
  response?: WebhookResponseView;
  /** @example 84 */
  durationMs!: number;
  /** @example "the receiver answered 503" */
  error?: string;
  /** For programs, for example `timeout`, `connection`, `dns`, `tls`, `blocked`, `redirect` or `status`. @example status */
  errorClass?: string;
  /** Missing where no more follow: it was delivered, or given up. */
  nextTryAt?: string;
  createdAt!: string;
}

export class TestWebhookBody {
  /** Whose example is sent; the first that is subscribed to when missing. @example order_created */
  @Optional() @IsIn(EVENT_TYPES) event?: string;
}
/** What is on its way: `GET /api/webhooks/{id}/logs?eventId=` tells what came of it. */
export class ResentView {
  eventId!: string;
  /** @example order_created */
  event!: string;
}

export class RecoverWebhookBody {
  /** Events from then on; at most 30 days ago. @example 2026-11-21T14:00:00Z */
  @IsTime() since!: string;
}
export class RecoveryView {
  id!: string;
  webhookId!: string;
  /** @example 2026-11-21T14:00:00.000Z */
  since!: string;
  /** `stopped`: `reason` says why. @example done */
  status!: 'running' | 'done' | 'stopped';
  /** How many events are sent again. @example 42 */
  recovered!: number;
  /** @example "the subscription is not active any more" */
  reason?: string;
  createdAt!: string;
  finishedAt?: string;
}
