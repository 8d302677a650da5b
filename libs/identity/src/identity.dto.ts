import { Transform } from 'class-transformer';
import { Nested, Optional } from '@soko/common';
import { IsEmail, IsISO4217CurrencyCode, IsLocale, IsString, IsTimeZone, Length } from 'class-validator';

const lowerCase = () =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().toLowerCase() : value));

export class RegisterMerchantBody {
  /** @example Mbare Market */
  @IsString() @Length(1, 200) name!: string;
  /** ISO 4217; USD when missing. @example USD */
  @Optional() @IsISO4217CurrencyCode() currency?: string;
  /** IANA name; UTC when missing. @example Africa/Harare */
  @Optional() @IsTimeZone() timezone?: string;
  /** BCP 47; en when missing. @example en */
  @Optional() @IsLocale() locale?: string;
}

export class RegisterBody {
  /** @example owner@example.com */
  @lowerCase() @IsEmail() @Length(3, 254) email!: string;
  /** 8 to 72 characters: bcrypt reads no more. @example correct-horse-battery */
  @IsString() @Length(8, 72) password!: string;
  /** @example Tariro Moyo */
  @IsString() @Length(1, 200) name!: string;
  @Nested(() => RegisterMerchantBody) merchant!: RegisterMerchantBody;
}

export class LoginBody {
  /** @example owner@example.com */
  @lowerCase() @IsEmail() @Length(3, 254) email!: string;
  /** @example correct-horse-battery */
  @IsString() @Length(1, 72) password!: string;
}

export class UserView {
  id!: string;
  email!: string;
  name!: string;
  role!: string;
}
export class MerchantView {
  id!: string;
  name!: string;
  currency!: string;
  timezone!: string;
  locale!: string;
}
export class MeView {
  user!: UserView;
  merchant!: MerchantView;
}
export class SessionView extends MeView {
  accessToken!: string;
  /** @example Bearer */
  tokenType!: 'Bearer';
  /** Seconds. */
  expiresIn!: number;
}
