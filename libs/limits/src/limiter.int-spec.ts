import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { newId } from '@soko/common';
import { loadSettings, Settings } from '@soko/config';
import { integration, parallel, until } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Counters } from './counters.js';
import { type Hit, Limiter } from './limiter.js';

const allowedOf = (hits: Hit[]): number => hits.filter((hit) => hit.allowed).length;

/** A process of its own, and how many others it takes on the same store. */
async function setup({ processes = 1 } = {}) {
  const { databaseUrl, module } = await integration({});
  const modules = [module];
  while (modules.length < processes) modules.push((await integration({ databaseUrl })).module);
  const limiters = modules.map((each) => each.get(Limiter));
  return {
    key: newId(),
    limiters: limiters as [Limiter, ...Limiter[]],
    counters: module.get(Counters),
    settings: module.get(Settings),
  };
}

/** `hits` by each of `limiters`, `workers` of each at once. */
async function press(limiters: Limiter[], hits: number, limit: number, { key = 'k', workers = hits } = {}): Promise<number> {
  const perWorker = hits / workers;
  const all = limiters.flatMap((limiter) =>
    Array.from({ length: workers }, async () => {
      const told: Hit[] = [];
      for (let n = 0; n < perWorker; n += 1) told.push(await limiter.hit(key, limit, 900));
      return told;
    }),
  );
  return allowedOf((await Promise.all(all)).flat());
}

/** The store of these settings behind a door of the test's own, and counters that know only this way to it. */
async function door(settings: Settings, { shutFirst = false } = {}) {
  const [name, given] = settings.REDIS_URL ? ['REDIS_URL', settings.REDIS_URL] : ['DATABASE_URL', settings.DATABASE_URL];
  const url = new URL(given);
  const [host, port] = [url.hostname, Number(url.port || 6379)];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  const open = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await open(0);
  const own = (server.address() as AddressInfo).port;
  url.hostname = '127.0.0.1';
  url.port = String(own);
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  const counters = new Counters(loadSettings({ ...process.env, [name]: url.href }));
  onTestFinished(async () => {
    await counters.onApplicationShutdown();
    if (server.listening) await shut();
  });
  if (shutFirst) await shut();
  await counters.onModuleInit();
  return { counters, shut, open: () => open(own) };
}

test.each([5, 100, 1_000])('of many hits at once exactly %i pass when that is the limit', async (limit) => {
  const { limiters } = await setup();
  expect(await press(limiters, 3 * limit, limit)).toBe(limit);
});

test.each([5, 100, 1_000])('of hits by a few at a time exactly %i pass when that is the limit', async (limit) => {
  const { limiters } = await setup();
  expect(await press(limiters, 2 * limit, limit, { workers: 5 })).toBe(limit);
});

test.each([1, 5, 100, 127])('two processes together let exactly %i pass when that is the limit', async (limit) => {
  const { limiters } = await setup({ processes: 2 });
  expect(await press(limiters, 3 * limit, limit)).toBe(limit);
  expect(await press(limiters, limit, limit, { key: 'another', workers: 1 })).toBe(limit);
});

test('two processes together let no more than 6,000 pass when that is the limit, and at least 98 % of them', async () => {
  const { limiters } = await setup({ processes: 2 });
  const passed = await press(limiters, 6_000, 6_000, { workers: 20 });
  expect(passed).toBeLessThanOrEqual(6_000);
  expect(passed).toBeGreaterThanOrEqual(5_880);
});

test('a process that says no more after its first hit costs the other one less than 2 % of the limit', async () => {
  const { limiters, key } = await setup({ processes: 2 });
  const [silent, busy] = limiters;
  await silent.hit(key, 6_000, 900);
  const passed = await press([busy!], 7_000, 6_000, { key, workers: 20 });
  expect(passed).toBeLessThan(6_000);
  expect(passed).toBeGreaterThanOrEqual(5_880);
});

