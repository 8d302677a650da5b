import { JwtService } from '@nestjs/jwt';
import { newId } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { AuthService } from './auth.service.js';
import type { Person } from './caller.js';
import { CredentialService } from './credential.service.js';
import { EmailTakenError, InvalidCredentialsError, UnauthenticatedError } from './identity.errors.js';

const body = (email = `${newId()}@example.com`) => ({
  email,
  password: 'correct-horse',
  name: 'Tariro Moyo',
  merchant: { name: 'Mbare Market', currency: 'ZAR', timezone: 'Africa/Harare', locale: 'sn' },
});

async function setup() {
  const house = await integration({});
  const [auth, credentials] = [house.module.get(AuthService), house.module.get(CredentialService)];
  return {
    ...house,
    auth,
    credentials,
    person: async (token: string) => (await credentials.identify(token)) as Person,
    sessions: () => house.system.query<{ id: string }>('SELECT id FROM sessions'),
  };
}

test('who registers owns a new merchant, is signed in, and the house hears of it', async () => {
  const { auth, credentials, tenancy } = await setup();
  const session = await auth.register(body('owner@example.com'));
  expect(session).toEqual({
    accessToken: expect.any(String),
    tokenType: 'Bearer',
    expiresIn: 604_800,
    user: { id: expect.any(String), email: 'owner@example.com', name: 'Tariro Moyo', role: 'owner' },
    merchant: { id: expect.any(String), name: 'Mbare Market', currency: 'ZAR', timezone: 'Africa/Harare', locale: 'sn' },
  });
  const { user, merchant } = session;
  const caller = await credentials.identify(session.accessToken);
  expect(caller).toMatchObject({ kind: 'user', id: user.id, merchantId: merchant.id, role: 'owner', plan: 'standard' });
  expect(caller.me).toEqual({ user, merchant });
  const events = await tenancy.run(merchant.id, (tx) => tx.query('SELECT type, subject, data FROM events'));
  expect(events).toEqual([
    {
      type: 'merchant_registered',
      subject: 'merchant',
      data: { name: 'Mbare Market', locale: 'sn', registeredAt: expect.any(String) },
    },
  ]);
});

test('signing in needs the e-mail and its password; the answer does not tell which was wrong', async () => {
  const { auth } = await setup();
  const { email, password, ...rest } = body();
  const session = await auth.register({ email, password, ...rest });
  const again = await auth.login({ email, password });
  expect({ ...again, accessToken: '' }).toEqual({ ...session, accessToken: '' });
  const wrong = await auth.login({ email, password: 'wrong-horse' }).catch((error: unknown) => error);
  const unknown = await auth.login({ email: 'nobody@example.com', password }).catch((error: unknown) => error);
  expect(wrong).toBeInstanceOf(InvalidCredentialsError);
  expect(unknown).toEqual(wrong);
});

test('an e-mail is one person’s: of five who register with it at once one is taken in, and nothing is left of the others', async () => {
  const { auth, system } = await setup();
  const email = 'owner@example.com';
  const results = await parallel(5, () =>
    auth.register(body(email)).then(
      () => 'in',
      (error: unknown) => error,
    ),
  );
  expect(results.filter((each) => each === 'in')).toHaveLength(1);
  for (const error of results.filter((each) => each !== 'in')) {
    expect(error).toBeInstanceOf(EmailTakenError);
    expect(error).toMatchObject({ status: 409, code: 'email_taken' });
  }
  await expect(auth.register(body(email))).rejects.toThrow(EmailTakenError);
  for (const table of ['merchants', 'users', 'logins', 'events']) {
    expect(await system.run((tx) => tx.query(`SELECT count(*)::int AS n FROM ${table}`)), table).toEqual([{ n: 1 }]);
  }
});

test('the password is kept as a hash', async () => {
  const { auth, system } = await setup();
  await auth.register(body());
  const [login] = await system.run((tx) => tx.query<{ password_hash: string }>('SELECT password_hash FROM logins'));
  expect(login!.password_hash).toMatch(/^\$2b\$12\$/);
});

