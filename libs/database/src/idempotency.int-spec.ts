import { newId } from '@soko/common';
import { type Claim, type ClaimOutcome, IdempotencyStore, Sealer, type StoredAnswer } from '@soko/database';
import { integration, parallel, withClient } from '@soko/testing';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

const SCOPE = ['user:7', 'POST', '/api/orders', 'key-1'];
const REQUEST = ['POST', '/api/orders', '', '{"items":[1]}'];
const CHANGED = ['POST', '/api/orders', '', '{"items":[2]}'];
const ANSWER: StoredAnswer = { status: 201, contentType: 'application/json; charset=utf-8', body: '{ "id": 1 }' };

async function setup(env: Record<string, string> = {}) {
  const { tenancy, shop, module, databaseUrl } = await integration({ env });
  const store = module.get(IdempotencyStore);
  const merchantId = await shop();
  const claim = (request = REQUEST, scope = SCOPE, merchant = merchantId) => store.claim(merchant, scope, request);
  const asSuperuser = (sql: string) => withClient(databaseUrl, async (client) => (await client.query<object>(sql)).rows);
  return {
    store,
    tenancy,
    shop,
    module,
    merchantId,
    claim,
    asSuperuser,
    /** Claims what nobody else has. */
    claimed: async (...given: Parameters<typeof claim>): Promise<Claim> => claimOf(await claim(...given)),
    /** The work of a claim: a row, and the answer with it. */
    work: (held: Claim, answer = ANSWER) =>
      tenancy.run(held.merchantId, async (tx) => {
        await tx.query('INSERT INTO contacts (merchant_id, phone) VALUES ($1, $2)', [held.merchantId, newId()]);
        await store.finish(tx, held, answer);
      }),
    effects: async () => (await asSuperuser('SELECT id FROM contacts')).length,
    /** Its holder is held for dead from now on. */
    die: () => asSuperuser("UPDATE idempotency_keys SET locked_until = now() - interval '1 second'"),
    outlive: () => asSuperuser("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'"),
  };
}

function claimOf(outcome: ClaimOutcome): Claim {
  if ('claim' in outcome) return outcome.claim;
  throw new Error(`no claim but ${JSON.stringify(outcome)}`);
}

const kinds = (outcomes: ClaimOutcome[]): string[] => outcomes.map((outcome) => Object.keys(outcome)[0]!).toSorted();
const oneClaimAnd = (others: number): string[] => ['claim', ...Array.from({ length: others }, () => 'inProgress')];

test('of fifty that come at once with one key, one gets the work and the others are told when to ask again', async () => {
  const { claim } = await setup();
  const outcomes = await parallel(50, () => claim());
  expect(kinds(outcomes)).toEqual(oneClaimAnd(49));
  for (const outcome of outcomes) {
    if (!('inProgress' in outcome)) continue;
    expect(outcome.inProgress.retryAfter).toBeGreaterThanOrEqual(1);
    expect(outcome.inProgress.retryAfter).toBeLessThanOrEqual(10);
  }
});

test('nobody is told to wait longer than a claim can last, even whose transaction is older than the claim', async () => {
  const { tenancy, merchantId, claim, claimed } = await setup();
  const older = tenancy.unit(merchantId);
  await older.perform(() => tenancy.run(merchantId, (tx) => tx.query('SELECT 1')));
  await claimed();
  const told = await older.perform(() => claim());
  await older.rollback();
  expect(told).toEqual({ inProgress: { retryAfter: 10 } });
});

test('the wait that is told is what is left of the claim', async () => {
  const { claim, claimed, asSuperuser } = await setup();
  await claimed();
  await asSuperuser("UPDATE idempotency_keys SET locked_until = clock_timestamp() + interval '5 seconds'");
  const outcome = await claim();
  expect(outcome).toHaveProperty('inProgress.retryAfter');
  expect([1, 2, 3, 4, 5]).toContain('inProgress' in outcome && outcome.inProgress.retryAfter);
});

