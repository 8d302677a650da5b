import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsObject, IsString, IsUUID, Length } from 'class-validator';
import { IsTime, Nested, Optional, PageQuery } from '@soko/common';
import { BROADCAST_STATUSES, type BroadcastStatus } from './broadcast-state.js';

/** What customers speak with the bot. */
const LANGUAGES = ['en', 'fr', 'ar'] as const;
type Language = (typeof LANGUAGES)[number];

/** Where a recipient's message is; each is in one place. */
export const RECIPIENT_RESULTS = ['waiting', 'queued', 'sent', 'delivered', 'read', 'failed', 'skipped'] as const;
export type RecipientResult = (typeof RECIPIENT_RESULTS)[number];

/** Which customers; all that is given must hold. */
export class Segment {
  /** With any of these tags. @example ["wholesale"] */
  @Optional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  tags?: string[];
  /** Who speaks one of these; of whom we do not know it, the merchant's own counts. @example ["en"] */
  @Optional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(3) @IsIn(LANGUAGES, { each: true }) languages?: Language[];
  /** Whether they have ever ordered. @example true */
  @Optional() @IsBoolean() hasOrdered?: boolean;
  /** Their last order is of this time or later. @example 2026-11-01T00:00:00Z */
  @Optional() @IsTime() orderedSince?: string;
  /** Their last order is older than this: who has not ordered for long. @example 2036-12-01T00:00:00Z */
  @Optional() @IsTime() orderedBefore?: string;
}

/** What is said, to whom. */
export class BroadcastPreviewBody {
  /** Each customer gets it in their language, as far as there is one. @example spring_sale */
  @IsString() @Length(1, 512) templateName!: string;
  /** The same for all. `customer`, where the template has it, is each one's own name. @example { "discount": "10 %" } */
  @Optional() @IsObject() variables?: Record<string, unknown>;
  @Nested(() => Segment) segment!: Segment;
  /** The merchant's default channel when missing. */
  @Optional() @IsUUID() channelId?: string;
}

export class CreateBroadcastBody extends BroadcastPreviewBody {
  /** For the merchant's own people. @example "Spring sale" */
  @IsString() @Length(1, 200) name!: string;
  /** It starts by itself then; without it when somebody starts it. */
  @Optional() @IsTime() sendAt?: string;
}

export class BroadcastQuery extends PageQuery {
  @Optional() @IsIn(BROADCAST_STATUSES) status?: BroadcastStatus;
}

export class RecipientQuery extends PageQuery {
  @Optional() @IsIn(RECIPIENT_RESULTS) status?: RecipientResult;
}

export class ExcludedView {
  /** @example 1 */
  blocked!: number;
  /** They wrote STOP. @example 4 */
  optedOut!: number;
  /** They told WhatsApp so. @example 0 */
  marketingStopped!: number;
  /** They have not agreed to marketing. @example 12 */
  notOptedIn!: number;
  /** Their number is hidden, and they have never written to this channel. @example 0 */
  unreachable!: number;
}

export class BroadcastExampleView {
  contactId!: string;
  /** @example +263771234567 */
  phone?: string;
  /** @example Rudo */
  name?: string;
  /** Of the template that was found for them. @example en */
  language!: string;
  /** What they would read. @example "Rudo, all maize meal is 10 % off this week." */
  text!: string;
}

export class BroadcastPreviewView {
  /** How many would get it, were it started now. @example 19 */
  recipients!: number;
  /** Who is in the segment and gets nothing. */
  excluded!: ExcludedView;
  /** The first three of them. */
  examples!: BroadcastExampleView[];
  /** @example ["12 of the segment have not agreed to marketing: they are left out."] */
  warnings!: string[];
}

export class BroadcastView {
  id!: string;
  /** @example "Spring sale" */
  name!: string;
  /** @example running */
  status!: BroadcastStatus;
  /** @example spring_sale */
  templateName!: string;
  /** @example { "discount": "10 %" } */
  variables!: Record<string, unknown>;
  segment!: Segment;
  channelId!: string;
  sendAt?: string;
  /** Why it has paused by itself. @example "The template spring_sale (en) is archived and so cannot be sent." */
  reason?: string;
  startedAt?: string;
  finishedAt?: string;
  createdAt!: string;
}

export class BroadcastCountsView {
  /** @example 0 */
  waiting!: number;
  /** @example 0 */
  queued!: number;
  /** @example 2 */
  sent!: number;
  /** @example 10 */
  delivered!: number;
  /** @example 5 */
  read!: number;
  /** @example 1 */
  failed!: number;
  /** @example 1 */
  skipped!: number;
}

export class BroadcastDetailView extends BroadcastView {
  /** How many it goes to: fixed when it starts, before that as it is now. @example 19 */
  recipients!: number;
  /** Where their messages are; each is in one place. */
  counts!: BroadcastCountsView;
}

export class WhyView {
  /** @example opted_out */
  code!: string;
  /** @example "The customer wrote STOP." */
  message!: string;
}

export class RecipientView {
  contactId!: string;
  /** @example +263771234567 */
  phone?: string;
  /** @example Rudo */
  name?: string;
  /** @example delivered */
  status!: RecipientResult;
  messageId?: string;
  /** Why the message failed, or there is none. */
  why?: WhyView;
}
