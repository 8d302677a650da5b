import { newId, NotFoundError, validateInput } from '@soko/common';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { AuthService } from './auth.service.js';
import { CredentialService } from './credential.service.js';
import { EmailTakenError, InvalidCredentialsError, LastOwnerError, UnauthenticatedError } from './identity.errors.js';
import { type CreateUserBody, UpdateUserBody } from './identity.dto.js';
import { PLATFORM_ID, TEAM_ROLES } from './roles.js';
import { TeamService } from './team.service.js';

const PASSWORD = 'correct-horse';

async function setup() {
  const house = await integration({});
  const { module } = house;
  const team = module.get(TeamService);
  const { merchant, user: owner, accessToken } = await house.merchant();
  return {
    ...house,
    auth: module.get(AuthService),
    credentials: module.get(CredentialService),
    team,
    shopId: merchant.id,
    owner,
    accessToken,
    add: (body: Partial<CreateUserBody> = {}) =>
      team.add(merchant.id, { email: `${newId()}@example.com`, password: PASSWORD, name: 'Farai', role: 'agent', ...body }),
    members: async (shopId = merchant.id) => (await team.list(shopId, { limit: 100 })).data,
  };
}

test('who is added is on the team and can sign in, in their role', async () => {
  const { add, auth, credentials, members, owner, shopId } = await setup();
  const added = await add({ email: 'farai@example.com', role: 'driver' });
  expect(added).toEqual({
    id: expect.any(String),
    email: 'farai@example.com',
    name: 'Farai',
    role: 'driver',
    createdAt: expect.any(String),
  });
  const [first, second] = await members();
  expect(first).toMatchObject(owner);
  expect({ ...second, createdAt: added.createdAt }).toEqual(added);
  expect(Math.abs(Date.parse(second!.createdAt) - Date.parse(added.createdAt))).toBeLessThan(5_000);
  const { accessToken, merchant } = await auth.login({ email: added.email, password: PASSWORD });
  expect(merchant.id).toBe(shopId);
  expect(await credentials.identify(accessToken)).toMatchObject({ id: added.id, role: 'driver', merchantId: shopId });
});

test('the team is paged in the order in which its people were added', async () => {
  const { add, team, shopId, owner } = await setup();
  const made = [owner.id];
  for (let n = 0; n < 4; n += 1) made.push((await add()).id);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await team.list(shopId, { limit: 2, cursor });
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.pagination.nextCursor;
  } while (cursor);
  expect(seen).toEqual(made);
});

test('an e-mail that somebody has, here or at another merchant’s, cannot be added, and nothing is left of the try', async () => {
  const { add, merchant, members, owner } = await setup();
  const stranger = await merchant();
  for (const email of [owner.email, stranger.user.email]) {
    await expect(add({ email })).rejects.toThrow(EmailTakenError);
    await expect(add({ email })).rejects.toMatchObject({ status: 409, code: 'email_taken' });
  }
  expect(await members()).toHaveLength(1);
});

test('of five who are added with one e-mail at once one is taken in', async () => {
  const { add, members } = await setup();
  const results = await parallel(5, () => add({ email: 'farai@example.com' }).catch((error: unknown) => error));
  expect(results.filter((each) => each instanceof EmailTakenError)).toHaveLength(4);
  expect((await members()).map(({ email }) => email)).toContain('farai@example.com');
  expect(await members()).toHaveLength(2);
});

test('a change changes what it names, and nobody else', async () => {
  const { add, team, shopId, members } = await setup();
  const [changed, other] = [await add(), await add()];
  const update = (body: object) => team.update(shopId, changed.id, validateInput(UpdateUserBody, body));
  expect(await update({ name: 'Rudo' })).toMatchObject({ id: changed.id, name: 'Rudo', role: 'agent', email: changed.email });
  expect(await update({ role: 'driver' })).toMatchObject({ name: 'Rudo', role: 'driver' });
  expect(await update({})).toMatchObject({ name: 'Rudo', role: 'driver' });
  expect((await members()).at(-1)).toMatchObject({ id: other.id, name: 'Farai', role: 'agent' });
});

test('anybody can be given any role of the team', async () => {
  const { add, team, shopId } = await setup();
  const { id } = await add();
  for (const from of TEAM_ROLES)
    for (const to of TEAM_ROLES) {
      await team.update(shopId, id, { role: from });
      expect((await team.update(shopId, id, { role: to })).role).toBe(to);
    }
});

test('a merchant has no ops, and the platform nobody else: the database itself refuses', async () => {
  const { tenancy, shopId, owner } = await setup();
  await expect(tenancy.run(shopId, (tx) => tx.query(`UPDATE users SET role = 'ops' WHERE id = $1`, [owner.id]))).rejects.toThrow(
    /users_ops_are_the_platform/,
  );
  const hire = (role: string) =>
    tenancy.run(PLATFORM_ID, async (tx) => {
      await tx.query(
        `INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, 'Soko', 'USD', 'UTC', 'en') ON CONFLICT DO NOTHING`,
        [PLATFORM_ID],
      );
      await tx.query(`INSERT INTO users (merchant_id, email, name, role) VALUES ($1, 'ops@example.com', 'Ops', $2)`, [
        PLATFORM_ID,
        role,
      ]);
    });
  await hire('ops');
  for (const role of TEAM_ROLES) await expect(hire(role), role).rejects.toThrow(/users_ops_are_the_platform/);
});

