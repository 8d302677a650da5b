import type { ContactAddress } from './contact-address.js';

/** A contact as it is stored. */
export interface KnownContact extends ContactAddress {
  id: string;
}

/** What makes one contact of those who turn out to be one person. */
export interface IdentityPlan {
  /** The contact that stays; none when the person is new. */
  keep?: string;
  /** What the person is known by afterwards. */
  address: ContactAddress;
  /** Contacts that are the same person: what is theirs becomes that of `keep`. */
  absorb: string[];
  /** Contacts that are somebody else, with the addresses that they have lost to this person. */
  strip: { id: string; lost: Field[] }[];
}

type Field = keyof ContactAddress;
/** An account (lid, user id) keeps its name for life; numbers are handed on. */
const ACCOUNT_FIRST = ['lid', 'userId', 'phone'] as const;
const PHONE_FIRST = ['phone', 'lid', 'userId'] as const;

/**
 * Who has written, given the contacts that are known by any part of `address`. What the network says now wins over what was
 * stored. Two contacts are one person unless they contradict each other: then the account is who wrote, and the other has lost
 * the number; one that has nothing left by which it could be told apart is the same person after all.
 */
export function identify(known: KnownContact[], address: ContactAddress): IdentityPlan {
  const matches = known.filter((contact) => matching(contact, address).length > 0);
  const by = (fields: readonly Field[]): KnownContact | undefined =>
    fields.map((field) => matches.find((contact) => address[field] && contact[field] === address[field])).find(Boolean);
  const contradictory = matches.some((one) => matches.some((other) => contradict(one, other)));
  const keep = by(contradictory ? ACCOUNT_FIRST : PHONE_FIRST);
  const plan: IdentityPlan = { keep: keep?.id, address: addressOf(keep ?? {}), absorb: [], strip: [] };
  for (const other of matches.filter((contact) => contact !== keep)) {
    const lost = matching(other, address);
    if (contradict(plan.address, other) && lost.length < Object.keys(addressOf(other)).length) {
      plan.strip.push({ id: other.id, lost });
    } else {
      plan.absorb.push(other.id);
      plan.address = { ...addressOf(other), ...plan.address };
    }
  }
  plan.address = { ...plan.address, ...addressOf(address) };
  return plan;
}

/** Whether nothing is left to do for this plan but to use the contact. */
export const isSettled = (plan: IdentityPlan, known: KnownContact[], address: ContactAddress): boolean =>
  plan.absorb.length + plan.strip.length === 0 &&
  known.some((contact) => contact.id === plan.keep && PHONE_FIRST.every((f) => !address[f] || contact[f] === address[f]));

/** The parts that are there. */
export function addressOf({ phone, lid, userId }: ContactAddress): ContactAddress {
  return { ...(phone ? { phone } : {}), ...(lid ? { lid } : {}), ...(userId ? { userId } : {}) };
}

const matching = (contact: ContactAddress, address: ContactAddress): Field[] =>
  PHONE_FIRST.filter((field) => address[field] && contact[field] === address[field]);
const contradict = (one: ContactAddress, other: ContactAddress): boolean =>
  PHONE_FIRST.some((field) => one[field] && other[field] && one[field] !== other[field]);
