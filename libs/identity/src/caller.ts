import type { MeView } from './identity.dto.js';
import type { Plan, Role, Scope } from './roles.js';

/** Who is calling, as the guard found out: a person by an access token, or a system by an API key. */
export interface Caller {
  merchantId: string;
  /** Of the person or the key. */
  id: string;
  kind: 'user' | 'key';
  scopes: ReadonlySet<Scope>;
  plan: Plan;
  /** People only. */
  role?: Role;
  sessionId?: string;
  me?: MeView;
}

/** A person who has signed in. */
export type Person = Caller & Required<Pick<Caller, 'role' | 'sessionId' | 'me'>>;
