import { Injectable } from '@nestjs/common';
import { contactConsentChanged } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { mergeRecipients } from './broadcast-merge.js';
import { mergeChats } from './chat-merge.js';
import type { ContactAddress } from './contact-address.js';
import { identify, type IdentityPlan, isSettled, type KnownContact } from './contact-identity.js';
import { addressOfRow, type AddressRow, type ConsentRow, type ContactRow } from './contact.row.js';
import { OptInRefusedError } from './messaging.errors.js';

/** One look into each index. With OR, the planner goes through all contacts as long as it takes them for few. */
const KNOWN = ['phone = $2', 'lid = $3', 'wa_user_id = $4']
  .map((address) => `SELECT id, phone, lid, wa_user_id FROM contacts WHERE merchant_id = $1 AND ${address}`)
  .join(' UNION ')
  .concat(' ORDER BY id');

/** A language, and whether the customer chose it or we have made it out. */
export interface Spoken {
  code: string;
  chosen: boolean;
}

/** Which flag of consent, by its column. */
type Flag = 'marketing_stopped_at' | 'blocked_at';

/** Whoever says STOP takes an earlier agreement back. */
const OPT_OUT = `
  UPDATE contacts SET opted_out_at = now(), opted_in_at = NULL, opt_in_source = NULL
  WHERE merchant_id = $1 AND id = $2 AND opted_out_at IS NULL RETURNING *`;
/** START is an agreement, also of somebody who never said STOP. */
const OPT_IN = `
  UPDATE contacts SET opted_out_at = NULL, opted_in_at = coalesce(opted_in_at, now())
  WHERE merchant_id = $1 AND id = $2 AND (opted_out_at IS NOT NULL OR opted_in_at IS NULL) RETURNING *`;

/**
 * Who is who. Everything that holds locks takes them in this order, so that nothing deadlocks: who is who (`lockIdentities`),
 * chats by id, what is pending, messages, contacts. The bot for example holds a chat and then changes its contact.
 */
@Injectable()
export class ContactStore {
  /** The contact at this address, when it is known by all of it; takes no lock. */
  async find(tx: TenantTx, address: ContactAddress): Promise<string | undefined> {
    const known = await this.known(tx, address);
    const plan = identify(known, address);
    return isSettled(plan, known, address) ? plan.keep : undefined;
  }

  /** The contact at this address: made, told a new address, or made one of several that turn out to be one. Call it before a chat is locked. */
  async settle(tx: TenantTx, address: ContactAddress, name?: string): Promise<string> {
    await this.lockIdentities(tx);
    const known = await this.known(tx, address);
    const plan = identify(known, address);
    if (!plan.keep) return this.insert(tx, address, name);
    if (isSettled(plan, known, address)) return plan.keep;
    await this.apply(tx, plan.keep, plan);
    return plan.keep;
  }

