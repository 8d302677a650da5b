import { createHmac } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { newId } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { ApiKeyService } from './api-key.service.js';
import type { Person } from './caller.js';
import { type Claims, CredentialService } from './credential.service.js';
import { UnauthenticatedError } from './identity.errors.js';
import { MerchantService } from './merchant.service.js';
import { ROLE_SCOPES, type Scope } from './roles.js';
import { TeamService } from './team.service.js';

async function setup() {
  const house = await integration({});
  const { module, tenancy } = house;
  const credentials = module.get(CredentialService);
  const session = await house.merchant();
  const merchantId = session.merchant.id;
  const me = (await credentials.identify(session.accessToken)) as Person;
  const keys = module.get(ApiKeyService);
  const sql = <R extends object>(text: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(text, values));
  return {
    ...house,
    session,
    merchantId,
    me,
    keys,
    sql,
    identify: (credential: string) => credentials.identify(credential),
    team: module.get(TeamService),
    createKey: (scopes: Scope[] = ['orders:read'], expiresAt?: string) =>
      keys.create(me, { name: 'Accounting', scopes, ...(expiresAt ? { expiresAt } : {}) }),
    lastUse: async () => {
      const [row] = await sql<{ used: Date | null; ago: number | null }>(
        'SELECT last_used_at AS used, extract(epoch FROM now() - last_used_at)::float8 AS ago FROM api_keys',
      );
      return row!;
    },
  };
}

const REFUSED = { name: 'UnauthenticatedError', status: 401, code: 'unauthenticated' };
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('an access token names the person, what their role may do, and their merchant', async () => {
  const { me, session, merchantId } = await setup();
  expect(me).toEqual({
    kind: 'user',
    merchantId,
    id: session.user.id,
    role: 'owner',
    scopes: ROLE_SCOPES.owner,
    plan: 'standard',
    sessionId: expect.any(String),
    me: { user: session.user, merchant: session.merchant },
  });
});

test('a token is dead when its session’s time is over, whatever the token says', async () => {
  const house = await setup();
  await house.sql(`UPDATE sessions SET expires_at = now() + interval '1 minute'`);
  expect((await house.identify(house.session.accessToken)).id).toBe(house.session.user.id);
  await house.sql('UPDATE sessions SET expires_at = now()');
  await expect(house.identify(house.session.accessToken)).rejects.toMatchObject(REFUSED);
});

test('a token is dead when its own time is over, whatever the session says', async () => {
  const house = await setup();
  const claims: Claims = { sub: house.me.id, mid: house.merchantId, sid: house.me.sessionId };
  const jwt = house.module.get(JwtService);
  expect((await house.identify(await jwt.signAsync(claims, { expiresIn: 60 }))).id).toBe(house.me.id);
  await expect(house.identify(await jwt.signAsync(claims, { expiresIn: -1 }))).rejects.toMatchObject(REFUSED);
});

test('the tokens of a person who was removed are dead at once', async () => {
  const house = await setup();
  const { team, merchantId } = house;
  await team.add(merchantId, { email: `${newId()}@example.com`, name: 'Farai', role: 'owner', password: 'correct-horse' });
  await team.remove(merchantId, house.session.user.id);
  await expect(house.identify(house.session.accessToken)).rejects.toMatchObject(REFUSED);
});

test('a new role, a new name and a new plan count from the next call on', async () => {
  const { identify, team, merchantId, session, module } = await setup();
  await team.add(merchantId, { email: `${newId()}@example.com`, name: 'Farai', role: 'owner', password: 'correct-horse' });
  await team.update(merchantId, session.user.id, { role: 'driver', name: 'Rudo' });
  await module.get(MerchantService).setPlan(merchantId, 'trial');
  const caller = await identify(session.accessToken);
  expect(caller).toMatchObject({ role: 'driver', plan: 'trial', me: { user: { role: 'driver', name: 'Rudo' } } });
  expect([...caller.scopes].toSorted()).toEqual(['deliveries:read', 'deliveries:write']);
});

