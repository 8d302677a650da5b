import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';
import { type DeadLetterKind, KINDS } from './dead-letters.js';

const STATUSES = ['dead', 'retrying'] as const;
export const MOST_AT_ONCE = 500;

export class DeadLetterQuery extends PageQuery {
  /** @example inbound_message */
  @Optional() @IsIn(KINDS) kind?: DeadLetterKind;
  /** Of this merchant alone. */
  @Optional() @IsUUID() merchantId?: string;
  /** Part of why it failed, in either case. @example timeout */
  @Optional() @IsString() @Length(1, 200) reason?: string;
  /** @example dead */
  @Optional() @IsIn(STATUSES) status?: (typeof STATUSES)[number];
}

/** Letters by their ids, or all of a kind that fit the rest. Only those that are dead: what is being retried is left alone. */
export class DeadLetterSelection {
  /** These, whatever else is said. @example ["01990000-0000-7000-8000-000000000001"] */
  @Optional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(MOST_AT_ONCE) @IsUUID(undefined, { each: true }) ids?: string[];
  /** @example webhook_delivery */
  @Optional() @IsIn(KINDS) kind?: DeadLetterKind;
  /** Of this merchant alone. */
  @Optional() @IsUUID() merchantId?: string;
  /** Part of why they failed, in either case. @example timeout */
  @Optional() @IsString() @Length(1, 200) reason?: string;
  /** How many at most; the answer tells where to go on. @example 100 */
  @Optional() @IsInt() @Min(1) @Max(MOST_AT_ONCE) limit?: number;
  /** `next` of the answer before. @example 01990000-0000-7000-8000-000000000001 */
  @Optional() @IsUUID() after?: string;
}

export class DeadLettersTakenView {
  /** How many there were. @example 100 */
  count!: number;
  /** Where to go on, as `after`; missing when there were no more. @example 01990000-0000-7000-8000-000000000001 */
  next?: string;
}

export class DeadLetterView {
  id!: string;
  merchantId!: string;
  /** @example inbound_message */
  kind!: DeadLetterKind;
  /** Names what it is about among all of its kind: the id of a message or of a delivery, or a reaction and its event. @example 01990000-0000-7000-8000-000000000001 */
  reference!: string;
  /** Where it belongs: a channel, a chat, a subscription. */
  subjectId?: string;
  /** Why it failed the last time. @example "a message without an id" */
  reason!: string;
  /** `retrying`: back in its own queue, and dead again if it fails there; forgotten after a week. @example dead */
  status!: (typeof STATUSES)[number];
  /** Tries since it was put aside that have failed. @example 2 */
  attempts!: number;
  firstFailedAt!: string;
  lastFailedAt!: string;
  /** When it is tried again by itself; it rests when missing. */
  nextTryAt?: string;
}

export class DeadLetterDetailView extends DeadLetterView {
  /** The beginning of what could not be stored, of inbound messages. @example "{ … }" */
  payload?: string;
}
