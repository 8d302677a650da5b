import { ValidationError, validateInput } from '@soko/common';
import { compare, getRounds, hash } from 'bcrypt';
import { describe, expect, it } from 'vitest';
import { hashPassword, IsNewPassword, NOBODYS_HASH, passwordFits } from './password.js';

class Body {
  @IsNewPassword() password!: string;
}
const faultsOf = (password: unknown) => {
  try {
    validateInput(Body, { password });
  } catch (error) {
    if (error instanceof ValidationError) return error.errors!;
    throw error;
  }
  return [];
};

/** Takes the cost from the hash and computes: bcrypt answers at once only for a hash that is malformed. */
const recomputed = (stored: string, password: string) => hash(password, stored.slice(0, 29));

describe('a new password', () => {
  it.each([
    ['8 characters', 'a'.repeat(8)],
    ['72 bytes', 'a'.repeat(72)],
    ['36 characters of two bytes', 'é'.repeat(36)],
    ['24 characters of three bytes', '€'.repeat(24)],
    ['18 characters of four bytes', '🥭'.repeat(18)],
    ['8 characters of four bytes', '🥭'.repeat(8)],
    ['spaces around it', '  spaced  '],
  ])('may be %s', (_, password) => {
    expect(faultsOf(password)).toEqual([]);
    expect(validateInput(Body, { password }).password).toBe(password);
  });

  it.each([
    ['7 characters', 'a'.repeat(7)],
    ['7 characters of four bytes', '🥭'.repeat(7)],
    ['nothing', ''],
    ['73 bytes', 'a'.repeat(73)],
    ['37 characters of two bytes', 'é'.repeat(37)],
    ['25 characters of three bytes', '€'.repeat(25)],
    ['72 characters in 73 bytes', `${'a'.repeat(71)}é`],
    ['72 characters of four bytes', '🥭'.repeat(72)],
    ['a number', 12_345_678],
    ['a list', ['correct-horse']],
    ['null', null],
    ['missing', undefined],
  ])('may not be %s', (_, password) => {
    const faults = faultsOf(password);
    expect(faults.length).toBeGreaterThan(0);
    expect(new Set(faults.map(({ path }) => path))).toEqual(new Set(['password']));
  });

  it('that is too long in bytes alone is told so in bytes', () => {
    expect(faultsOf('é'.repeat(37))).toEqual([
      { path: 'password', code: 'maxBytes', message: 'password must not be longer than 72 bytes' },
    ]);
  });
});

describe('a stored password', () => {
  it('is a bcrypt hash of 12 rounds, another one each time, that only this password fits', async () => {
    const [one, two] = [await hashPassword('correct-horse'), await hashPassword('correct-horse')];
    expect(one).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/);
    expect(two).not.toBe(one);
    expect(await passwordFits('correct-horse', one)).toBe(true);
    for (const wrong of ['', 'Correct-horse', 'correct-horse ', one]) expect(await passwordFits(wrong, one), wrong).toBe(false);
  });

  it('does not fit what only begins like it, though bcrypt reads no further', async () => {
    const password = 'é'.repeat(36);
    const stored = await hash(password, 4);
    expect(await compare(`${password}x`, stored)).toBe(true);
    expect(await passwordFits(password, stored)).toBe(true);
    expect(await passwordFits(`${password}x`, stored)).toBe(false);
  });
});

describe('the hash for an e-mail that nobody has', () => {
  it('costs as many rounds as a stored one, so that a stranger’s sign-in takes as long as a wrong password', async () => {
    const stored = await hashPassword('correct-horse');
    expect(getRounds(NOBODYS_HASH)).toBe(12);
    expect(getRounds(NOBODYS_HASH)).toBe(getRounds(stored));
    expect(NOBODYS_HASH).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/);
    expect(NOBODYS_HASH).toHaveLength(stored.length);
    expect(await recomputed(stored, 'correct-horse')).toBe(stored);
    expect((await recomputed(NOBODYS_HASH, 'correct-horse')).slice(0, 29)).toBe(NOBODYS_HASH.slice(0, 29));
  });

  it.each(['', 'password', 'correct-horse', 'nobody', NOBODYS_HASH])('is not that of %j', async (guess) => {
    expect(await passwordFits(guess, NOBODYS_HASH)).toBe(false);
  });
});
