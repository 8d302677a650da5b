import { IsTime, Optional, PageQuery } from '@soko/common';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsString, IsUUID, Length } from 'class-validator';
import { SCOPES, type Scope } from './roles.js';

export class CreateApiKeyBody {
  /** @example "Accounting system" */
  @IsString() @Length(1, 100) name!: string;
  /** What the key may do. @example ["orders:read", "events:read"] */
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @IsIn(SCOPES, { each: true }) scopes!: Scope[];
  /** Never when missing. @example 2036-01-01T00:00:00Z */
  @Optional() @IsTime() expiresAt?: string;
}

export class ApiKeyView {
  id!: string;
  /** @example "Accounting system" */
  name!: string;
  /** The end of the key, to know it again by. @example sk_…x7Qa */
  hint!: string;
  /** @example ["orders:read", "events:read"] */
  scopes!: string[];
  /** @example 2036-01-01T00:00:00.000Z */
  expiresAt?: string;
  /** To the minute. @example 2026-11-24T09:30:00.000Z */
  lastUsedAt?: string;
  /** The id of the user who made it. @example 01990000-0000-7000-8000-000000000002 */
  createdBy!: string;
  createdAt!: string;
}
export class CreatedApiKeyView extends ApiKeyView {
  /** Shown this once. @example sk_Zm9yIGV4YW1wbGUgb25seTogdGhpcyBpcyBubyBrZXk */
  key!: string;
}

export class AdminKeyQuery extends PageQuery {
  /** Of this merchant alone. */
  @Optional() @IsUUID() merchantId?: string;
}
export class AdminApiKeyView extends ApiKeyView {
  merchantId!: string;
}
