import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@soko/common';
import { ApiClient, seeded, startReceiver, type Receiver } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mood, Partner } from './support/partners.js';
import { emptyQueueStore } from './support/queue-store.js';
import { startTestStack, type TestStack } from './support/stack.js';

const EVENTS = Number(process.env.CHAOS_EVENTS ?? 20_000);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
/** Each of the two runs whose times are compared. */
const STEADY = Math.min(2_000, Math.floor(EVENTS / 4));
const STEADY_PER_SECOND = 100;
const FLOOD_PER_SECOND = 150;
const KILLS = { worker: 2, api: 2 };
const PATIENCE_MS = 240_000;
/** Below this, which is what is promised, a p95 says more about the machine's other work than about ours. A sick one that holds up others does so for seconds. */
const LEAST_P95_MS = 150;
/** What else the machine does can only make it slower: the best of so many counts. */
const TRIES = 3;
const UNWELL: Mood[] = ['redirects', 'drips', 'resets', 'garbage'];

let env: TestStack;
let target: Receiver;
beforeAll(async () => {
  target = await startReceiver();
  env = await startTestStack();
});
afterAll(async () => {
  await env?.stop();
  await target?.close();
});

const p95 = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)]!;

test(`${EVENTS} events to five subscriptions, two of them well: processes die, the queue store is emptied, and the well ones get everything`, async () => {
  console.log(`CHAOS_SEED=${SEED} CHAOS_EVENTS=${EVENTS}`);
  const [moods, moments] = [seeded(SEED), seeded(SEED + 1)];
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  const product = await client.ok<{ id: string }>('POST', '/api/products', {
    sku: 'RICE',
    name: 'Rice',
    price: { amount: 100, currency: 'USD' },
    stock: 5,
  });
  const subscribe = async (partner: Partner): Promise<string> => {
    const made = await client.ok<{ id: string; secret: string }>('POST', '/api/webhooks', { url: partner.url, events: ['*'] });
    partner.secret = made.secret;
    return made.id;
  };
  /** Straight into the outbox, as a commit of the api's would: `count` events, evenly over the time. */
  const emit = async (count: number, perSecond: number): Promise<void> => {
    const batch = Math.max(1, Math.round(perSecond / 50));
    const begin = performance.now();
    for (let made = 0; made < count; made += batch) {
      const due = begin + (made * 1_000) / perSecond;
      if (due > performance.now()) await pause(due - performance.now());
      await env.db.query(
        `INSERT INTO events (merchant_id, type, subject, data)
         SELECT $1, 'bot_connected', $2, json_build_object('channelId', $2::text, 'kind', 'simulator', 'reason', n)
         FROM generate_series(1, $3::int) AS n`,
        [merchantId, newId(), Math.min(batch, count - made)],
      );
      // As whoever commits events rings; without it the relay looks once a second.
      await env.db.query(`SELECT pg_notify('soko_events', '')`);
    }
  };
  const eventIds = async (since = begun): Promise<string[]> => {
    const { rows } = await env.db.query<{ id: string }>('SELECT id FROM events WHERE merchant_id = $1 AND created_at > $2', [
      merchantId,
      since,
    ]);
    return rows.map(({ id }) => id);
  };
  /** Until each of them has taken every event that there is. */
  const taken = async (partners: Partner[]): Promise<void> => {
    const ids = await eventIds();
    await expect
      .poll(() => partners.map(({ taken }) => ids.filter((id) => !taken.has(id)).length), { timeout: PATIENCE_MS, interval: 250 })
      .toEqual(partners.map(() => 0));
  };

  const well = [await Partner.start(), await Partner.start()];
  for (const partner of well) await subscribe(partner);
  const { rows } = await env.db.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const begun = rows[0]!.now;

  // Without sick ones.
  await emit(50, STEADY_PER_SECOND);
  await taken(well);
  const steadily = async (): Promise<number> => {
    const before = well.map(({ taken: all }) => new Set(all.keys()));
    await emit(STEADY, STEADY_PER_SECOND);
    await taken(well);
    return p95(well.flatMap(({ taken: all }, n) => [...all].flatMap(([id, { tookMs }]) => (before[n]!.has(id) ? [] : [tookMs]))));
  };
  const calm = await steadily();

  // Beside them.
  const flaky = await Partner.start(() => (moods() < 0.3 ? 'fails' : 'well'));
  const hanging = await Partner.start(() => 'hangs');
  let turn = 0;
  const moody = await Partner.start(() => UNWELL[turn++ % UNWELL.length]!, target.url);
  const sick = [flaky, hanging, moody];
  const sickIds = new Map<Partner, string>();
  for (const partner of sick) sickIds.set(partner, await subscribe(partner));
  let beside = await steadily();
  for (let tries = 1; tries < TRIES && beside > 2 * Math.max(calm, LEAST_P95_MS); tries += 1)
    beside = Math.min(beside, await steadily());
  console.log(`p95 from event to receipt at ${STEADY_PER_SECOND}/s: ${calm} ms among the well, ${beside} ms beside the sick`);

  // While processes die and alarms are lost.
  const deaths: ('worker' | 'api' | 'wipe')[] = ['wipe', ...Array(KILLS.worker).fill('worker'), ...Array(KILLS.api).fill('api')];
  const flood = EVENTS - 2 * STEADY;
  const chaosMs = (flood * 1_000) / FLOOD_PER_SECOND;
  const done = new AbortController();
  const murder = async (): Promise<void> => {
    for (const [n, death] of shuffled(deaths, moments).entries()) {
      // The pauses are the chaos itself: moments picked by the seed.
      await pause((chaosMs / (deaths.length + 1)) * (n === 0 ? 0.2 + moments() * 0.6 : 0.6 + moments() * 0.6));
      if (death === 'wipe') {
        await emptyQueueStore(env);
        continue;
      }
      const child = env.stack.children[death];
      await child.ready;
      await child.kill('SIGKILL');
    }
  };
  /** Events by way of the api, which may be dead: what it has committed is in the history, and nothing else counts. */
  const trade = async (): Promise<number> => {
    let made = 0;
    for (let amount = 101; !done.signal.aborted; amount += 1) {
      const body = { price: { amount, currency: 'USD' } };
      made += await client.call('PATCH', `/api/products/${product.id}`, body).then(
        ({ status }) => Number(status === 200),
        () => 0,
      );
      await pause(200);
    }
    return made;
  };
  const [, , trades] = await Promise.all([emit(flood, FLOOD_PER_SECOND).finally(() => done.abort()), murder(), trade()]);
  expect(trades).toBeGreaterThan(0);
  await taken(well);

  const ids = new Set(await eventIds());
  const all = new Set(await eventIds(new Date(0)));
  expect(ids.size).toBeGreaterThanOrEqual(EVENTS + trades);
  for (const partner of [...well, ...sick]) {
    expect(partner.faults).toEqual([]);
    // Nothing but the merchant's events, each by its own id. What was not handed on yet when they subscribed is among them.
    expect([...partner.taken.keys()].filter((id) => !all.has(id))).toEqual([]);
  }
  const repeats = well.reduce((sum, partner) => sum + partner.repeats, 0);
  const deliveries = well.length * ids.size;
  const told = sick.map(({ calls, moods: had }) => `${calls} (${[...had].map(([mood, n]) => `${mood} ${n}`).join(', ')})`);
  console.log(`${deliveries} deliveries to the well, ${repeats} calls repeated; calls to the sick: ${told.join('; ')}`);
  expect(beside).toBeLessThanOrEqual(2 * Math.max(calm, LEAST_P95_MS));

  // Nobody was led astray, and each had its chance to try.
  expect(target.calls).toEqual([]);
  for (const mood of UNWELL) expect(moody.moods.get(mood), mood).toBeGreaterThan(0);
  expect(hanging.calls).toBeGreaterThan(0);

  // What the sick have not taken is owed to them: nothing that was tried is forgotten.
  for (const partner of sick) {
    await expect
      .poll(async () => (await forgotten(merchantId, sickIds.get(partner)!)).filter((id) => !partner.taken.has(id)), {
        timeout: 60_000,
      })
      .toEqual([]);
  }
  // One that fails now and then is not cut off.
  const { active } = await client.ok<{ active: boolean }>('GET', `/api/webhooks/${sickIds.get(flaky)!}`);
  expect(active).toBe(true);
  expect(flaky.taken.size).toBeGreaterThan(0.5 * STEADY);
  await Promise.all([...well, ...sick].map((partner) => partner.close()));
  // A process that is killed takes with it what it knew of the calls under way: rate times duration of them, so that a busy machine has more.
  expect(repeats / deliveries).toBeLessThan(0.001);
}, 600_000);

/** Events that the subscription is past and that are not owed to it any more. */
async function forgotten(merchantId: string, webhookId: string): Promise<string[]> {
  const { rows } = await env.db.query<{ id: string }>(
    `SELECT e.id FROM events e
     JOIN webhooks w ON w.merchant_id = e.merchant_id AND w.id = $2 AND e.created_at > w.created_at
     JOIN webhook_drains d ON d.merchant_id = w.merchant_id AND d.webhook_id = w.id AND e.position <= d.cursor
     WHERE e.merchant_id = $1 AND NOT EXISTS (
       SELECT FROM webhook_deliveries o WHERE o.merchant_id = e.merchant_id AND o.webhook_id = w.id AND o.event_id = e.id)`,
    [merchantId, webhookId],
  );
  return rows.map(({ id }) => id);
}

function shuffled<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