test('the last owner can neither leave nor take another role', async () => {
  const { add, team, shopId, owner, members, credentials, accessToken } = await setup();
  await add();
  await expect(team.remove(shopId, owner.id)).rejects.toThrow(LastOwnerError);
  await expect(team.remove(shopId, owner.id)).rejects.toMatchObject({ status: 409, code: 'last_owner' });
  for (const role of ['agent', 'driver'] as const) {
    const demotion = team.update(shopId, owner.id, { role, name: 'Changed', password: 'staple-correct-horse' });
    await expect(demotion).rejects.toThrow(LastOwnerError);
  }
  expect((await members())[0]).toMatchObject(owner);
  expect((await credentials.identify(accessToken)).role).toBe('owner');
});

test('the last owner may change their name, and stay an owner', async () => {
  const { team, shopId, owner } = await setup();
  expect(await team.update(shopId, owner.id, { name: 'Tariro', role: 'owner' })).toMatchObject({ name: 'Tariro', role: 'owner' });
});

test('an owner goes as soon as there is another one', async () => {
  const { add, team, shopId, owner, members } = await setup();
  const { id } = await add();
  await team.update(shopId, id, { role: 'owner' });
  await team.update(shopId, owner.id, { role: 'agent' });
  await team.remove(shopId, owner.id);
  expect((await members()).map((each) => each.id)).toEqual([id]);
  await expect(team.remove(shopId, id)).rejects.toThrow(LastOwnerError);
});

test('owners of another merchant do not count', async () => {
  const { merchant, team, shopId, owner } = await setup();
  await merchant();
  await expect(team.remove(shopId, owner.id)).rejects.toThrow(LastOwnerError);
});

test('who is removed can no longer sign in, and their e-mail is free again', async () => {
  const { add, team, auth, credentials, shopId } = await setup();
  const { id, email } = await add();
  const { accessToken } = await auth.login({ email, password: PASSWORD });
  await team.remove(shopId, id);
  await expect(credentials.identify(accessToken)).rejects.toThrow(UnauthenticatedError);
  await expect(auth.login({ email, password: PASSWORD })).rejects.toThrow(InvalidCredentialsError);
  await expect(team.remove(shopId, id)).rejects.toThrow(NotFoundError);
  expect((await add({ email })).email).toBe(email);
});

test('a password that the owner sets ends the person’s sessions, and is the one to sign in by; others stay signed in', async () => {
  const { add, team, auth, credentials, shopId, accessToken, owner } = await setup();
  const { id, email } = await add();
  const { accessToken: old } = await auth.login({ email, password: PASSWORD });
  await team.update(shopId, id, { password: 'staple-correct-horse' });
  await expect(credentials.identify(old)).rejects.toThrow(UnauthenticatedError);
  await expect(auth.login({ email, password: PASSWORD })).rejects.toThrow(InvalidCredentialsError);
  expect((await auth.login({ email, password: 'staple-correct-horse' })).user.id).toBe(id);
  expect((await credentials.identify(accessToken)).id).toBe(owner.id);
});

test('a new name or role leaves the person signed in', async () => {
  const { add, team, auth, credentials, shopId } = await setup();
  const { id, email } = await add();
  const { accessToken } = await auth.login({ email, password: PASSWORD });
  await team.update(shopId, id, { name: 'Rudo', role: 'driver' });
  expect((await credentials.identify(accessToken)).role).toBe('driver');
});

test('another merchant’s person is not found, and nothing happens to them', async () => {
  const { team, merchant, members, shopId, owner, auth, credentials, accessToken, add } = await setup();
  const stranger = (await merchant()).merchant.id;
  const agent = await add();
  for (const [who, whom] of [
    [stranger, agent.id],
    [stranger, owner.id],
    [shopId, newId()],
  ] as const) {
    await expect(team.remove(who, whom)).rejects.toThrow(NotFoundError);
    for (const body of [{ name: 'Mine' }, { role: 'driver' as const }, { role: 'owner' as const }, {}])
      await expect(team.update(who, whom, body)).rejects.toThrow(NotFoundError);
    await expect(team.update(who, whom, { password: 'staple-correct-horse' })).rejects.toThrow(NotFoundError);
  }
  expect((await members(stranger)).map(({ id }) => id)).not.toContain(agent.id);
  expect(await members()).toEqual([expect.objectContaining(owner), { ...agent, createdAt: expect.any(String) }]);
  expect((await credentials.identify(accessToken)).id).toBe(owner.id);
  expect((await auth.login({ email: agent.email, password: PASSWORD })).user.id).toBe(agent.id);
});
