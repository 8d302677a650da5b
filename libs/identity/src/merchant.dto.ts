import { Nested, Optional, PageQuery } from '@soko/common';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsLocale,
  IsObject,
  IsOptional,
  IsString,
  IsTimeZone,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { Type } from 'class-transformer';
import { PLANS, type Plan } from './roles.js';
import { MerchantView } from './identity.dto.js';

/** A part of a day in which the shop is open. */
export class OpeningSpan {
  /** Local time. @example 08:00 */
  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: '$property must be a time such as 08:00' }) from!: string;
  /** Local time, 24:00 for the end of the day. @example 17:30 */
  @Matches(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { message: '$property must be a time such as 17:30' }) to!: string;
}

/** At most four spans. */
function Day(): PropertyDecorator {
  return (target, key) => {
    const each = { each: true };
    for (const decorate of [
      Optional(),
      IsArray(),
      ArrayMaxSize(4),
      IsObject(each),
      ValidateNested(each),
      Type(() => OpeningSpan),
    ])
      decorate(target, key);
  };
}

/** In the merchant's time zone; a day that is missing or empty is closed. */
export class OpeningHours {
  @Day() monday?: OpeningSpan[];
  @Day() tuesday?: OpeningSpan[];
  @Day() wednesday?: OpeningSpan[];
  @Day() thursday?: OpeningSpan[];
  @Day() friday?: OpeningSpan[];
  @Day() saturday?: OpeningSpan[];
  @Day() sunday?: OpeningSpan[];
}

/** Only what is given changes. The currency does not: prices and orders are in it. */
export class UpdateMerchantBody {
  /** @example "Mbare Market" */
  @Optional() @IsString() @Length(1, 200) name?: string;
  /** IANA name. @example Africa/Harare */
  @Optional() @Length(1, 64) @IsTimeZone() timezone?: string;
  /** BCP 47. @example en */
  @Optional() @Length(2, 35) @IsLocale() locale?: string;
  @Optional() @Nested(() => OpeningHours) openingHours?: OpeningHours;
  /** Hours after which a customer is reminded, once, of a cart that was left; null for never. @example 3 */
  @IsOptional() @IsInt() @Min(1) @Max(23) cartReminderHours?: number | null;
  /** Minutes after which the bot takes up a chat again that a person has; null for not before it is released. @example 120 */
  @IsOptional() @IsInt() @Min(1) @Max(43_200) handoverMinutes?: number | null;
  /** The bot answers no customer; what they write waits for a person. @example false */
  @Optional() @IsBoolean() botPaused?: boolean;
}

export class LimitView {
  /** @example 6000 */
  requests!: number;
  /** @example 900 */
  windowSeconds!: number;
}
export class LimitsView {
  api!: LimitView;
  messages!: LimitView;
  uploads!: LimitView;
}

export class InboundSecretView {
  /** When the one that counts was made. */
  createdAt!: string;
  /** Until then the one before counts, too. @example 2026-11-25T09:30:00.000Z */
  oldValidUntil?: string;
}
export class NewInboundSecretView extends InboundSecretView {
  /** Shown this once. @example whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo= */
  secret!: string;
}

export class MerchantProfileView extends MerchantView {
  openingHours?: OpeningHours;
  /** @example 3 */
  cartReminderHours?: number;
  /** @example 120 */
  handoverMinutes?: number;
  /** The bot answers no customer now. @example true */
  botPaused?: boolean;
  /** @example standard */
  plan!: Plan;
  /** What the plan allows. */
  limits!: LimitsView;
  createdAt!: string;
  /** Of the secret that the merchant’s own systems sign their calls with; missing while there is none. */
  inboundSecret?: InboundSecretView;
}

export class AdminMerchantQuery extends PageQuery {
  /** Part of the name. @example market */
  @Optional() @IsString() @Length(1, 100) q?: string;
}
export class ChangePlanBody {
  /** @example trial */
  @IsIn(PLANS) plan!: Plan;
}
