import { Injectable } from '@nestjs/common';
import { SystemDb } from '@soko/database';
import type { Caller } from './caller.js';

/** Who a caller is by now: a person's role, or a key's scopes. */
interface Standing {
  id: string;
  standing: string;
}

/** For who stays connected: looks now and then whether what let them in still holds, in two statements for however many they are. */
@Injectable()
export class CallerCheck {
  constructor(private readonly system: SystemDb) {}

  /** Those of `callers` whose session or key has ended (`gone`), or who may do other things than when they came (`changed`). */
  async changed(callers: Caller[]): Promise<Map<Caller, 'gone' | 'changed'>> {
    const [people, keys] = await Promise.all([
      this.standing(
        callers.filter(({ kind }) => kind === 'user'),
        `SELECT s.id, u.role AS standing FROM unnest($1::uuid[], $2::uuid[]) AS a (merchant_id, id)
         JOIN sessions s ON s.merchant_id = a.merchant_id AND s.id = a.id AND s.expires_at > now()
         JOIN users u ON u.merchant_id = s.merchant_id AND u.id = s.user_id`,
      ),
      this.standing(
        callers.filter(({ kind }) => kind === 'key'),
        `SELECT k.id, array_to_string(k.scopes, ' ') AS standing FROM unnest($1::uuid[], $2::uuid[]) AS a (merchant_id, id)
         JOIN api_keys k ON k.merchant_id = a.merchant_id AND k.id = a.id AND (k.expires_at IS NULL OR k.expires_at > now())`,
      ),
    ]);
    const changes = new Map<Caller, 'gone' | 'changed'>();
    for (const caller of callers) {
      const now = (caller.kind === 'user' ? people : keys).get(idOf(caller));
      if (now === undefined) changes.set(caller, 'gone');
      else if (now !== standingOf(caller)) changes.set(caller, 'changed');
    }
    return changes;
  }

  private async standing(callers: Caller[], text: string): Promise<Map<string, string>> {
    if (callers.length === 0) return new Map();
    const rows = await this.system.query<Standing>(text, [callers.map(({ merchantId }) => merchantId), callers.map(idOf)]);
    return new Map(rows.map(({ id, standing }) => [id, standing]));
  }
}

const idOf = (caller: Caller): string => (caller.kind === 'user' ? caller.sessionId! : caller.id);
const standingOf = ({ role, scopes }: Caller): string => role ?? [...scopes].join(' ');