test('a key that comes with a changed request is told apart, while the first runs, when it is dead, and after its answer', async () => {
  const { claim, claimed, work, die } = await setup();
  const held = await claimed();
  expect(await claim(CHANGED)).toEqual({ reused: true });
  await die();
  expect(await claim(CHANGED)).toEqual({ reused: true });
  await work(held);
  expect(await claim(CHANGED)).toEqual({ reused: true });
});

test('after the answer everyone gets that answer', async () => {
  const { claim, claimed, work, effects } = await setup();
  await work(await claimed());
  expect(await parallel(20, () => claim())).toEqual(Array.from({ length: 20 }, () => ({ replay: ANSWER })));
  expect(await effects()).toBe(1);
});

test('an answer without a body is kept apart from one with an empty body', async () => {
  const { claim, claimed, work } = await setup();
  for (const body of [null, '']) {
    const scope = [...SCOPE, String(body)];
    await work(await claimed(REQUEST, scope), { ...ANSWER, status: 204, body });
    expect(await claim(REQUEST, scope)).toEqual({ replay: { ...ANSWER, status: 204, body } });
  }
});

test('any answer is given again byte for byte', async () => {
  const { claim, claimed, work } = await setup();
  const answers = fc.record({
    status: fc.integer({ min: 200, max: 599 }),
    contentType: fc.constantFrom('application/json; charset=utf-8', 'application/problem+json', 'text/plain'),
    body: fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constant('{ "b":1,\t"a":1.0 }\r\n'), fc.constant(null)),
  });
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      const scope = [...SCOPE, newId()];
      await work(await claimed(REQUEST, scope), answer);
      expect(await claim(REQUEST, scope)).toEqual({ replay: answer });
    }),
    { numRuns: 40 },
  );
});

test('the same key of two merchants, and of two callers, are two keys', async () => {
  const { claim, claimed, work, shop } = await setup();
  await work(await claimed());
  expect(await claim(REQUEST, SCOPE, await shop())).toHaveProperty('claim');
  expect(await claim(REQUEST, ['key:7', ...SCOPE.slice(1)])).toHaveProperty('claim');
  expect(await claim()).toEqual({ replay: ANSWER });
});

test('the parts of a scope and of a request do not run into each other', async () => {
  const { claim, claimed } = await setup();
  await claimed(['a', 'bc'], ['a', 'bc']);
  expect(await claim(['a', 'bc'], ['ab', 'c'])).toHaveProperty('claim');
  expect(await claim(['ab', 'c'], ['a', 'bc'])).toEqual({ reused: true });
});

test('of many who find a dead claim exactly one takes it over', async () => {
  const { claim, claimed, die, work, effects } = await setup();
  const first = await claimed();
  await die();
  const outcomes = await parallel(30, () => claim());
  expect(kinds(outcomes)).toEqual(oneClaimAnd(29));
  const second = claimOf(outcomes.find((outcome) => 'claim' in outcome)!);
  expect(second.id).not.toBe(first.id);
  await work(second);
  expect(await effects()).toBe(1);
});

test('who was held for dead cannot finish once another has the claim, and its work goes back', async () => {
  const { claim, claimed, die, work, effects } = await setup();
  const first = await claimed();
  await die();
  const second = await claimed();
  const late = work(first, { ...ANSWER, body: 'late' });
  await expect(late).rejects.toMatchObject({ name: 'ClaimLostError', status: 409, code: 'idempotency_in_progress' });
  expect(await effects()).toBe(0);
  await work(second);
  await expect(work(first)).rejects.toThrow(/retry has taken its place/);
  expect(await effects()).toBe(1);
  expect(await claim()).toEqual({ replay: ANSWER });
});

test('who was merely slow, and was not replaced, finishes', async () => {
  const { claim, claimed, die, work, effects } = await setup();
  const slow = await claimed();
  await die();
  await work(slow);
  expect(await claim()).toEqual({ replay: ANSWER });
  expect(await effects()).toBe(1);
});

test('an answer is given once: the same claim cannot finish again', async () => {
  const { claim, claimed, work, effects } = await setup();
  const held = await claimed();
  await work(held);
  await expect(work(held, { ...ANSWER, body: 'another' })).rejects.toThrow(/retry has taken its place/);
  expect(await claim()).toEqual({ replay: ANSWER });
  expect(await effects()).toBe(1);
});