  /**
   * Until the transaction ends, nobody else of this merchant makes a contact or the first chat with one, or finds that two are one.
   * One lock for all: whoever looks for the few that a merge touches would have to know the others' plans.
   */
  async lockIdentities(tx: TenantTx): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`contacts of ${tx.merchantId}`]);
  }

  /** The name that the customer goes by, as WhatsApp told it. Call it with the chat locked. */
  async rename(tx: TenantTx, id: string, name: string): Promise<void> {
    await tx.query('UPDATE contacts SET name = $3 WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id, name]);
  }

  /** What a customer without a visible number has told us to be called at. Nobody has proved it: nobody is found by it. */
  async giveNumber(tx: TenantTx, id: string, phone: string): Promise<void> {
    await tx.query('UPDATE contacts SET given_phone = $3 WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id, phone]);
  }

  /** What the customer speaks. What we have made out never takes the place of what they have chosen. */
  async setLanguage(tx: TenantTx, id: string, { code, chosen }: Spoken): Promise<void> {
    await tx.query(
      `UPDATE contacts SET language = $3, language_chosen = $4
       WHERE merchant_id = $1 AND id = $2 AND ($4 OR NOT language_chosen)`,
      [tx.merchantId, id, code, chosen],
    );
  }

  /** The customer wrote STOP, or START. */
  setOptedOut(tx: TenantTx, id: string, out: boolean): Promise<void> {
    return this.changeConsent(tx, out ? OPT_OUT : OPT_IN, [tx.merchantId, id]);
  }

  /**
   * The customer agreed to marketing somewhere else, as the merchant says: the first time counts. Or does not any more.
   * @throws OptInRefusedError for somebody who wrote STOP
   */
  async setOptedIn(tx: TenantTx, id: string, source: string | null): Promise<void> {
    await this.changeConsent(
      tx,
      `UPDATE contacts SET opted_in_at = CASE WHEN $3::text IS NOT NULL THEN now() END, opt_in_source = $3
       WHERE merchant_id = $1 AND id = $2 AND (opted_in_at IS NULL) = ($3::text IS NOT NULL) AND opted_out_at IS NULL RETURNING *`,
      [tx.merchantId, id, source],
    );
    const [row] = await tx.query<ConsentRow>('SELECT opted_out_at FROM contacts WHERE merchant_id = $1 AND id = $2', [
      tx.merchantId,
      id,
    ]);
    if (source !== null && row?.opted_out_at) throw new OptInRefusedError();
  }

  /** The customer told WhatsApp to stop the merchant's marketing, or to let it through again. */
  setMarketingStopped(tx: TenantTx, id: string, stopped: boolean): Promise<void> {
    return this.set(tx, id, 'marketing_stopped_at', stopped);
  }

  /** The merchant wants nothing more to do with the customer, or does again. */
  setBlocked(tx: TenantTx, id: string, blocked: boolean): Promise<void> {
    return this.set(tx, id, 'blocked_at', blocked);
  }

  private set(tx: TenantTx, id: string, flag: Flag, on: boolean): Promise<void> {
    return this.changeConsent(
      tx,
      `UPDATE contacts SET ${flag} = CASE WHEN $3 THEN now() END
       WHERE merchant_id = $1 AND id = $2 AND (${flag} IS NOT NULL) <> $3 RETURNING *`,
      [tx.merchantId, id, on],
    );
  }

  private async changeConsent(tx: TenantTx, sql: string, values: unknown[]): Promise<void> {
    const [row] = await tx.query<ContactRow>(sql, values);
    if (row) emitConsent(tx, row);
  }

  private async known(tx: TenantTx, { phone, lid, userId }: ContactAddress): Promise<KnownContact[]> {
    const values = [tx.merchantId, phone ?? null, lid ?? null, userId ?? null];
    const rows = await tx.query<AddressRow & { id: string }>(KNOWN, values);
    return rows.map((row) => ({ id: row.id, ...addressOfRow(row) }));
  }

  private async insert(tx: TenantTx, { phone, lid, userId }: ContactAddress, name?: string): Promise<string> {
    const [row] = await tx.query<{ id: string }>(
      'INSERT INTO contacts (merchant_id, phone, lid, wa_user_id, name) VALUES ($1, $2, $3, $4, $5) RETURNING id',
      [tx.merchantId, phone ?? null, lid ?? null, userId ?? null, name ?? null],
    );
    return row!.id;
  }

  /** Chats first, then contacts; addresses are taken away before they are given, for each is one contact's alone. */
  private async apply(tx: TenantTx, keep: string, { absorb, strip, address }: IdentityPlan): Promise<void> {
    await mergeChats(tx, keep, absorb);
    for (const { id, lost } of strip) await this.take(tx, id, lost);
    if (absorb.length > 0) await mergeRecipients(tx, keep, absorb);
    // A phone from which somebody of the team works stays theirs; where several were linked, the one that was last.
    await tx.query(
      `UPDATE staff_phones SET contact_id = $2
       WHERE merchant_id = $1 AND id = (SELECT id FROM staff_phones WHERE merchant_id = $1 AND contact_id = ANY ($3::uuid[]) ORDER BY linked_at DESC LIMIT 1)
         AND NOT EXISTS (SELECT FROM staff_phones WHERE merchant_id = $1 AND contact_id = $2)`,
      [tx.merchantId, keep, absorb],
    );
    const gone = absorb.length > 0 ? await this.remove(tx, absorb) : [];
    const spoken = gone.find((row) => row.language !== null);
    const agreed = gone.find((row) => row.opted_in_at !== null);
    const [kept] = await tx.query<ContactRow & { consent_changed: boolean }>(
      `UPDATE contacts c SET phone = $3, lid = $4, wa_user_id = $5, name = coalesce(c.name, $6), own_name = coalesce(c.own_name, $7),
              given_phone = coalesce(c.given_phone, $8), opted_out_at = coalesce(c.opted_out_at, $9),
              marketing_stopped_at = coalesce(c.marketing_stopped_at, $10), blocked_at = coalesce(c.blocked_at, $11),
              language = coalesce(c.language, $12), language_chosen = c.language_chosen OR (c.language IS NULL AND $13),
              opted_in_at = CASE WHEN coalesce(c.opted_out_at, $9) IS NULL THEN coalesce(c.opted_in_at, $14) END,
              opt_in_source = CASE WHEN coalesce(c.opted_out_at, $9) IS NOT NULL THEN NULL
                                   WHEN c.opted_in_at IS NOT NULL THEN c.opt_in_source ELSE $15 END,
              tags = ARRAY(SELECT DISTINCT unnest(c.tags || $16::text[]) ORDER BY 1)
       FROM contacts old WHERE old.merchant_id = $1 AND old.id = $2 AND c.merchant_id = $1 AND c.id = $2
       RETURNING c.*, (c.opted_out_at, c.marketing_stopped_at, c.blocked_at, c.opted_in_at)
                      IS DISTINCT FROM (old.opted_out_at, old.marketing_stopped_at, old.blocked_at, old.opted_in_at) AS consent_changed`,
      [
        tx.merchantId,
        keep,
        address.phone ?? null,
        address.lid ?? null,
        address.userId ?? null,
        ...(['name', 'own_name', 'given_phone', 'opted_out_at', 'marketing_stopped_at', 'blocked_at'] as const).map(
          (field) => gone.map((row) => row[field]).find((value) => value !== null) ?? null,
        ),
        spoken?.language ?? null,
        spoken?.language_chosen ?? false,
        agreed?.opted_in_at ?? null,
        agreed?.opt_in_source ?? null,
        gone.flatMap((row) => row.tags),
      ],
    );
    if (kept!.consent_changed) emitConsent(tx, kept!);
  }

  private take(tx: TenantTx, id: string, lost: (keyof ContactAddress)[]): Promise<object[]> {
    return tx.query(
      `UPDATE contacts SET phone = CASE WHEN 'phone' = ANY ($3) THEN NULL ELSE phone END,
              lid = CASE WHEN 'lid' = ANY ($3) THEN NULL ELSE lid END,
              wa_user_id = CASE WHEN 'userId' = ANY ($3) THEN NULL ELSE wa_user_id END
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, id, lost],
    );
  }

  private remove(
    tx: TenantTx,
    ids: string[],
  ): Promise<(ContactRow & { given_phone: string | null; language_chosen: boolean })[]> {
    return tx.query('DELETE FROM contacts WHERE merchant_id = $1 AND id = ANY ($2::uuid[]) RETURNING *', [tx.merchantId, ids]);
  }
}

function emitConsent(tx: TenantTx, row: ContactRow): void {
  tx.outbox.emit(contactConsentChanged, {
    contactId: row.id,
    ...(row.phone ? { phone: row.phone } : {}),
    optedIn: row.opted_in_at !== null,
    optedOut: row.opted_out_at !== null,
    marketingStopped: row.marketing_stopped_at !== null,
    blocked: row.blocked_at !== null,
  });
}
