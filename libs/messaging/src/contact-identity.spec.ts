import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContactAddress } from './contact-address.js';
import { addressOf, identify, isSettled, type KnownContact } from './contact-identity.js';

const [P, P2, L, L2, U] = ['+263771000001', '+263771000002', '111', '222', 'US.1'];
const contact = (id: string, address: ContactAddress): KnownContact => ({ id, ...address });

describe('who has written', () => {
  it('is somebody new when nobody is known by any part of the address', () => {
    const plan = identify([contact('a', { phone: P2, lid: L2 })], { phone: P, lid: L });
    expect(plan).toEqual({ keep: undefined, address: { phone: P, lid: L }, absorb: [], strip: [] });
  });

  it.each<[string, ContactAddress]>([
    ['phone', { phone: P }],
    ['lid', { lid: L }],
    ['user id', { userId: U }],
  ])('is who is known by that %s, and nothing changes', (_, address) => {
    const known = [contact('a', { phone: P, lid: L, userId: U })];
    const plan = identify(known, address);
    expect(plan).toEqual({ keep: 'a', address: { phone: P, lid: L, userId: U }, absorb: [], strip: [] });
    expect(isSettled(plan, known, address)).toBe(true);
  });

  it('is told an address that was not known yet', () => {
    const known = [contact('a', { phone: P })];
    const plan = identify(known, { phone: P, lid: L });
    expect(plan).toMatchObject({ keep: 'a', address: { phone: P, lid: L } });
    expect(isSettled(plan, known, { phone: P, lid: L })).toBe(false);
  });

  it('is one person where the lid and the number were known alone: the contact with the number stays', () => {
    const known = [contact('hidden', { lid: L, userId: U }), contact('a', { phone: P })];
    expect(identify(known, { phone: P, lid: L })).toEqual({
      keep: 'a',
      address: { phone: P, lid: L, userId: U },
      absorb: ['hidden'],
      strip: [],
    });
  });

  it('has moved to another number: the account stays who it is', () => {
    expect(identify([contact('a', { phone: P, lid: L })], { phone: P2, lid: L })).toMatchObject({
      keep: 'a',
      address: { phone: P2, lid: L },
    });
  });

  it('has taken over the number of somebody else, who is still known by an account', () => {
    const known = [contact('before', { phone: P, lid: L }), contact('now', { phone: P2, lid: L2 })];
    expect(identify(known, { phone: P, lid: L2 })).toEqual({
      keep: 'now',
      address: { phone: P, lid: L2 },
      absorb: [],
      strip: [{ id: 'before', lost: ['phone'] }],
    });
  });

  it('has taken over the number of somebody who was known by that alone, and so is the same for all that we can tell', () => {
    const known = [contact('before', { phone: P }), contact('now', { phone: P2, lid: L2 })];
    expect(identify(known, { phone: P, lid: L2 })).toEqual({
      keep: 'now',
      address: { phone: P, lid: L2 },
      absorb: ['before'],
      strip: [],
    });
  });

  it('keeps its number under another account of its own: one number is one customer', () => {
    expect(identify([contact('a', { phone: P, lid: L })], { phone: P, lid: L2 })).toMatchObject({
      keep: 'a',
      address: { phone: P, lid: L2 },
      strip: [],
    });
  });
});

const some = (values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined });

describe('contacts that people write from in any order, under any part of their addresses', () => {
  const address = fc
    .record({ phone: some([P, P2, '+263771000003']), lid: some([L, L2, '333']), userId: some([U, 'US.2']) })
    .map(addressOf)
    .filter((each) => Object.keys(each).length > 0);

  it('are never two for one address, never without one, and who wrote last is known by all that came along', () => {
    fc.assert(
      fc.property(fc.array(address, { minLength: 1, maxLength: 30 }), (messages) => {
        let contacts: KnownContact[] = [];
        let made = 0;
        for (const from of messages) {
          const others = contacts.filter((each) =>
            (['phone', 'lid', 'userId'] as const).every((f) => each[f] === undefined || each[f] !== from[f]),
          );
          const plan = identify(contacts, from);
          contacts = contacts
            .filter(({ id }) => !plan.absorb.includes(id) && id !== plan.keep)
            .map((each) => {
              const lost = plan.strip.find(({ id }) => id === each.id)?.lost ?? [];
              return { id: each.id, ...addressOf({ ...each, ...Object.fromEntries(lost.map((field) => [field, undefined])) }) };
            });
          contacts.push({ id: plan.keep ?? `c${(made += 1)}`, ...plan.address });
          for (const field of ['phone', 'lid', 'userId'] as const) {
            const values = contacts.map((each) => each[field]).filter(Boolean);
            expect(new Set(values).size).toBe(values.length);
          }
          for (const each of contacts) expect(Object.keys(addressOf(each)).length).toBeGreaterThan(0);
          // Who has nothing to do with the message stays as they were.
          for (const other of others) expect(contacts).toContainEqual(other);
          const writer = contacts.at(-1)!;
          expect(writer).toMatchObject(from);
          const again = identify(contacts, from);
          expect(again.keep).toBe(writer.id);
          expect(isSettled(again, contacts, from)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