test('an answer whose transaction goes back was never given', async () => {
  const { store, tenancy, merchantId, claim, claimed } = await setup();
  const held = await claimed();
  const failing = tenancy.run(merchantId, async (tx) => {
    await store.finish(tx, held, ANSWER);
    throw new Error('too late');
  });
  await expect(failing).rejects.toThrow('too late');
  expect(await claim()).toHaveProperty('inProgress');
});

test('an answer that has outlived its day gives the key away, also to another request', async () => {
  const { claim, claimed, work, outlive } = await setup();
  await work(await claimed());
  await outlive();
  const next = await claimed(CHANGED);
  expect(await claim(CHANGED)).toHaveProperty('inProgress');
  await work(next, { ...ANSWER, body: 'another' });
  expect(await claim(CHANGED)).toEqual({ replay: { ...ANSWER, body: 'another' } });
  expect(await claim()).toEqual({ reused: true });
});

test('of many who find an outlived answer exactly one gets the key, for a day from then on', async () => {
  const { claim, claimed, work, outlive, asSuperuser } = await setup();
  await work(await claimed());
  await outlive();
  expect(kinds(await parallel(30, () => claim()))).toEqual(oneClaimAnd(29));
  const [row] = await asSuperuser(
    "SELECT expires_at BETWEEN now() + interval '23 hours' AND now() + interval '24 hours' AS a_day, body FROM idempotency_keys",
  );
  expect(row).toEqual({ a_day: true, body: null });
});

test('a claim that is released is free for the next one, whatever that one asks for', async () => {
  const { store, claim, claimed } = await setup();
  await store.release(await claimed());
  expect(await claim(CHANGED)).toHaveProperty('claim');
});

test('a release undoes neither an answer nor the claim of a successor', async () => {
  const { store, claim, claimed, die, work } = await setup();
  const first = await claimed();
  await die();
  const second = await claimed();
  await store.release(first);
  expect(await claim()).toHaveProperty('inProgress');
  await work(second);
  await store.release(second);
  expect(await claim()).toEqual({ replay: ANSWER });
});

test('a refusal is kept like any answer, unless another has the claim', async () => {
  const { store, claim, claimed, die } = await setup();
  const refusal = { status: 409, contentType: 'application/problem+json', body: '{"code":"out_of_stock"}' };
  const first = await claimed();
  await die();
  const second = await claimed();
  await expect(store.refuse(first, refusal)).rejects.toThrow(/retry has taken its place/);
  await store.refuse(second, refusal);
  expect(await claim()).toEqual({ replay: refusal });
});

test('what was answered cannot be read in the table, nor opened for another merchant or place', async () => {
  const { claimed, work, asSuperuser, module, merchantId, shop } = await setup();
  await work(await claimed(), { ...ANSWER, body: '{"secret":"whsec_do-not-show"}' });
  const rows = await asSuperuser('SELECT * FROM idempotency_keys');
  expect(rows).toHaveLength(1);
  const { body } = rows[0] as { body: string };
  expect(JSON.stringify(rows)).not.toMatch(/whsec|secret/);
  expect(Buffer.from(body.split('.').at(-1)!, 'base64url').toString('latin1')).not.toMatch(/whsec|secret/);
  const sealer = module.get(Sealer);
  expect(sealer.open(body, merchantId, 'idempotency_keys.body')).toBe('{"secret":"whsec_do-not-show"}');
  const other = await shop();
  expect(() => sealer.open(body, other, 'idempotency_keys.body')).toThrow(/unable to authenticate data/);
  expect(() => sealer.open(body, merchantId, 'webhooks.secret')).toThrow(/unable to authenticate data/);
});

test('a claim is taken in one commit of its own: it works with a single connection, and a crash after it leaves it behind', async () => {
  const { claim, claimed, die, work, effects } = await setup({ DATABASE_POOL: '1' });
  expect(kinds(await parallel(10, () => claim()))).toEqual(oneClaimAnd(9));
  await die();
  await work(await claimed());
  expect(await effects()).toBe(1);
});
