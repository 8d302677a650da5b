import { IsTime, Optional, PageQuery } from '@soko/common';
import { Matches } from 'class-validator';

/** Names of what the trail follows; each is a table with `SELECT audit_table(…)`. */
export const AUDITED = [
  'merchant',
  'user',
  'staff_phone',
  'api_key',
  'channel',
  'contact',
  'template',
  'product',
  'order',
  'payment',
  'delivery',
  'broadcast',
  'webhook',
  'inbound_secret',
] as const;
const UUID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';

export class AuditQuery extends PageQuery {
  /** A kind of thing (in the plural, if you like), one of them by `kind:id`, or an id. @example product */
  @Optional()
  @Matches(new RegExp(`^((${AUDITED.join('|')})s?(:${UUID})?|${UUID})$`), {
    message: `entity must be one of ${AUDITED.join(', ')}, one of them with an id (product:<id>), or an id`,
  })
  entity?: string;
  /** The id of a user or an API key, or `bot` or `system`. @example system */
  @Optional()
  @Matches(new RegExp(`^(bot|system|${UUID})$`), { message: 'actor must be the id of a user or an API key, bot, or system' })
  actor?: string;
  /** Not before this time. @example 2026-11-01T00:00:00Z */
  @Optional() @IsTime() from?: string;
  /** Before this time. @example 2036-12-01T00:00:00Z */
  @Optional() @IsTime() to?: string;
}

export class AuditActorView {
  /** user, key, bot or system. @example user */
  type!: string;
  /** Of the user or the API key. */
  id?: string;
  /** @example owner */
  role?: string;
}

export class AuditEntryView {
  id!: string;
  /** The place in the merchant's chain, from 1. @example 42 */
  seq!: number;
  /** When it was done. */
  at!: string;
  actor!: AuditActorView;
  /** @example 203.0.113.7 */
  ip?: string;
  /** @example 01990000-0000-7000-8000-000000000001 */
  requestId?: string;
  /** @example product */
  entity!: string;
  entityId!: string;
  /** create, update or delete. @example update */
  action!: string;
  /** The row before; secrets are left out. @example { "name": "Rice 5 kg", "price_amount": 720 } */
  before?: object;
  /** The row after. @example { "name": "Rice 5 kg", "price_amount": 750 } */
  after?: object;
  /** SHA-256 over this entry and the hash of the one before. @example 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 */
  hash!: string;
}
