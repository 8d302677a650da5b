import { IsIn, IsUUID } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';

const KINDS = ['inbound_message'] as const;
export type DeadLetterKind = (typeof KINDS)[number];

export class DeadLetterQuery extends PageQuery {
  /** @example inbound_message */
  @Optional() @IsIn(KINDS) kind?: DeadLetterKind;
  /** Of this merchant alone. */
  @Optional() @IsUUID() merchantId?: string;
}

export class DeadLetterView {
  id!: string;
  merchantId!: string;
  /** @example inbound_message */
  kind!: DeadLetterKind;
  /** What it is about: the channel that it came to. */
  subjectId!: string;
  /** Its beginning: what was read of it, or the body that could not be read. @example "{ … }" */
  payload!: string;
  /** Why it failed the last time. @example "a message without an id" */
  reason!: string;
  /** Tries since it was put aside. @example 2 */
  attempts!: number;
  /** When it is tried again by itself; it rests when missing. */
  nextTryAt?: string;
  createdAt!: string;
}
