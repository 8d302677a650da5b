import { JwtService } from '@nestjs/jwt';
import { newId } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { AuthService } from './auth.service.js';
import { EmailTakenError, InvalidCredentialsError, UnauthenticatedError } from './identity.errors.js';

const body = (email = `${newId()}@example.com`) => ({
  email,
  password: 'correct-horse',
  name: 'Tariro Moyo',
  merchant: { name: 'Mbare Market', currency: 'ZAR', timezone: 'Africa/Harare', locale: 'sn' },
});

async function setup() {
  const house = await integration({});
  return { ...house, auth: house.module.get(AuthService), jwt: house.module.get(JwtService) };
}

test('who registers owns a new merchant, is signed in, and the house hears of it', async () => {
  const { auth, jwt, tenancy } = await setup();
  const session = await auth.register(body('owner@example.com'));
  expect(session).toEqual({
    accessToken: expect.any(String),
    tokenType: 'Bearer',
    expiresIn: 604_800,
    user: { id: expect.any(String), email: 'owner@example.com', name: 'Tariro Moyo', role: 'owner' },
    merchant: { id: expect.any(String), name: 'Mbare Market', currency: 'ZAR', timezone: 'Africa/Harare', locale: 'sn' },
  });
  const { user, merchant } = session;
  expect(await jwt.verifyAsync(session.accessToken)).toMatchObject({ sub: user.id, mid: merchant.id, role: 'owner' });
  expect(await auth.me({ userId: user.id, merchantId: merchant.id, role: 'owner' })).toEqual({ user, merchant });
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

test('an account that is gone, or another merchant’s, is not signed in', async () => {
  const { auth } = await setup();
  const [mine, theirs] = [await auth.register(body()), await auth.register(body())];
  for (const [merchantId, userId] of [
    [mine.merchant.id, newId()],
    [mine.merchant.id, theirs.user.id],
    [newId(), mine.user.id],
  ] as const) {
    await expect(auth.me({ merchantId, userId, role: 'owner' })).rejects.toThrow(UnauthenticatedError);
  }
});

test('the password is kept as a hash', async () => {
  const { auth, system } = await setup();
  await auth.register(body());
  const [login] = await system.run((tx) => tx.query<{ password_hash: string }>('SELECT password_hash FROM logins'));
  expect(login!.password_hash).toMatch(/^\$2b\$12\$/);
});