test('a token that we did not sign is worth nothing', async () => {
  const house = await setup();
  const { session, me, merchantId } = house;
  const claims: Claims = { sub: me.id, mid: merchantId, sid: me.sessionId };
  const [header, payload, signature] = session.accessToken.split('.') as [string, string, string];
  const secret = process.env.JWT_SECRET!;
  const sign = (head: object, body: object, hash: string) => {
    const text = `${encode(head)}.${encode(body)}`;
    return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
  };
  const times = { iss: 'soko', exp: Math.floor(Date.now() / 1000) + 60 };
  // Ours, so that what follows is refused for what differs from it.
  expect((await house.identify(sign({ alg: 'HS256' }, { ...claims, ...times }, 'sha256'))).id).toBe(me.id);
  for (const forged of [
    `${header}.${payload}.`,
    `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    `${header}.${encode({ ...claims, ...times, sub: newId() })}.${signature}`,
    `${encode({ alg: 'none' })}.${encode({ ...claims, ...times })}.`,
    sign({ alg: 'none' }, { ...claims, ...times }, 'sha256'),
    sign({ alg: 'HS512' }, { ...claims, ...times }, 'sha512'),
    sign({ alg: 'HS256' }, { ...claims, ...times, iss: 'another house' }, 'sha256'),
    sign({ alg: 'HS256' }, { ...claims, exp: times.exp }, 'sha256'),
    await new JwtService({ secret: `${secret}x` }).signAsync(claims, { issuer: 'soko', expiresIn: 60 }),
  ])
    await expect(house.identify(forged), forged).rejects.toMatchObject(REFUSED);
});

test('a token that we signed opens no other session than its own', async () => {
  const house = await setup();
  const stranger = await house.merchant();
  const jwt = house.module.get(JwtService);
  const claims: Claims = { sub: house.me.id, mid: house.merchantId, sid: house.me.sessionId };
  for (const changes of [{ mid: stranger.merchant.id }, { mid: newId() }, { sid: newId() }])
    await expect(house.identify(await jwt.signAsync({ ...claims, ...changes }, { expiresIn: 60 }))).rejects.toMatchObject(
      REFUSED,
    );
  for (const odd of [{ mid: '' }, { sid: "' OR true --" }, { sid: 7 }, { mid: null }, { sid: [claims.sid] }])
    await expect(house.identify(await jwt.signAsync({ ...claims, ...odd }, { expiresIn: 60 }))).rejects.toMatchObject(REFUSED);
});

test('what is no credential at all is refused like one that is wrong', async () => {
  const house = await setup();
  for (const garbage of ['', ' ', 'x', 'a.b.c', '...', 'null', '{}', '\0', '🥭', 'x'.repeat(10_000), house.session.user.id])
    await expect(house.identify(garbage), garbage).rejects.toMatchObject(REFUSED);
});

test('an API key names itself, with the scopes it was given and no role', async () => {
  const { identify, createKey, merchantId } = await setup();
  const { id, key } = await createKey(['orders:read', 'events:read']);
  expect(await identify(key)).toEqual({
    kind: 'key',
    merchantId,
    id,
    scopes: new Set(['orders:read', 'events:read']),
    plan: 'standard',
  });
});

test('a new plan counts for the merchant’s keys from the next call on', async () => {
  const { identify, createKey, module, merchantId } = await setup();
  const { key } = await createKey();
  await module.get(MerchantService).setPlan(merchantId, 'trial');
  expect((await identify(key)).plan).toBe('trial');
});

test('an API key is dead from the time that it was made for', async () => {
  const house = await setup();
  const { key } = await house.createKey(['orders:read'], new Date(Date.now() + 60_000).toISOString());
  expect((await house.identify(key)).kind).toBe('key');
  await house.sql('UPDATE api_keys SET expires_at = now()');
  await expect(house.identify(key), key).rejects.toMatchObject(REFUSED);
});

test('a revoked API key is dead at once, and the merchant’s others live', async () => {
  const house = await setup();
  const [lost, kept] = [await house.createKey(), await house.createKey()];
  await house.keys.revoke(house.merchantId, lost.id);
  await expect(house.identify(lost.key)).rejects.toMatchObject(REFUSED);
  expect((await house.identify(kept.key)).id).toBe(kept.id);
});

test('an API key outlives the session of the person who made it', async () => {
  const { identify, createKey, sql } = await setup();
  const { id, key } = await createKey();
  await sql('DELETE FROM sessions');
  expect((await identify(key)).id).toBe(id);
});

test('what only looks like an API key is refused', async () => {
  const house = await setup();
  const { key, id, hint } = await house.createKey();
  const [{ hash }] = (await house.sql<{ hash: Buffer }>('SELECT hash FROM api_keys')) as [{ hash: Buffer }];
  const lastChanged = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  for (const guess of ['sk_', lastChanged, key.slice(0, -1), `${key}A`, `${key} `, key.toUpperCase(), hint, `sk_${id}`])
    await expect(house.identify(guess), guess).rejects.toMatchObject(REFUSED);
  for (const stolen of [hash.toString('hex'), hash.toString('base64url'), hash.toString('latin1')])
    await expect(house.identify(`sk_${stolen}`)).rejects.toMatchObject(REFUSED);
  expect((await house.identify(key)).id).toBe(id);
});

test('when an API key was last used is on record', async () => {
  const { createKey, identify, lastUse, keys, merchantId } = await setup();
  const { key } = await createKey();
  expect((await lastUse()).used).toBeNull();
  expect((await keys.list(merchantId, { limit: 1 })).data[0]).not.toHaveProperty('lastUsedAt');
  await identify(key);
  const { used, ago } = await lastUse();
  expect(ago).toBeLessThan(10);
  expect((await keys.list(merchantId, { limit: 1 })).data[0]!.lastUsedAt).toBe(used!.toISOString());
});

test('a busy API key is noted once a minute, not at every call', async () => {
  const { createKey, identify, lastUse, sql } = await setup();
  const { key } = await createKey();
  await sql(`UPDATE api_keys SET last_used_at = now() - interval '50 seconds'`);
  const { used } = await lastUse();
  await parallel(10, () => identify(key));
  expect((await lastUse()).used).toEqual(used);
  await sql(`UPDATE api_keys SET last_used_at = now() - interval '61 seconds'`);
  await identify(key);
  expect((await lastUse()).ago).toBeLessThan(10);
});

test('a key that is refused is not noted as used', async () => {
  const { createKey, identify, lastUse, sql } = await setup();
  const { key } = await createKey();
  await sql('UPDATE api_keys SET expires_at = now()');
  await expect(identify(key)).rejects.toThrow(UnauthenticatedError);
  expect((await lastUse()).used).toBeNull();
});
