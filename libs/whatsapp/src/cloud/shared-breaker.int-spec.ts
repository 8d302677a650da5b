import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { WhatsappModule } from '../whatsapp.module.js';
import { BreakerService } from './breaker.service.js';
import { CLOUD_BREAKER } from './cloud.client.js';
import { type Permit, SharedBreaker } from './shared-breaker.js';

const call = async (breaker: SharedBreaker, ok: boolean): Promise<boolean> => {
  const permit = await breaker.ask();
  if (typeof permit === 'number') return false;
  await permit.settle(ok, 'Meta answered 503');
  return true;
};

async function setup() {
  const { system, module } = await integration({ imports: [WhatsappModule] });
  let writes = 0;
  const counted: Pick<typeof system, 'query'> = {
    query: (text, values) => {
      if (text.startsWith('UPDATE')) writes += 1;
      return system.query(text, values);
    },
  };
  const make = () => new SharedBreaker(counted, CLOUD_BREAKER, 20);
  return {
    make,
    writes: () => writes,
    state: async () => (await module.get(BreakerService).list())[0]!,
    /** The time that it is open for is over. */
    pass: () => system.query(`UPDATE breakers SET open_until = now()`),
    trip: async (breaker: SharedBreaker) => {
      for (let n = 0; n < 10; n += 1) await call(breaker, false);
    },
    later: () => new Promise((resolve) => setTimeout(resolve, 25)),
  };
}
const isPermit = (given: Permit | number): given is Permit => typeof given !== 'number';

test('what one process finds out, the others know a moment later; ops see why', async () => {
  const { make, trip, state, later, writes } = await setup();
  const [one, other] = [make(), make()];
  expect(await call(other, true)).toBe(true);
  expect(await state()).toMatchObject({ name: 'whatsapp_cloud', state: 'closed', trips: 0 });
  for (let n = 0; n < 9; n += 1) await call(one, false);
  expect(writes()).toBe(0);
  await trip(one);
  const wait = await one.ask();
  expect(wait).toBeGreaterThan(9_000);
  expect(wait).toBeLessThanOrEqual(10_000);
  await later();
  expect(await other.ask()).toBeGreaterThan(9_000);
  expect(await state()).toMatchObject({
    state: 'open',
    trips: 1,
    reason: 'Meta answered 503',
    openUntil: expect.any(String) as string,
  });
  expect(writes()).toBe(1);
});

test('at most three probes of all processes together; the first success closes it for all', async () => {
  const { make, trip, pass, later, state } = await setup();
  const breakers = [make(), make(), make()];
  await trip(breakers[0]!);
  await pass();
  await later();
  const given = await Promise.all(Array.from({ length: 12 }, (_, n) => breakers[n % 3]!.ask()));
  const probes = given.filter(isPermit);
  expect(probes).toHaveLength(3);
  expect(await state()).toMatchObject({ state: 'half_open' });
  await probes[0]!.settle(true);
  expect(await state()).toMatchObject({ state: 'closed', trips: 0 });
  expect(await state()).not.toHaveProperty('reason');
  // A late failure of a probe is a call like any other.
  await probes[1]!.settle(false);
  await later();
  for (const breaker of breakers) expect(await call(breaker, true)).toBe(true);
  expect(await state()).toMatchObject({ state: 'closed' });
});

test('a probe that fails opens it for twice as long', async () => {
  const { make, trip, pass, later, state } = await setup();
  const breaker = make();
  await trip(breaker);
  await pass();
  await later();
  const probe = await breaker.ask();
  if (!isPermit(probe)) throw new Error('no probe');
  await probe.settle(false, 'timeout');
  expect(await state()).toMatchObject({ state: 'open', trips: 2, reason: 'timeout' });
  expect(await breaker.ask()).toBeGreaterThan(19_000);
});

test('what failed before it closed does not open it again', async () => {
  const { make, trip, pass, later, state } = await setup();
  const breaker = make();
  await trip(breaker);
  await pass();
  await later();
  expect(await call(breaker, true)).toBe(true);
  await call(breaker, false);
  expect(await state()).toMatchObject({ state: 'closed' });
});

test('while the database is away the last known state holds', async () => {
  const { system } = await integration({ imports: [WhatsappModule] });
  let away = false;
  const query: typeof system.query = (text, values) => (away ? Promise.reject(new Error('away')) : system.query(text, values));
  const breaker = new SharedBreaker({ query }, CLOUD_BREAKER, 0);
  expect(isPermit(await breaker.ask())).toBe(true);
  away = true;
  expect(isPermit(await breaker.ask())).toBe(true);
});
