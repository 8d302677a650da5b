import type { ContactAddress } from './contact-address.js';
import { addressOf } from './contact-identity.js';

/** The columns by which people are known. */
export interface AddressRow {
  phone: string | null;
  lid: string | null;
  wa_user_id: string | null;
}

/** What stands between a contact and messages to it. */
export interface ConsentRow {
  opted_out_at: Date | null;
  marketing_stopped_at: Date | null;
  blocked_at: Date | null;
}

export interface ContactRow extends AddressRow, ConsentRow {
  id: string;
  /** The customer's own. */
  name: string | null;
  /** The merchant's for the customer, which goes before. */
  own_name: string | null;
  /** The merchant's notes. */
  tags: string[];
  /** The customer agreed to marketing. */
  opted_in_at: Date | null;
  /** Where, in the merchant's words; null with a time: here in the chat. */
  opt_in_source: string | null;
  language: string | null;
  created_at: Date;
}

/** Columns of an `AddressRow` and a `ConsentRow`, of the contact called `c`. */
export const CONTACT_COLUMNS = 'c.phone, c.lid, c.wa_user_id, c.opted_out_at, c.marketing_stopped_at, c.blocked_at';

export const addressOfRow = (row: AddressRow): ContactAddress =>
  addressOf({ phone: row.phone ?? undefined, lid: row.lid ?? undefined, userId: row.wa_user_id ?? undefined });
