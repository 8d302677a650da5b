/** How a counterpart stands at Meta; `unknown` before the first look, `missing` when Meta has none of that name and language. */
export const CLOUD_STATES = ['unknown', 'approved', 'pending', 'rejected', 'paused', 'disabled', 'missing'] as const;
export type CloudState = (typeof CLOUD_STATES)[number];
/** What Meta may have said. */
export type ToldState = Exclude<CloudState, 'unknown'>;

/** A template as Meta knows it. */
export interface MetaTemplate {
  name: string;
  language: string;
  /** Meta's word, for example `APPROVED`. */
  status: string;
  reason?: string;
}

const STATES: Record<string, ToldState> = {
  APPROVED: 'approved',
  REINSTATED: 'approved',
  PENDING: 'pending',
  IN_APPEAL: 'pending',
  REJECTED: 'rejected',
  PAUSED: 'paused',
  DISABLED: 'disabled',
  LIMIT_EXCEEDED: 'disabled',
  ARCHIVED: 'disabled',
  PENDING_DELETION: 'missing',
  DELETED: 'missing',
};

/** https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates#template-status */
export function stateOf({ status, reason }: Pick<MetaTemplate, 'status' | 'reason'>): { state: ToldState; reason?: string } {
  const word = status.toUpperCase();
  const state = Object.hasOwn(STATES, word) ? STATES[word]! : 'disabled';
  // Meta says NONE where there is nothing to say.
  const told = reason && reason !== 'NONE' ? reason : undefined;
  const own = state.toUpperCase() === word ? told : [`Meta calls it ${word}`, told].filter(Boolean).join(': ');
  return { state, ...(own ? { reason: own.slice(0, 500) } : {}) };
}

/** From the most to the least usable. */
const ORDER: CloudState[] = ['unknown', 'approved', 'pending', 'rejected', 'paused', 'disabled', 'missing'];

/** Which of two words counts, where several accounts have a template of the same name. What one of them lacks the other may have. */
export function worse<T extends { state: ToldState }>(one: T, other: T): T {
  return ORDER.indexOf(other.state) > ORDER.indexOf(one.state) ? other : one;
}

/** Whether a counterpart may be sent: nobody has said yet that Meta would refuse it. */
export const isUsable = (state: CloudState): boolean => state === 'approved' || state === 'unknown';
