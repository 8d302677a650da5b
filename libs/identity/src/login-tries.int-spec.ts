import { newId, workContext } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { AuthService } from './auth.service.js';
import type { Person } from './caller.js';
import { CredentialService } from './credential.service.js';
import { InvalidCredentialsError, TooManyTriesError } from './identity.errors.js';

const PASSWORD = 'correct-horse';
const HOME = '203.0.113.7';

const from = <R>(ip: string, work: () => Promise<R>) => workContext.run({ requestId: newId(), ip }, work);

async function setup({ env = {}, databaseUrl }: { env?: Record<string, string>; databaseUrl?: string } = {}) {
  const house = await integration({ env: { RATE_LIMIT_ENABLED: 'true', ...env }, databaseUrl });
  const auth = house.module.get(AuthService);
  /** What a sign-in comes to: `in`, or the error. */
  const login = (email: string, password: string, ip = HOME): Promise<unknown> =>
    from(ip, () => auth.login({ email, password })).then(
      () => 'in',
      (error: unknown) => error,
    );
  return {
    ...house,
    auth,
    login,
    wrongly: async (times: number, email: string, ip?: string) => {
      for (let n = 0; n < times; n += 1) expect(await login(email, 'wrong-horse', ip)).toBeInstanceOf(InvalidCredentialsError);
    },
    person: async () => {
      const { user, accessToken } = await house.merchant();
      return { email: user.email, me: (await house.module.get(CredentialService).identify(accessToken)) as Person };
    },
  };
}

test('after five wrong passwords the right one does not help either, for up to 15 minutes', async () => {
  const { person, wrongly, login } = await setup();
  const { email } = await person();
  await wrongly(5, email);
  for (const password of [PASSWORD, 'wrong-horse']) {
    const refused = await login(email, password);
    expect(refused).toBeInstanceOf(TooManyTriesError);
    expect(refused).toMatchObject({ status: 429, code: 'too_many_tries' });
    const { retryAfter } = refused as TooManyTriesError;
    expect(retryAfter).toBeGreaterThan(800);
    expect(retryAfter).toBeLessThanOrEqual(900);
  }
});

test('the fifth try may still be the right one', async () => {
  const { person, wrongly, login } = await setup();
  const { email } = await person();
  await wrongly(4, email);
  expect(await login(email, PASSWORD)).toBe('in');
});

test('an e-mail that nobody has is refused just the same, so that the answer does not tell who is known', async () => {
  const { wrongly, login } = await setup();
  await wrongly(5, 'nobody@example.com');
  expect(await login('nobody@example.com', PASSWORD)).toBeInstanceOf(TooManyTriesError);
});

test('the same person from another address, and another person from this one, are let in', async () => {
  const { person, wrongly, login } = await setup({ env: { RATE_LIMIT_AUTH: '2' } });
  const [guessed, other] = [await person(), await person()];
  await wrongly(2, guessed.email);
  expect(await login(guessed.email, PASSWORD, '198.51.100.9')).toBe('in');
  expect(await login(other.email, PASSWORD)).toBe('in');
  expect(await login(guessed.email, PASSWORD)).toBeInstanceOf(TooManyTriesError);
});

test('tries at the same moment are counted too: of twelve five are looked at', async () => {
  const { person, login } = await setup();
  const { email } = await person();
  const results = await parallel(12, () => login(email, 'wrong-horse'));
  expect(results.filter((error) => error instanceof InvalidCredentialsError)).toHaveLength(5);
  expect(results.filter((error) => error instanceof TooManyTriesError)).toHaveLength(7);
});

test('a right password clears the count', async () => {
  const { person, wrongly, login } = await setup({ env: { RATE_LIMIT_AUTH: '2' } });
  const { email } = await person();
  await wrongly(1, email);
  expect(await login(email, PASSWORD)).toBe('in');
  await wrongly(2, email);
  expect(await login(email, PASSWORD)).toBeInstanceOf(TooManyTriesError);
});

test('every process counts the tries of all', async () => {
  const one = await setup({ env: { RATE_LIMIT_AUTH: '2' } });
  const two = await setup({ env: { RATE_LIMIT_AUTH: '2' }, databaseUrl: one.databaseUrl });
  const { email } = await one.person();
  await one.wrongly(1, email);
  await two.wrongly(1, email);
  for (const { login } of [one, two]) expect(await login(email, PASSWORD)).toBeInstanceOf(TooManyTriesError);
});

test('how many tries there are is RATE_LIMIT_AUTH, and without RATE_LIMIT_ENABLED as many as one likes', async () => {
  const strict = await setup({ env: { RATE_LIMIT_AUTH: '1' } });
  await strict.wrongly(1, 'nobody@example.com');
  expect(await strict.login('nobody@example.com', PASSWORD)).toBeInstanceOf(TooManyTriesError);
  const lax = await setup({ env: { RATE_LIMIT_AUTH: '1', RATE_LIMIT_ENABLED: 'false' } });
  await lax.wrongly(3, 'nobody@example.com');
});

test('who is signed in cannot guess the password either: five tries to change it, wherever from, and one’s own alone', async () => {
  const { person, auth, login } = await setup();
  const [guesser, other] = [await person(), await person()];
  const change = (me: Person, currentPassword: string, ip: string) =>
    from(ip, () => auth.changePassword(me, { currentPassword, newPassword: 'staple-correct-horse' }));
  for (let n = 1; n <= 5; n += 1)
    await expect(change(guesser.me, 'wrong-horse', `203.0.113.${n}`)).rejects.toThrow(InvalidCredentialsError);
  await expect(change(guesser.me, PASSWORD, '203.0.113.6')).rejects.toThrow(TooManyTriesError);
  expect(await login(guesser.email, PASSWORD)).toBe('in');
  expect((await change(other.me, PASSWORD, HOME)).user.id).toBe(other.me.id);
});

test('a changed password clears the count of the tries to change it', async () => {
  const { person, auth, module } = await setup({ env: { RATE_LIMIT_AUTH: '2' } });
  let { me } = await person();
  for (const [currentPassword, newPassword] of [
    [PASSWORD, 'staple-correct-horse'],
    ['staple-correct-horse', 'battery-correct-horse'],
    ['battery-correct-horse', PASSWORD],
  ] as const) {
    const { accessToken } = await auth.changePassword(me, { currentPassword, newPassword });
    me = (await module.get(CredentialService).identify(accessToken)) as Person;
  }
  expect(me.role).toBe('owner');
});
