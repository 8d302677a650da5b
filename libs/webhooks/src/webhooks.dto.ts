import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUrl,
  Length,
  Max,
  Min,
} from 'class-validator';
import { Optional } from '@soko/common';
import { allEvents } from '@soko/contracts';

export const EVENT_FILTERS = ['*', ...allEvents().map((event) => event.type)];
const URL_RULES = { protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true };
const MOST_CALLS = 1_000;

export class CreateWebhookBody {
  /** Called by POST. @example "https://partner.example.com/hooks" */
  @IsUrl(URL_RULES) @Length(1, 2000) url!: string;
  /** `["*"]` for everything. @example ["order_created"] */
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @IsIn(EVENT_FILTERS, { each: true }) events!: string[];
  @Optional() @IsString() @Length(0, 500) description?: string;
  /** Sent with every call. */
  @Optional() @IsObject() headers?: Record<string, string>;
  /** Only events whose `data` has exactly these values in these fields; at most 10. @example { "status": "pending" } */
  @Optional() @IsObject() filters?: Record<string, string | number | boolean>;
  /** Calls a second at most. @example 50 */
  @Optional() @IsInt() @Min(1) @Max(MOST_CALLS) rateLimit?: number;
  /** One call at a time, in the order of the events: one that fails is tried again before the next is sent. @example false */
  @Optional() @IsBoolean() ordered?: boolean;
  @Optional() @IsBoolean() active?: boolean;
}

/** Only what is given changes; null empties a field that may be empty. */
export class UpdateWebhookBody {
  @Optional() @IsUrl(URL_RULES) @Length(1, 2000) url?: string;
  @Optional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @IsIn(EVENT_FILTERS, { each: true }) events?: string[];
  @IsOptional() @IsString() @Length(0, 500) description?: string | null;
  @IsOptional() @IsObject() headers?: Record<string, string> | null;
  /** @example { "status": "pending" } */
  @IsOptional() @IsObject() filters?: Record<string, string | number | boolean> | null;
  /** @example 50 */
  @IsOptional() @IsInt() @Min(1) @Max(MOST_CALLS) rateLimit?: number | null;
  /** @example true */
  @Optional() @IsBoolean() ordered?: boolean;
  /** True takes one up again that was disabled: it is sent what happens from now on. @example false */
  @Optional() @IsBoolean() active?: boolean;
}

/** Calls are held back because most of the last ones failed. */
export class WebhookBreakerView {
  /** `open`: none until `until`; `half_open`: a few, to see whether it is well again. @example open */
  state!: 'open' | 'half_open';
  /** @example 2026-11-21T14:02:30.000Z */
  until?: string;
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
  /** @example { "status": "pending" } */
  filters?: Record<string, string | number | boolean>;
  /** Calls a second at most. @example 50 */
  rateLimit?: number;
  /** @example false */
  ordered!: boolean;
  /** @example true */
  active!: boolean;
  /** Why Soko has disabled it: the endpoint answered 410, or has only failed for five days. @example failing */
  disabledReason?: 'gone' | 'failing';
  disabledAt?: string;
  /** Since when every call has failed. @example 2026-11-21T14:00:00.000Z */
  failingSince?: string;
  breaker?: WebhookBreakerView;
  /** Until when the secret before this one signs too. @example 2026-11-22T14:00:00.000Z */
  oldSecretValidUntil?: string;
  createdAt!: string;
}
export class CreatedWebhookView extends WebhookView {
  /** `whsec_…`; shown this once. @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk= */
  secret!: string;
}

export class RotatedSecretView {
  /** `whsec_…`; shown this once. @example whsec_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk= */
  secret!: string;
  /** Calls are signed with the old secret too, until then. @example 2026-11-22T14:00:00.000Z */
  oldSecretValidUntil!: string;
}
