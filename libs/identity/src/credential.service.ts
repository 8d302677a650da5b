import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { isUuid } from '@soko/common';
import { SystemDb } from '@soko/database';
import type { Caller } from './caller.js';
import { type Plan, type Role, ROLE_SCOPES, type Scope } from './roles.js';
import { UnauthenticatedError } from './identity.errors.js';

export interface Claims {
  sub: string;
  mid: string;
  sid: string;
}

interface VerifiedClaims extends Claims {
  /** Seconds since 1970. */
  exp: number;
}

/** Tokens whose signature was checked: so many, then anew. */
const REMEMBERED = 10_000;

interface SessionRow {
  id: string;
  email: string;
  name: string;
  role: Role;
  merchant: string;
  currency: string;
  timezone: string;
  locale: string;
  plan: Plan;
}
interface KeyRow {
  merchant_id: string;
  id: string;
  scopes: Scope[];
  plan: Plan;
  unnoticed: boolean;
}

/** Every API key begins so; no access token does. */
export const KEY_PREFIX = 'sk_';

/** What is stored of a key. It has 256 random bits, so a plain hash says nothing of it. */
export const hashOfKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/**
 * Finds out whom a credential names. Both kinds are looked up at every call, by one statement and never from a cache: what
 * was revoked is refused at once by every process.
 */
@Injectable()
export class CredentialService {
  private readonly verified = new Map<string, VerifiedClaims>();

  constructor(
    private readonly system: SystemDb,
    private readonly jwt: JwtService,
  ) {}

  /** @param credential an access token or an API key (`sk_…`) @throws UnauthenticatedError */
  identify(credential: string): Promise<Caller> {
    return credential.startsWith(KEY_PREFIX) ? this.machine(credential) : this.person(credential);
  }

  private async person(token: string): Promise<Caller> {
    const { mid: merchantId, sid: sessionId } = this.remembered(token) ?? (await this.claims(token));
    const [row] = await this.system.query<SessionRow>(
      `SELECT u.id, u.email, u.name, u.role, m.name AS merchant, m.currency, m.timezone, m.locale, m.plan
       FROM sessions s
       JOIN users u ON u.merchant_id = s.merchant_id AND u.id = s.user_id
       JOIN merchants m ON m.id = s.merchant_id
       WHERE s.merchant_id = $1 AND s.id = $2 AND s.expires_at > now()`,
      [merchantId, sessionId],
    );
    if (!row) throw new UnauthenticatedError('This session has ended; sign in again with POST /api/auth/login.');
    const { id, email, name, role, merchant, currency, timezone, locale, plan } = row;
    const me = { user: { id, email, name, role }, merchant: { id: merchantId, name: merchant, currency, timezone, locale } };
    return { merchantId, id, kind: 'user', role, scopes: ROLE_SCOPES[role], plan, sessionId, me };
  }

  private async machine(key: string): Promise<Caller> {
    const [row] = await this.system.query<KeyRow>(
      `SELECT k.merchant_id, k.id, k.scopes, m.plan, coalesce(k.last_used_at < now() - interval '1 minute', true) AS unnoticed
       FROM api_keys k JOIN merchants m ON m.id = k.merchant_id
       WHERE k.hash = $1 AND (k.expires_at IS NULL OR k.expires_at > now())`,
      [hashOfKey(key)],
    );
    if (!row)
      throw new UnauthenticatedError('This API key does not exist, has expired or was revoked; ask the owner for another.');
    // To the minute: a busy key shall not write at every call.
    if (row.unnoticed)
      await this.system.query('UPDATE api_keys SET last_used_at = now() WHERE merchant_id = $1 AND id = $2 RETURNING id', [
        row.merchant_id,
        row.id,
      ]);
    return { merchantId: row.merchant_id, id: row.id, kind: 'key', scopes: new Set(row.scopes), plan: row.plan };
  }

  /** A signature is checked once; whether its session lives, at every call. */
  private remembered(token: string): Claims | undefined {
    const known = this.verified.get(token);
    return known && known.exp * 1000 > Date.now() ? known : undefined;
  }

  private async claims(token: string): Promise<Claims> {
    try {
      const claims = await this.jwt.verifyAsync<VerifiedClaims>(token);
      if (isUuid(claims.mid) && isUuid(claims.sid)) {
        if (this.verified.size >= REMEMBERED) this.verified.clear();
        this.verified.set(token, claims);
        return claims;
      }
    } catch {
      // Expired, forged or no token at all: the same to the caller.
    }
    throw new UnauthenticatedError('The access token is not valid or has expired; sign in again with POST /api/auth/login.');
  }
}
