import { newId } from '@soko/common';
import { integration, until, withClient } from '@soko/testing';
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { AuthService } from './auth.service.js';
import { InvalidCredentialsError, LastOwnerError } from './identity.errors.js';
import { hashPassword } from './password.js';
import { TeamService } from './team.service.js';

const PASSWORD = 'correct-horse';

/** Until so many statements of this database wait for a row that somebody else has. */
const waiting = (client: Client, count: number) =>
  until(`${count} waiting for a lock`, async () => {
    await client.query('SELECT pg_stat_clear_snapshot()'); // A transaction otherwise sees what it saw first.
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows[0]!.n === count;
  });

/** A shop with its owner, and people who do something at the very same moment. */
async function setup() {
  const house = await integration({});
  const team = house.module.get(TeamService);
  const { merchant, user } = await house.merchant();
  return {
    auth: house.module.get(AuthService),
    team,
    shopId: merchant.id,
    owner: user,
    add: (role: 'owner' | 'agent') =>
      team.add(merchant.id, { email: `${newId()}@example.com`, password: PASSWORD, name: 'Farai', role }),
    owners: () => house.system.query<{ id: string }>(`SELECT id FROM users WHERE role = 'owner'`),
    sessions: () => house.system.query<{ user_id: string }>('SELECT user_id FROM sessions'),
    /**
     * Holds what `sql` locks or changes, starts everybody one after the other as far as they come, and lets go.
     * @returns what came of each: `done`, or the error.
     */
    whileHeld: (sql: string, values: unknown[], ...everybody: (() => Promise<unknown>)[]) =>
      withClient(house.databaseUrl, async (client) => {
        await client.query('BEGIN');
        await client.query(sql, values);
        const outcomes: Promise<unknown>[] = [];
        for (const begin of everybody) {
          outcomes.push(
            begin().then(
              () => 'done',
              (error: unknown) => error,
            ),
          );
          await waiting(client, outcomes.length);
        }
        await client.query('COMMIT');
        return Promise.all(outcomes);
      }),
  };
}

const HOLD_OWNERS = `SELECT 1 FROM users WHERE role = 'owner' FOR UPDATE`;

test('of two owners who remove each other at once one stays', async () => {
  const { team, shopId, owner, add, owners, whileHeld } = await setup();
  const other = await add('owner');
  const outcomes = await whileHeld(
    HOLD_OWNERS,
    [],
    () => team.remove(shopId, owner.id),
    () => team.remove(shopId, other.id),
  );
  expect(outcomes).toEqual(['done', expect.any(LastOwnerError)]);
  expect(await owners()).toEqual([{ id: other.id }]);
});

test('of two owners who demote each other at once one stays an owner', async () => {
  const { team, shopId, owner, add, owners, whileHeld } = await setup();
  const other = await add('owner');
  const outcomes = await whileHeld(
    HOLD_OWNERS,
    [],
    () => team.update(shopId, owner.id, { role: 'driver' }),
    () => team.update(shopId, other.id, { role: 'driver' }),
  );
  expect(outcomes).toEqual(['done', expect.any(LastOwnerError)]);
  expect(await owners()).toEqual([{ id: other.id }]);
});

test('of three owners of whom one is removed, one demoted and one leaves at once, one stays', async () => {
  const { team, shopId, owner, add, owners, whileHeld } = await setup();
  const [second, third] = [await add('owner'), await add('owner')];
  const outcomes = await whileHeld(
    HOLD_OWNERS,
    [],
    () => team.remove(shopId, owner.id),
    () => team.update(shopId, second.id, { role: 'agent' }),
    () => team.remove(shopId, third.id),
  );
  expect(outcomes.filter((each) => each === 'done')).toHaveLength(2);
  expect(outcomes.find((each) => each !== 'done')).toBeInstanceOf(LastOwnerError);
  expect(await owners()).toHaveLength(1);
});

test('who signs in by a password that is changed meanwhile is not let in', async () => {
  const { auth, owner, sessions, whileHeld } = await setup();
  const later = await hashPassword('staple-correct-horse');
  const outcomes = await whileHeld('UPDATE logins SET password_hash = $1', [later], () =>
    auth.login({ email: owner.email, password: PASSWORD }),
  );
  expect(outcomes).toEqual([expect.any(InvalidCredentialsError)]);
  expect(await sessions()).toHaveLength(1);
});

test('who is removed while they sign in is gone, and neither waits for the other for ever', async () => {
  const { auth, team, shopId, owner, add, sessions, whileHeld } = await setup();
  const { id, email } = await add('agent');
  const outcomes = await whileHeld(
    'SELECT 1 FROM users WHERE id = $1 FOR UPDATE',
    [id],
    () => team.remove(shopId, id),
    () => auth.login({ email, password: PASSWORD }),
  );
  expect(outcomes).toEqual(['done', expect.any(InvalidCredentialsError)]);
  expect(await sessions()).toEqual([{ user_id: owner.id }]);
});
