import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsObject, IsString, IsUrl, Length } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';
import { allEvents } from '@soko/contracts';

const EVENT_FILTERS = ['*', ...allEvents().map((event) => event.type)];
const URL_RULES = { protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true };

export class CreateWebhookBody {
  /** Called by POST. @example "https://partner.example.com/hooks" */
  @IsUrl(URL_RULES) @Length(1, 2000) url!: string;
  /** `["*"]` for everything. @example ["order_created"] */
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @IsIn(EVENT_FILTERS, { each: true }) events!: string[];
  @Optional() @IsString() @Length(0, 500) description?: string;
  /** Sent with every call. */
  @Optional() @IsObject() headers?: Record<string, string>;
  @Optional() @IsBoolean() active?: boolean;
}

export class UpdateWebhookBody {
  @Optional() @IsUrl(URL_RULES) @Length(1, 2000) url?: string;
  @Optional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @IsIn(EVENT_FILTERS, { each: true }) events?: string[];
  @Optional() @IsString() @Length(0, 500) description?: string;
  @Optional() @IsObject() headers?: Record<string, string>;
  /** @example false */
  @Optional() @IsBoolean() active?: boolean;
}

export class WebhookView {
  id!: string;
  /** @example "https://partner.example.com/hooks" */
  url!: string;
  /** @example ["order_created"] */
  events!: string[];
  /** @example Accounting */
  description?: string;
  /** Names only: values may be secrets. @example ["X-Token"] */
  headers!: string[];
  /** @example true */
  active!: boolean;
  createdAt!: string;
}
export class CreatedWebhookView extends WebhookView {
  /** `whsec_…`; shown this once. @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk= */
  secret!: string;
}

export class LogQuery extends PageQuery {
  @Optional() @IsIn(['delivered', 'failed']) status?: 'delivered' | 'failed';
  @Optional() @IsIn(EVENT_FILTERS) event?: string;
}
export class WebhookRequestView {
  /** @example "https://partner.example.com/hooks" */
  url!: string;
  /** @example { "webhook-id": "01990000-0000-7000-8000-000000000001" } */
  headers!: Record<string, string>;
}
export class WebhookResponseView {
  /** @example 200 */
  status!: number;
  /** @example ok */
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
  /** @example delivered */
  status!: 'delivered' | 'failed';
  request!: WebhookRequestView;
  response?: WebhookResponseView;
  /** @example 84 */
  durationMs!: number;
  /** @example "the receiver answered 503" */
  error?: string;
  createdAt!: string;
}
