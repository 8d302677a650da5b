import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { Settings } from '@soko/config';
import { Tenancy, type TenantTx } from '@soko/database';
import { Counters } from '@soko/limits';
import type { Caller } from './caller.js';
import { User } from './identity.entity.js';
import { ForbiddenError } from './identity.errors.js';
import { CODE_MINUTES, hashOfPhoneCode, linkText, MAX_WRONG_CODES, newPhoneCode, SILENCE_MINUTES } from './phone-code.js';
import type { TeamRole } from './roles.js';
import type { PhoneCodeView, StaffPhoneView } from './staff-phone.dto.js';

/** Somebody of the team, as they are in it now. */
export interface StaffMember {
  /** Of the user. */
  id: string;
  name: string;
  role: TeamRole;
}

/** `silence`: there were too many wrong codes, and nothing is said to this one, right or wrong. */
export type LinkOutcome = { member: StaffMember } | { triesLeft: number } | 'silence';

interface PhoneRow {
  phone: string | null;
  name: string | null;
  linked_at: Date;
}

/** The phones from which people of a team work. Each has one, and it is known by its contact: WhatsApp may hide its number. */
@Injectable()
export class StaffPhoneService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly counters: Counters,
    private readonly settings: Settings,
  ) {}

  /** For the caller's own phone, in place of the code before it. */
  async makeCode(me: Caller): Promise<PhoneCodeView> {
    const { merchantId, id } = me;
    const code = newPhoneCode();
    const expiresAt = new Date(Date.now() + CODE_MINUTES * 60_000);
    const [kept] = await this.tenancy.run(merchantId, (tx) =>
      tx.query(
        `INSERT INTO link_codes (merchant_id, user_id, code_hash, expires_at)
         SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM link_codes WHERE merchant_id = $1 AND user_id <> $2 AND code_hash = $3)
         ON CONFLICT (merchant_id, user_id) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at
         RETURNING user_id`,
        [merchantId, id, this.hashOf(merchantId, code), expiresAt],
      ),
    );
    // A colleague has the same code.
    if (!kept) return this.makeCode(me);
    return { code, expiresAt: expiresAt.toISOString(), text: linkText(code) };
  }

  /** A code that somebody wrote. It counts once; the phone is theirs from now on, and whatever they or it had before is over. */
  async link(tx: TenantTx, contactId: string, code: string): Promise<LinkOutcome> {
    const { merchantId } = tx;
    const tries = `link:${merchantId}:${contactId}`;
    // Counted before it is looked at, and apart: a try counts even if the answer to it comes to nothing.
    const { used } = await this.counters.take(tries, 1, SILENCE_MINUTES * 60);
    if (used > MAX_WRONG_CODES) return 'silence';
    const [found] = await tx.query<{ user_id: string }>(
      'DELETE FROM link_codes WHERE merchant_id = $1 AND code_hash = $2 AND expires_at > now() RETURNING user_id',
      [merchantId, this.hashOf(merchantId, code)],
    );
    if (!found) return { triesLeft: MAX_WRONG_CODES - used };
    await this.counters.clear(tries);
    await tx.query('DELETE FROM staff_phones WHERE merchant_id = $1 AND (user_id = $2 OR contact_id = $3)', [
      merchantId,
      found.user_id,
      contactId,
    ]);
    await tx.query('INSERT INTO staff_phones (merchant_id, user_id, contact_id) VALUES ($1, $2, $3)', [
      merchantId,
      found.user_id,
      contactId,
    ]);
    const { id, name, role } = await tx.manager.findOneByOrFail(User, { merchantId, id: found.user_id });
    return { member: { id, name, role: role as TeamRole } };
  }

  /** Whoever has the phone is a customer from now on. */
  async forget(tx: TenantTx, contactId: string): Promise<void> {
    await tx.query('DELETE FROM staff_phones WHERE merchant_id = $1 AND contact_id = $2', [tx.merchantId, contactId]);
  }

  /** One's own, or as the owner anybody's. @throws ForbiddenError, NotFoundError */
  async get(me: Caller, userId: string): Promise<StaffPhoneView> {
    mustConcern(me, userId);
    const [row] = await this.tenancy.run(me.merchantId, async (tx) => {
      await mustBeInTeam(tx, userId);
      return tx.query<PhoneRow>(
        `SELECT c.phone, c.name, s.linked_at FROM staff_phones s
         JOIN contacts c ON c.merchant_id = s.merchant_id AND c.id = s.contact_id WHERE s.merchant_id = $1 AND s.user_id = $2`,
        [tx.merchantId, userId],
      );
    });
    if (!row) throw new NotFoundError('phone', userId);
    return {
      ...(row.phone ? { phone: row.phone } : {}),
      ...(row.name ? { name: row.name } : {}),
      linkedAt: row.linked_at.toISOString(),
    };
  }

  /** One's own, or as the owner anybody's. @throws ForbiddenError, NotFoundError */
  async unlink(me: Caller, userId: string): Promise<void> {
    mustConcern(me, userId);
    const gone = await this.tenancy.run(me.merchantId, async (tx) => {
      await mustBeInTeam(tx, userId);
      return tx.query('DELETE FROM staff_phones WHERE merchant_id = $1 AND user_id = $2 RETURNING id', [tx.merchantId, userId]);
    });
    if (gone.length === 0) throw new NotFoundError('phone', userId);
  }

  private hashOf(merchantId: string, code: string): Buffer {
    return hashOfPhoneCode(this.settings.JWT_SECRET, merchantId, code);
  }
}

/** @throws ForbiddenError */
function mustConcern(me: Caller, userId: string): void {
  if (me.id !== userId && me.role !== 'owner') throw new ForbiddenError('owner', 'user');
}

/** @throws NotFoundError */
async function mustBeInTeam(tx: TenantTx, userId: string): Promise<void> {
  if (!(await tx.manager.existsBy(User, { merchantId: tx.merchantId, id: userId }))) throw new NotFoundError('user', userId);
}
