import { SystemDb } from '@soko/database';
import type { Lease } from '@soko/messaging';
import { gate, integration, until } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LeaseRepository } from './lease.repository.js';
import { ShardLeases } from './shard-leases.service.js';

const LEASE_MS = 1_000;
const SHARDS = [0, 1, 2, 3];

/** A gateway that only holds leases. The first one makes the database, the others share it. */
async function gateway(databaseUrl?: string) {
  const house = await integration({
    providers: [LeaseRepository, ShardLeases],
    databaseUrl,
    env: { GATEWAY_LEASE_MS: String(LEASE_MS) },
  });
  const leases = house.module.get(ShardLeases);
  const told: string[] = [];
  const note = (what: string) => (lease: Lease) => {
    told.push(`${what} ${lease.shard}`);
    return Promise.resolve();
  };
  leases.listen({ acquired: note('acquired'), lost: note('lost') });
  return {
    ...house,
    leases,
    told,
    holds: () => SHARDS.filter((shard) => leases.lease(shard) !== undefined),
    /** Cuts it off from the database: it can neither renew its leases nor give them back. */
    cutOff: () => {
      const line = vi.spyOn(house.module.get(SystemDb), 'run').mockRejectedValue(new Error('the network is gone'));
      onTestFinished(() => line.mockRestore());
      return () => line.mockRestore();
    },
  };
}
type Gateway = Awaited<ReturnType<typeof gateway>>;

const shares = (...gateways: Gateway[]) => gateways.map(({ holds }) => holds().length);
const fences = async ({ system }: Gateway) =>
  (await system.run((tx) => tx.query<{ fence: number }>('SELECT fence FROM gateway_shards ORDER BY shard'))).map(
    ({ fence }) => fence,
  );

