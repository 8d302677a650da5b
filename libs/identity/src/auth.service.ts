import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { newId, workContext } from '@soko/common';
import { Settings } from '@soko/config';
import { merchantRegistered } from '@soko/contracts';
import { isUniqueViolation, SystemDb, Tenancy, type TenantTx } from '@soko/database';
import { Counters } from '@soko/limits';
import type { Person } from './caller.js';
import type { Role } from './roles.js';
import type { Claims } from './credential.service.js';
import type { ChangePasswordBody, LoginBody, MerchantView, MeView, RegisterBody, SessionView } from './identity.dto.js';
import { Login, Merchant, Session, User } from './identity.entity.js';
import { EmailTakenError, InvalidCredentialsError, TooManyTriesError } from './identity.errors.js';
import { hashPassword, NOBODYS_HASH, passwordFits } from './password.js';

const WEEK_SECONDS = 7 * 24 * 3600;
const TRIES_WINDOW_SECONDS = 900;

interface Account {
  id: string;
  email: string;
  name: string;
  role: Role;
  merchant: MerchantView;
  hash: string;
}

/** Registering, signing in and out, and one's own password. */
@Injectable()
export class AuthService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly system: SystemDb,
    private readonly jwt: JwtService,
    private readonly counters: Counters,
    private readonly settings: Settings,
  ) {}

  /** Makes a merchant and its owner. @throws EmailTakenError */
  async register(body: RegisterBody): Promise<SessionView> {
    const passwordHash = await hashPassword(body.password);
    const { name, currency = 'USD', timezone = 'UTC', locale = 'en' } = body.merchant;
    const merchant = { id: newId(), name, currency, timezone, locale };
    const user = { id: newId(), email: body.email, name: body.name, role: 'owner' as const };
    workContext.actAs({ type: 'user', id: user.id, role: user.role });
    try {
      return await this.tenancy.run(merchant.id, async (tx) => {
        await tx.manager.insert(Merchant, merchant);
        await tx.manager.insert(User, { merchantId: merchant.id, ...user });
        await tx.manager.insert(Login, { email: user.email, merchantId: merchant.id, userId: user.id, passwordHash });
        tx.outbox.emit(merchantRegistered, { name, locale, registeredAt: new Date().toISOString() });
        return this.open(tx, { user, merchant });
      });
    } catch (error) {
      if (isUniqueViolation(error, 'logins_pkey')) throw new EmailTakenError();
      throw error;
    }
  }

  /**
   * @throws InvalidCredentialsError, after the same time whether or not the e-mail is known.
   * @throws TooManyTriesError after so many wrong passwords for one e-mail from one address, known or not.
   */
  async login({ email, password }: LoginBody): Promise<SessionView> {
    const tries = `login:${email}:${workContext.current?.ip ?? ''}`;
    await this.countTry(tries);
    const [account] = await this.system.query<Account>(
      `SELECT u.id, u.email, u.name, u.role, l.password_hash AS hash,
              json_build_object('id', m.id, 'name', m.name, 'currency', m.currency, 'timezone', m.timezone, 'locale', m.locale) AS merchant
       FROM logins l
       JOIN users u ON u.merchant_id = l.merchant_id AND u.id = l.user_id
       JOIN merchants m ON m.id = l.merchant_id
       WHERE l.email = $1`,
      [email],
    );
    const right = await passwordFits(password, account?.hash ?? NOBODYS_HASH);
    if (!account || !right) throw new InvalidCredentialsError();
    if (this.settings.RATE_LIMIT_ENABLED) await this.counters.clear(tries);
    const { hash, merchant, ...user } = account;
    return this.tenancy.run(merchant.id, (tx) => this.open(tx, { user, merchant }, hash));
  }

  async logout({ merchantId, sessionId }: Person): Promise<void> {
    await this.tenancy.run(merchantId, ({ manager }) => manager.delete(Session, { merchantId, id: sessionId }));
  }

  /** Ends every session of the person, and begins a new one. @throws InvalidCredentialsError */
  async changePassword({ merchantId, id: userId, me }: Person, body: ChangePasswordBody): Promise<SessionView> {
    const tries = `password:${userId}`;
    await this.countTry(tries);
    const login = await this.tenancy.run(merchantId, ({ manager }) => manager.findOneBy(Login, { merchantId, userId }));
    if (!login || !(await passwordFits(body.currentPassword, login.passwordHash))) throw new InvalidCredentialsError();
    if (this.settings.RATE_LIMIT_ENABLED) await this.counters.clear(tries);
    const passwordHash = await hashPassword(body.newPassword);
    return this.tenancy.run(merchantId, async (tx) => {
      await setPassword(tx, userId, passwordHash, login.passwordHash);
      return this.open(tx, me);
    });
  }

  private async countTry(tries: string): Promise<void> {
    if (!this.settings.RATE_LIMIT_ENABLED) return;
    const { used, resetMs } = await this.counters.take(tries, 1, TRIES_WINDOW_SECONDS);
    if (used > this.settings.RATE_LIMIT_AUTH) throw new TooManyTriesError(Math.ceil(resetMs / 1000));
  }

  /**
   * A session and the token that names it.
   * @param hash of the password that was checked: if it was changed, or the person removed, since then, there is no session.
   * Locks the user before the login, as whoever removes a person does: otherwise each could wait for the other.
   */
  private async open(tx: TenantTx, me: MeView, hash?: string): Promise<SessionView> {
    const sessionId = newId();
    const opened = await tx.query(
      `INSERT INTO sessions (merchant_id, id, user_id, expires_at)
       SELECT u.merchant_id, $3, u.id, now() + interval '${WEEK_SECONDS} seconds'
       FROM users u JOIN logins l ON l.merchant_id = u.merchant_id AND l.user_id = u.id
       WHERE u.merchant_id = $1 AND u.id = $2 AND ($4::text IS NULL OR l.password_hash = $4)
       FOR KEY SHARE OF u FOR SHARE OF l RETURNING id`,
      [tx.merchantId, me.user.id, sessionId, hash ?? null],
    );
    if (opened.length === 0) throw new InvalidCredentialsError();
    const claims: Claims = { sub: me.user.id, mid: tx.merchantId, sid: sessionId };
    const accessToken = await this.jwt.signAsync(claims, { expiresIn: WEEK_SECONDS });
    return { accessToken, tokenType: 'Bearer', expiresIn: WEEK_SECONDS, ...me };
  }
}

/**
 * The new password, and an end to all that was signed in or linked by the old one. The user is locked before the login, as in `open`.
 * @param checked hash of the password that was checked. @throws InvalidCredentialsError when another took its place since then.
 */
export async function setPassword(tx: TenantTx, userId: string, passwordHash: string, checked?: string): Promise<void> {
  const { merchantId } = tx;
  await tx.manager.update(User, { merchantId, id: userId }, { passwordChangedAt: new Date() });
  const login = { merchantId, userId, ...(checked ? { passwordHash: checked } : {}) };
  const { affected } = await tx.manager.update(Login, login, { passwordHash });
  if (checked && affected === 0) throw new InvalidCredentialsError();
  await tx.manager.delete(Session, { merchantId, userId });
  await tx.query('DELETE FROM staff_phones WHERE merchant_id = $1 AND user_id = $2', [merchantId, userId]);
  await tx.query('DELETE FROM link_codes WHERE merchant_id = $1 AND user_id = $2', [merchantId, userId]);
}