test('6,000 hits cost fewer than 1,000 calls of the store', async () => {
  const { limiters, counters } = await setup();
  const take = vi.spyOn(counters, 'take');
  expect(await press(limiters, 6_000, 6_000, { workers: 1 })).toBe(6_000);
  expect(take.mock.calls.length).toBeGreaterThan(0);
  expect(take.mock.calls.length).toBeLessThan(1_000);
});

test('when the window has ended, and not before, the whole limit passes again', async () => {
  const { limiters, key } = await setup({ processes: 2 });
  const hits = async () => (await Promise.all(limiters.map((each) => parallel(6, () => each.hit(key, 6, 1))))).flat();
  const started = performance.now();
  const first = await hits();
  expect(allowedOf(first)).toBe(6);
  expect(first.at(-1)!.resetSeconds).toBe(1);
  const [limiter, other] = limiters;
  await until('the next window', async () => (await limiter.hit(key, 6, 1)).allowed);
  // A hair less than a second: PostgreSQL's windows are counted in whole milliseconds.
  expect(performance.now() - started).toBeGreaterThan(990);
  expect(allowedOf(await parallel(20, () => other!.hit(key, 6, 1)))).toBe(5);
});

test('a limit that is changed, by another plan, counts at once, for every process', async () => {
  const { limiters, key } = await setup({ processes: 2 });
  const [limiter, other] = limiters;
  expect(await press([limiter], 20, 10, { key })).toBe(10);
  expect(await press([limiter], 40, 25, { key })).toBe(15);
  expect(await press([other!], 40, 30, { key })).toBe(5);
  expect(await press([limiter], 40, 20, { key })).toBe(0);
});

test('each key has a count of its own', async () => {
  const { limiters } = await setup();
  const [limiter] = limiters;
  expect(await Promise.all(['a', 'b', 'c'].map((key) => press([limiter], 20, 7, { key })))).toEqual([7, 7, 7]);
});

test('a counter counts for all processes, and begins anew when it is cleared', async () => {
  const { counters, settings, key } = await setup();
  const other = new Counters(settings);
  await other.onModuleInit();
  onTestFinished(() => other.onApplicationShutdown());
  expect(await counters.take(key, 3, 900)).toMatchObject({ used: 3 });
  const { used, resetMs } = await other.take(key, 2, 900);
  expect(used).toBe(5);
  expect(resetMs).toBeGreaterThan(880_000);
  expect(resetMs).toBeLessThanOrEqual(900_000);
  await counters.clear(key);
  expect(await other.take(key, 1, 900)).toMatchObject({ used: 1 });
});

test('while the store is away a process counts for itself, as fast as ever, and nobody is locked out', async () => {
  const { settings } = await setup();
  const { counters, shut } = await door(settings);
  const limiter = new Limiter(counters);
  expect(await press([limiter], 60, 100, { workers: 3 })).toBe(60);
  await shut();
  const started = performance.now();
  const passed = await press([limiter], 240, 100, { workers: 3 });
  expect(passed).toBeGreaterThanOrEqual(40);
  expect(passed).toBeLessThanOrEqual(100);
  expect(await press([limiter], 40, 20, { key: 'a stranger', workers: 1 })).toBe(20);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('a process that starts while the store is away starts, and counts for itself', async () => {
  const { settings, key } = await setup();
  const started = performance.now();
  const { counters } = await door(settings, { shutFirst: true });
  expect(await press([new Limiter(counters)], 40, 20, { key, workers: 1 })).toBe(20);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('when the store is back the processes count together again', async () => {
  const { settings, limiters } = await setup();
  const { counters, shut, open } = await door(settings);
  const [cutOff, other] = [new Limiter(counters), limiters[0]];
  const together = async () => {
    const key = newId();
    await cutOff.hit(key, 1, 900);
    return !(await other.hit(key, 1, 900)).allowed;
  };
  expect(await together()).toBe(true);
  await shut();
  expect(await together()).toBe(false);
  await open();
  await until('counting together', together);
});