/** Looks, as often as the process breathes, whether two gateways hold one shard, or a shard's fence falls. */
function watch() {
  const gateways: Gateway[] = [];
  const faults: string[] = [];
  const highest = new Map<number, number>();
  let looks = 0;
  let watching = true;
  const look = () => {
    looks += 1;
    for (const shard of SHARDS) {
      const held = gateways.flatMap(({ leases }) => leases.lease(shard) ?? []);
      if (held.length > 1)
        faults.push(`shard ${shard}: ${held.map(({ holder, fence }) => `${holder} (${fence})`).join(' and ')}`);
      for (const { fence, holder } of held) {
        if (fence < (highest.get(shard) ?? 0)) faults.push(`shard ${shard}: ${holder} has fence ${fence}`);
        highest.set(shard, Math.max(fence, highest.get(shard) ?? 0));
      }
    }
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  onTestFinished(() => void (watching = false));
  return {
    add: <G extends Gateway>(each: G) => (gateways.push(each), each),
    expectNoFault: () => {
      expect(looks).toBeGreaterThan(100);
      expect(faults).toEqual([]);
    },
  };
}

test('the only gateway holds every shard, and keeps it', async () => {
  const alone = await gateway();
  expect(alone.holds()).toEqual(SHARDS);
  const [first] = await alone.system.run((tx) => tx.query<{ expires_at: Date }>('SELECT expires_at FROM gateway_shards'));
  await until('three renewals', async () => {
    expect(alone.holds()).toEqual(SHARDS);
    const [row] = await alone.system.run((tx) => tx.query<{ expires_at: Date }>('SELECT expires_at FROM gateway_shards'));
    return row!.expires_at.getTime() > first!.expires_at.getTime() + (LEASE_MS * 3) / 4;
  });
  expect(await fences(alone)).toEqual([1, 1, 1, 1]);
  expect(alone.leases.lease(2)).toMatchObject({ shard: 2, holder: alone.leases.holder, fence: 1 });
  expect(alone.leases.lease(4)).toBeUndefined();
});

test('gateways that come get an even share within a few ticks, and one that stops hands its shards over at once', async () => {
  const { add, expectNoFault } = watch();
  const first = add(await gateway());
  const second = add(await gateway(first.databaseUrl));
  await until('two even shares', () => shares(first, second).join() === '2,2', 2_000);
  const third = add(await gateway(first.databaseUrl));
  await until(
    'three even shares',
    () =>
      shares(first, second, third)
        .toSorted((a, b) => a - b)
        .join() === '1,1,2',
    2_000,
  );
  expect(new Set([...first.holds(), ...second.holds(), ...third.holds()])).toEqual(new Set(SHARDS));

  const before = await fences(first);
  const moving = second.holds();
  const stopping = performance.now();
  await second.close();
  expect(second.holds()).toEqual([]);
  await until('its shards to be taken', () => first.holds().length + third.holds().length === 4, 2_000);
  // Their next tick, not the end of the lease.
  expect(performance.now() - stopping).toBeLessThan(LEASE_MS * 0.9);
  const after = await fences(first);
  for (const shard of moving) expect(after[shard]).toBeGreaterThan(before[shard]!);
  expectNoFault();
});

test('the shards of a gateway that dies move within about the lease, under a higher fence; when it is back it gets a share', async () => {
  const { add, expectNoFault } = watch();
  const first = add(await gateway());
  const second = add(await gateway(first.databaseUrl));
  await until('two even shares', () => shares(first, second).join() === '2,2', 2_000);
  const before = await fences(second);
  const moving = first.holds();
  const reconnect = first.cutOff();
  const died = performance.now();
  await until('the survivor to hold everything', () => second.holds().length === 4, 4_000);
  const took = performance.now() - died;
  expect(took).toBeGreaterThan(LEASE_MS / 2);
  expect(took).toBeLessThan(LEASE_MS * 2);
  expect(first.holds()).toEqual([]);
  const after = await fences(second);
  for (const shard of SHARDS) {
    expect(after[shard]! - before[shard]!, `shard ${shard}`).toBe(moving.includes(shard) ? 1 : 0);
  }
  await until('the dead one to let go of its shards', () => moving.every((shard) => first.told.includes(`lost ${shard}`)), 2_000);
  reconnect();
  await until('two even shares again', () => shares(first, second).join() === '2,2', 3_000);
  expectNoFault();
});

test('a lease that was not renewed in time is not handed out, even if nobody else wants it', async () => {
  const alone = await gateway();
  const reconnect = alone.cutOff();
  await until('the leases to run out', () => alone.holds().length === 0, LEASE_MS * 1.5);
  await until('the listeners to hear of it', () => alone.told.filter((each) => each.startsWith('lost')).length === 4, LEASE_MS);
  reconnect();
  await until('the shards to be its own again', () => alone.holds().length === 4, LEASE_MS * 2);
  // Somebody else might have had them in between.
  expect(await fences(alone)).toEqual([2, 2, 2, 2]);
});

test('listeners hear of every change, once, and one that fails does not keep the others from hearing', async () => {
  const first = await gateway();
  const heard: string[] = [];
  first.leases.listen({ acquired: () => Promise.reject(new Error('no')), lost: () => Promise.reject(new Error('no')) });
  first.leases.listen({
    acquired: async ({ shard }) => void heard.push(`acquired ${shard}`),
    lost: async ({ shard }) => void heard.push(`lost ${shard}`),
  });
  const second = await gateway(first.databaseUrl);
  await until('two even shares', () => shares(first, second).join() === '2,2', 2_000);
  expect(heard).toEqual(['lost 2', 'lost 3']);
  await second.close();
  await until('all of it', () => first.holds().length === 4, 2_000);
  expect(heard.slice(2)).toEqual(['acquired 2', 'acquired 3']);
  expect(first.told).toEqual(heard);
});

const later = async ({ system }: Gateway, ms: number) => {
  const [row] = await system.run((tx) => tx.query<{ at: Date }>("SELECT now() + $1 * interval '1 millisecond' AS at", [ms]));
  await until(
    'the time to pass',
    async () => (await system.run((tx) => tx.query('SELECT 1 WHERE now() > $1', [row!.at]))).length > 0,
  );
};

/** Two gateways, of which the first takes its time to let go of what the second is to get. */
async function slowToLetGo() {
  const first = await gateway();
  const closing = gate();
  onTestFinished(closing.open);
  first.leases.listen({ acquired: () => Promise.resolve(), lost: () => closing.opened });
  const second = await gateway(first.databaseUrl);
  onTestFinished(closing.open);
  await until('the first one to let go', () => first.told.length > 0, 2_000);
  return { first, second, closing };
}

test('a shard that moves is let go of before anybody else may take it', async () => {
  const { first, second, closing } = await slowToLetGo();
  await later(first, LEASE_MS * 0.6);
  expect(second.holds()).toEqual([]);
  closing.open();
  await until('two even shares', () => shares(first, second).join() === '2,2', 2_000);
});

test('a listener that is slow to let go of a shard does not cost the gateway its other shards', async () => {
  const { first, second } = await slowToLetGo();
  await later(first, LEASE_MS * 1.5);
  expect(first.holds()).toEqual([0, 1]);
  expect(second.holds()).not.toContain(0);
});
