import { type Role, TEAM_ROLES, type TeamRole } from './roles.js';
import { IsNewPassword } from './password.js';
import { Transform } from 'class-transformer';
import { Nested, Optional } from '@soko/common';
import { IsEmail, IsIn, IsISO4217CurrencyCode, IsLocale, IsString, IsTimeZone, Length } from 'class-validator';

const lowerCase = () =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().toLowerCase() : value));

export class RegisterMerchantBody {
  /** @example "Mbare Market" */
  @IsString() @Length(1, 200) name!: string;
  /** ISO 4217; USD when missing. @example USD */
  @Optional() @Length(3, 3) @IsISO4217CurrencyCode() currency?: string;
  /** IANA name; UTC when missing. @example Africa/Harare */
  @Optional() @Length(1, 64) @IsTimeZone() timezone?: string;
  /** BCP 47; en when missing. @example en */
  @Optional() @Length(2, 35) @IsLocale() locale?: string;
}

export class RegisterBody {
  /** @example owner@example.com */
  @lowerCase() @IsEmail() @Length(3, 254) email!: string;
  /** 8 characters to 72 bytes: bcrypt reads no more. @example correct-horse-battery */
  @IsNewPassword() password!: string;
  /** @example "Tariro Moyo" */
  @IsString() @Length(1, 200) name!: string;
  @Nested(() => RegisterMerchantBody) merchant!: RegisterMerchantBody;
}

export class LoginBody {
  /** @example owner@example.com */
  @lowerCase() @IsEmail() @Length(3, 254) email!: string;
  /** @example correct-horse-battery */
  @IsString() @Length(1, 72) password!: string;
}

export class ChangePasswordBody {
  /** @example correct-horse-battery */
  @IsString() @Length(1, 72) currentPassword!: string;
  /** 8 characters to 72 bytes. @example staple-correct-horse */
  @IsNewPassword() newPassword!: string;
}

export class CreateUserBody {
  /** Names one person on the whole platform. @example farai@example.com */
  @lowerCase() @IsEmail() @Length(3, 254) email!: string;
  /** @example "Farai Dube" */
  @IsString() @Length(1, 200) name!: string;
  /** @example agent */
  @IsIn(TEAM_ROLES) role!: TeamRole;
  /** To sign in with; 8 characters to 72 bytes. @example correct-horse-battery */
  @IsNewPassword() password!: string;
}

/** Only what is given changes. */
export class UpdateUserBody {
  /** @example "Farai Dube" */
  @Optional() @IsString() @Length(1, 200) name?: string;
  /** @example driver */
  @Optional() @IsIn(TEAM_ROLES) role?: TeamRole;
  /** Ends the person's sessions. @example staple-correct-horse */
  @Optional() @IsNewPassword() password?: string;
}

export class UserView {
  id!: string;
  /** @example owner@example.com */
  email!: string;
  /** @example "Tariro Moyo" */
  name!: string;
  /** @example owner */
  role!: Role;
}
export class TeamUserView extends UserView {
  createdAt!: string;
}
export class MerchantView {
  id!: string;
  /** @example "Mbare Market" */
  name!: string;
  /** @example USD */
  currency!: string;
  /** @example Africa/Harare */
  timezone!: string;
  /** @example en */
  locale!: string;
}
export class MeView {
  user!: UserView;
  merchant!: MerchantView;
}
export class SessionView extends MeView {
  /** @example eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl */
  accessToken!: string;
  /** @example Bearer */
  tokenType!: 'Bearer';
  /** Seconds. @example 604800 */
  expiresIn!: number;
}
