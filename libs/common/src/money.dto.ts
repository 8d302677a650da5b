import { IsInt, Length, Matches, Max, Min } from 'class-validator';

/** An amount in integer minor units (cents) of an ISO 4217 currency. Never a float. */
export class Money {
  /** Integer minor units (cents). @example 1250 */
  amount!: number;
  /** ISO 4217. @example USD */
  currency!: string;
}

/** Money as it comes in. */
export class MoneyInput {
  /** Integer minor units (cents). @example 1250 */
  @IsInt() @Min(0) @Max(1e12) amount!: number;
  /** ISO 4217 code. @example USD */
  @Length(3, 3) @Matches(/^[A-Z]{3}$/) currency!: string;
}