test('what is not said of a merchant is US dollars, UTC and English', async () => {
  const { auth } = await setup();
  const { merchant } = await auth.register({ ...body(), merchant: { name: 'Mbare Market' } });
  expect(merchant).toMatchObject({ currency: 'USD', timezone: 'UTC', locale: 'en' });
});

test('an access token lives for seven days, and so does its session', async () => {
  const { auth, module, system } = await setup();
  const { accessToken, expiresIn } = await auth.register(body());
  const { iat, exp } = module.get(JwtService).decode<{ iat: number; exp: number }>(accessToken);
  expect(exp - iat).toBe(7 * 24 * 3600);
  expect(expiresIn).toBe(exp - iat);
  const [session] = await system.query<{ days: number }>(
    'SELECT extract(epoch FROM expires_at - created_at)::float8 / 86400 AS days FROM sessions',
  );
  expect(session).toEqual({ days: 7 });
});

test('an access token holds ids and nothing else of the person', async () => {
  const { auth, module } = await setup();
  const { accessToken, user, merchant } = await auth.register(body());
  expect(module.get(JwtService).decode(accessToken)).toEqual({
    sub: user.id,
    mid: merchant.id,
    sid: expect.any(String),
    iss: 'soko',
    iat: expect.any(Number),
    exp: expect.any(Number),
  });
});

test('signing out ends this session at once, and no other', async () => {
  const { auth, credentials, person } = await setup();
  const { email, password, ...rest } = body();
  const phone = await auth.register({ email, password, ...rest });
  const laptop = await auth.login({ email, password });
  await auth.logout(await person(phone.accessToken));
  await expect(credentials.identify(phone.accessToken)).rejects.toThrow(UnauthenticatedError);
  expect((await credentials.identify(laptop.accessToken)).id).toBe(laptop.user.id);
});

test('a changed password ends every session of the person, nobody else’s, and begins a new one', async () => {
  const { auth, credentials, person, merchant } = await setup();
  const { email, password, ...rest } = body();
  const phone = await auth.register({ email, password, ...rest });
  const laptop = await auth.login({ email, password });
  const stranger = await merchant();
  const newPassword = 'staple-correct-horse';
  const changed = await auth.changePassword(await person(phone.accessToken), { currentPassword: password, newPassword });
  expect({ ...changed, accessToken: '' }).toEqual({ ...phone, accessToken: '' });
  for (const { accessToken } of [phone, laptop])
    await expect(credentials.identify(accessToken)).rejects.toThrow(UnauthenticatedError);
  for (const { accessToken, user } of [changed, stranger]) expect((await credentials.identify(accessToken)).id).toBe(user.id);
  await expect(auth.login({ email, password })).rejects.toThrow(InvalidCredentialsError);
  expect((await auth.login({ email, password: newPassword })).user.id).toBe(phone.user.id);
});

test('a password is changed by who knows it: otherwise nothing changes', async () => {
  const { auth, credentials, person } = await setup();
  const { email, password, ...rest } = body();
  const { accessToken, user } = await auth.register({ email, password, ...rest });
  const change = { currentPassword: 'wrong-horse', newPassword: 'staple-correct-horse' };
  await expect(auth.changePassword(await person(accessToken), change)).rejects.toThrow(InvalidCredentialsError);
  expect((await credentials.identify(accessToken)).id).toBe(user.id);
  expect((await auth.login({ email, password })).user.id).toBe(user.id);
});

test('of two changes at once that name the same old password one counts, and its session lives', async () => {
  const { auth, credentials, person, sessions } = await setup();
  const { email, password, ...rest } = body();
  const me = await person((await auth.register({ email, password, ...rest })).accessToken);
  const passwords = ['staple-correct-horse', 'battery-correct-horse'];
  const results = await parallel(2, (n) =>
    auth.changePassword(me, { currentPassword: password, newPassword: passwords[n]! }).catch((error: unknown) => error),
  );
  const winner = results.findIndex((result) => !(result instanceof Error));
  expect(results[1 - winner]).toBeInstanceOf(InvalidCredentialsError);
  const { accessToken } = results[winner] as { accessToken: string };
  expect((await credentials.identify(accessToken)).id).toBe(me.id);
  expect(await sessions()).toHaveLength(1);
  expect((await auth.login({ email, password: passwords[winner]! })).user.id).toBe(me.id);
});
