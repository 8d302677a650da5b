import { Transform, Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { Optional } from '@soko/common';
import { allEvents } from '@soko/contracts';

const TYPES = allEvents().map(({ type }) => type);
/** `a,b`, or the parameter several times. */
const split = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.split(',') : value);

export class StreamQuery {
  /** The id of an event, or a `nextCursor`: what came after it. */
  @Optional() @IsString() @MaxLength(100) after?: string;
  /** Of these types alone: several with commas between, or the parameter several times. */
  @Optional() @Transform(split) @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @IsIn(TYPES, { each: true }) types?: string[];
}

export class EventQuery extends StreamQuery {
  @Optional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit: number = 50;
}

/** What a client of Socket.IO says when it connects. */
export class RealtimeAuth extends StreamQuery {
  @Optional() @IsString() @MaxLength(4_096) token?: string;
}

export class EventView {
  id!: string;
  /** @example order_created */
  type!: string;
  /** When it happened. @example "2026-11-24T09:30:00.000Z" */
  timestamp!: string;
  merchantId!: string;
  /** As the type has it. @example { "orderId": "01990000-0000-7000-8000-000000000001", "number": 1042, "status": "pending" } */
  data!: object;
}
