import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { newId } from '@soko/common';
import { merchantRegistered } from '@soko/contracts';
import { isUniqueViolation, SystemDb, Tenancy } from '@soko/database';
import { compare, hash } from 'bcrypt';
import type { Caller } from './caller.js';
import type { LoginBody, MeView, RegisterBody, SessionView } from './identity.dto.js';
import { Login, Merchant, User } from './identity.entity.js';
import { EmailTakenError, InvalidCredentialsError, UnauthenticatedError } from './identity.errors.js';

const BCRYPT_ROUNDS = 12;
const WEEK_SECONDS = 7 * 24 * 3600;
/** Compared against when nobody has the e-mail, so that the answer takes as long as for a wrong password. */
const NOBODYS_HASH = '$2b$12$eVQIeD5VFxNDSV9vSunVPetaBqPypUMpPG4yZUntMW3AXl0FmrVui';

@Injectable()
export class AuthService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly system: SystemDb,
    private readonly jwt: JwtService,
  ) {}

  /** Makes a merchant and its owner. @throws EmailTakenError */
  async register(body: RegisterBody): Promise<SessionView> {
    const passwordHash = await hash(body.password, BCRYPT_ROUNDS);
    const { name, currency = 'USD', timezone = 'UTC', locale = 'en' } = body.merchant;
    const merchant = { id: newId(), name, currency, timezone, locale };
    const user = { merchantId: merchant.id, id: newId(), email: body.email, name: body.name, role: 'owner' as const };
    try {
      await this.tenancy.run(merchant.id, async (tx) => {
        await tx.manager.insert(Merchant, merchant);
        await tx.manager.insert(User, user);
        await tx.manager.insert(Login, { email: user.email, merchantId: merchant.id, userId: user.id, passwordHash });
        tx.outbox.emit(merchantRegistered, { name, locale, registeredAt: new Date().toISOString() });
      });
    } catch (error) {
      if (isUniqueViolation(error, 'logins_pkey')) throw new EmailTakenError();
      throw error;
    }
    return this.session(user, merchant);
  }

  /** @throws InvalidCredentialsError, after the same time whether or not the e-mail is known. */
  async login(body: LoginBody): Promise<SessionView> {
    const found = await this.system.run(async ({ manager }) => {
      const login = await manager.findOneBy(Login, { email: body.email });
      if (!login) return undefined;
      const [user, merchant] = [
        await manager.findOneByOrFail(User, { merchantId: login.merchantId, id: login.userId }),
        await manager.findOneByOrFail(Merchant, { id: login.merchantId }),
      ];
      return { login, user, merchant };
    });
    const right = await compare(body.password, found?.login.passwordHash ?? NOBODYS_HASH);
    if (!found || !right) throw new InvalidCredentialsError();
    return this.session(found.user, found.merchant);
  }

  async me(caller: Caller): Promise<MeView> {
    return this.tenancy.run(caller.merchantId, async ({ manager }) => {
      const user = await manager.findOneBy(User, { merchantId: caller.merchantId, id: caller.userId });
      const merchant = await manager.findOneBy(Merchant, { id: caller.merchantId });
      if (!user || !merchant) throw new UnauthenticatedError('This account no longer exists.');
      return view(user, merchant);
    });
  }

  private async session(user: User, merchant: Merchant): Promise<SessionView> {
    const claims = { sub: user.id, mid: user.merchantId, role: user.role };
    const accessToken = await this.jwt.signAsync(claims, { expiresIn: WEEK_SECONDS });
    return { accessToken, tokenType: 'Bearer', expiresIn: WEEK_SECONDS, ...view(user, merchant) };
  }
}

function view(user: User, merchant: Merchant): MeView {
  return {
    user: { id: user.id, email: user.email, name: user.name, role: user.role },
    merchant: {
      id: merchant.id,
      name: merchant.name,
      currency: merchant.currency,
      timezone: merchant.timezone,
      locale: merchant.locale,
    },
  };
}
