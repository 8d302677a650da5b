import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Settings } from '@soko/config';
import { numberClaimed, numberProven } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { CODE_MINUTES, hashOfPhoneCode, MAX_WRONG_CODES, newPhoneCode, SILENCE_MINUTES } from '@soko/identity';
import { Counters } from '@soko/limits';
import { addressOfRow, type AddressRow } from './contact.row.js';
import { ContactStore } from './contact.store.js';

/** So many codes are sent to one number, and for one person, within `SILENCE_MINUTES`. */
const MAX_CODES = 3;

interface Claim {
  contactId: string;
  /** Where they say so. */
  chatId: string;
  /** E.164. */
  phone: string;
}
/** A code, and the chat of the number that it is for. */
export interface NumberCode {
  code: string;
  chatId: string;
  language: string | null;
}
export type NumberOutcome = 'no proof' | 'right' | { triesLeft: number };

/**
 * How a customer whose number WhatsApp hides shows that a number is theirs: a code goes to the chat of that number, and comes back
 * from here. Then the two contacts are one. The chat at hand is locked meanwhile, so that what touches another one is an event's affair.
 */
@Injectable()
export class NumberProofService {
  constructor(
    private readonly contacts: ContactStore,
    private readonly counters: Counters,
    private readonly settings: Settings,
  ) {}

  /** Somebody says so. Nothing tells them whether anybody is known by the number, nor that codes were too many. */
  async claim(tx: TenantTx, claim: Claim): Promise<void> {
    for (const who of [claim.contactId, claim.phone]) {
      const { used } = await this.counters.take(`number:${tx.merchantId}:${who}`, 1, SILENCE_MINUTES * 60);
      if (used > MAX_CODES) return;
    }
    tx.outbox.emit(numberClaimed, claim);
  }

  /** A code for the number, where its chat may be written to freely: nothing when nobody wrote from it within WhatsApp's 24 hours. */
  async makeCode(tx: TenantTx, { contactId, phone }: Claim): Promise<NumberCode | undefined> {
    const [chat] = await tx.query<{ id: string; language: string | null }>(
      `SELECT h.id, c.language FROM contacts c JOIN chats h ON h.merchant_id = c.merchant_id AND h.contact_id = c.id
       WHERE c.merchant_id = $1 AND c.phone = $2 AND c.blocked_at IS NULL AND h.last_inbound_at > now() - interval '24 hours'
       ORDER BY h.last_inbound_at DESC LIMIT 1`,
      [tx.merchantId, phone],
    );
    if (!chat) return undefined;
    const code = newPhoneCode();
    const kept = await tx.query(
      `INSERT INTO number_proofs (merchant_id, contact_id, phone, code_hash, expires_at)
       SELECT $1, id, $3, $4, now() + $5 * interval '1 minute' FROM contacts WHERE merchant_id = $1 AND id = $2 AND phone IS NULL
       ON CONFLICT (merchant_id, contact_id) DO UPDATE
         SET phone = excluded.phone, code_hash = excluded.code_hash, expires_at = excluded.expires_at RETURNING contact_id`,
      [tx.merchantId, contactId, phone, this.hashOf(tx, code), CODE_MINUTES],
    );
    // Whoever said so is one with somebody by now.
    return kept.length > 0 ? { code, chatId: chat.id, language: chat.language } : undefined;
  }

  /** Six digits from somebody who may have been sent a code: after too many wrong ones there is none any more. */
  async check(tx: TenantTx, { contactId, chatId }: Omit<Claim, 'phone'>, code: string): Promise<NumberOutcome> {
    const of = [tx.merchantId, contactId];
    const [proof] = await tx.query<{ phone: string; code_hash: Buffer }>(
      'SELECT phone, code_hash FROM number_proofs WHERE merchant_id = $1 AND contact_id = $2 AND expires_at > now()',
      of,
    );
    if (!proof) return 'no proof';
    const tries = `number-code:${of.join(':')}`;
    const { used } = await this.counters.take(tries, 1, SILENCE_MINUTES * 60);
    const right = used <= MAX_WRONG_CODES && timingSafeEqual(proof.code_hash, this.hashOf(tx, code));
    const triesLeft = Math.max(MAX_WRONG_CODES - used, 0);
    if (right || triesLeft === 0) await tx.query('DELETE FROM number_proofs WHERE merchant_id = $1 AND contact_id = $2', of);
    if (!right) return { triesLeft };
    await this.counters.clear(tries);
    tx.outbox.emit(numberProven, { contactId, chatId, phone: proof.phone });
    return 'right';
  }

  /** The contact and the one at the number are one from now on, unless WhatsApp has two accounts for them: then it is where to call. */
  async settle(tx: TenantTx, { contactId, phone }: Claim): Promise<void> {
    await this.contacts.lockIdentities(tx);
    const rows = await tx.query<AddressRow & { id: string }>(
      'SELECT id, phone, lid, wa_user_id FROM contacts WHERE merchant_id = $1 AND (id = $2 OR phone = $3)',
      [tx.merchantId, contactId, phone],
    );
    const me = rows.find(({ id }) => id === contactId);
    const other = rows.find(({ id }) => id !== contactId);
    if (!me || me.phone) return;
    const apart = (['lid', 'wa_user_id'] as const).some((field) => me[field] && other?.[field]);
    if (apart) await this.contacts.giveNumber(tx, contactId, phone);
    else await this.contacts.settle(tx, { ...addressOfRow(me), phone });
    // The code could be read by whoever of the team reads the chat: it opens the orders of a customer, and no rights of a colleague.
    await tx.query(
      'DELETE FROM staff_phones s USING contacts c WHERE s.merchant_id = $1 AND c.merchant_id = $1 AND c.id = s.contact_id AND c.phone = $2',
      [tx.merchantId, phone],
    );
  }

  private hashOf(tx: TenantTx, code: string): Buffer {
    return hashOfPhoneCode(this.settings.JWT_SECRET, tx.merchantId, code);
  }
}
