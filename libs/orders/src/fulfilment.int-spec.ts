import { CatalogModule, ProductService } from '@soko/catalog';
import { newId, NotFoundError } from '@soko/common';
import {
  type By,
  CodeLockedError,
  DeliveryService,
  DeliveryTransitionError,
  NoCodeError,
  NotInTransitError,
  ProofError,
  UnknownDriverError,
  WrongCodeError,
} from '@soko/deliveries';
import { ForbiddenError } from '@soko/identity';
import { integration, parallel } from '@soko/testing';
import { describe, expect, test } from 'vitest';
import { FulfilmentService } from './fulfilment.service.js';
import { InvalidTransitionError } from './orders.errors.js';
import type { OrderAction } from './order-state.js';
import { OrderService } from './order.service.js';
import { OrdersModule } from './orders.module.js';

const OWNER: By = { id: newId(), role: 'owner' };

async function setup() {
  const house = await integration({ imports: [OrdersModule, CatalogModule] });
  const { module, tenancy } = house;
  const merchantId = await house.shop();
  const [orders, fulfilment, deliveries] = [module.get(OrderService), module.get(FulfilmentService), module.get(DeliveryService)];
  const { id: productId } = await module.get(ProductService).create(merchantId, {
    sku: 'MAIZE',
    name: 'Maize meal',
    price: { amount: 1_250, currency: 'USD' },
    stock: 100,
  });
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  return {
    ...house,
    merchantId,
    orders,
    fulfilment,
    deliveries,
    rows,
    /** Somebody of the team. */
    person: async (name = 'Tapiwa Moyo', role: 'driver' | 'agent' = 'driver'): Promise<By & { id: string }> => {
      const id = newId();
      await rows('INSERT INTO users (merchant_id, id, email, name, role) VALUES ($1, $2, $3, $4, $5)', [
        merchantId,
        id,
        `${id}@example.com`,
        name,
        role,
      ]);
      return { id, role };
    },
    /** A confirmed order of two units, and its delivery. */
    ordered: async () => {
      const { id: orderId } = await orders.placeFor(
        merchantId,
        { customer: { phone: '+263771000001', name: 'Rudo' }, items: [{ productId, quantity: 2 }] },
        'bot',
      );
      await orders.process(merchantId, orderId);
      return { orderId, id: (await orders.get(merchantId, orderId)).delivery!.id };
    },
    act: (orderId: string, action: OrderAction) => orders.act(merchantId, orderId, action, 'owner'),
    order: (orderId: string) => orders.get(merchantId, orderId),
    get: (id: string, by = OWNER) => deliveries.get(merchantId, id, by),
    code: async (orderId: string) => (await tenancy.run(merchantId, (tx) => deliveries.wordsFor(tx, orderId)))!.code,
    events: async (id: string) =>
      (await rows<{ type: string }>(`SELECT type FROM events WHERE subject = $1 ORDER BY id`, [id])).map(({ type }) => type),
    stock: async () => {
      const [row] = await rows<{ on_hand: number; reserved: number }>('SELECT on_hand, reserved FROM products');
      return [row!.on_hand, row!.reserved];
    },
  };
}

/** What came of those that were not refused. */
const many = async (work: () => Promise<unknown>): Promise<unknown[]> =>
  (await parallel(8, () => work().catch((error: unknown) => error))).filter((each) => !(each instanceof Error));
const wrong = (code: string): string => (code === '0000' ? '1111' : '0000');

test('from the shelf to the customer: delivery, order, stock, histories and events go together', async () => {
  const { merchantId, fulfilment, deliveries, ordered, person, order, get, code, events, stock, rows } = await setup();
  const driver = await person();
  const { orderId, id } = await ordered();
  await deliveries.assign(merchantId, id, OWNER, { driverId: driver.id });
  expect(await get(id, driver)).toMatchObject({
    status: 'assigned',
    orderNumber: 1,
    customer: { phone: '+263771000001', name: 'Rudo' },
    driver: { id: driver.id, name: 'Tapiwa Moyo' },
    attempt: 0,
  });
  const started = await fulfilment.start(merchantId, id, driver);
  expect(started).toMatchObject({ status: 'in_transit', attempt: 1, startedAt: expect.any(String) });
  expect((await order(orderId)).status).toBe('out_for_delivery');
  expect(await stock()).toEqual([100, 2]);
  const done = await fulfilment.complete(merchantId, id, driver, { code: await code(orderId) });
  expect(done).toMatchObject({ status: 'delivered', proof: 'code', closedAt: expect.any(String) });
  expect(await stock()).toEqual([98, 0]);
  const after = await order(orderId);
  expect(after).toMatchObject({ status: 'delivered', delivery: { status: 'delivered' } });
  expect(after.history.map(({ to, actor }) => [to, actor])).toEqual([
    ['pending', 'bot'],
    ['confirmed', 'system'],
    ['preparing', driver.id],
    ['out_for_delivery', driver.id],
    ['delivered', driver.id],
  ]);
  const { history, trackingUrl } = await get(id);
  expect(history.map(({ from, to, actor, driver: name }) => [from, to, actor, name])).toEqual([
    [undefined, 'pending', 'system', undefined],
    ['pending', 'assigned', OWNER.id, 'Tapiwa Moyo'],
    ['assigned', 'in_transit', driver.id, 'Tapiwa Moyo'],
    ['in_transit', 'delivered', driver.id, 'Tapiwa Moyo'],
  ]);
  expect(trackingUrl).toMatch(/\/track\/[0-9a-f]{40}$/);
  expect(await events(id)).toEqual(['delivery_assigned', 'delivery_started', 'delivery_completed']);
  expect(await events(orderId)).toEqual([
    'order_created',
    ...Array.from({ length: 4 }, () => 'order_status_changed'),
    'payment_received',
  ]);
  // It is nobody's any more.
  expect(await rows('SELECT code FROM delivery_tasks')).toEqual([{ code: null }]);
});

test('the code is in no answer and no event, and lies sealed', async () => {
  const { merchantId, fulfilment, ordered, order, get, rows } = await setup();
  const { orderId, id } = await ordered();
  const started = await fulfilment.start(merchantId, id, OWNER);
  const events = await rows(`SELECT data FROM events`);
  for (const told of [started, await get(id), await order(orderId), events]) expect(JSON.stringify(told)).not.toMatch(/"code"/);
  expect(await rows('SELECT code, tracking_token AS token FROM delivery_tasks')).toEqual([
    { code: expect.stringMatching(/^v1\./), token: expect.stringMatching(/^v1\./) },
  ]);
});

test('a driver sees and moves what was given to him; another’s is not there', async () => {
  const { merchantId, fulfilment, deliveries, ordered, person } = await setup();
  const [mine, other, agent] = [await person(), await person('Chipo'), await person('Farai', 'agent')];
  const [one, two] = [await ordered(), await ordered()];
  await deliveries.assign(merchantId, one.id, agent, { driverId: mine.id });
  await deliveries.assign(merchantId, two.id, agent, { driverId: other.id });
  const list = async (by: By, query = {}) =>
    (await deliveries.list(merchantId, by, { limit: 50, ...query })).data.map(({ id }) => id);
  expect(await list(mine)).toEqual([one.id]);
  expect(await list(agent)).toEqual([two.id, one.id]);
  expect(await list(agent, { driver: other.id })).toEqual([two.id]);
  expect(await list(mine, { driver: other.id })).toEqual([]);
  expect(await list(agent, { status: 'pending' })).toEqual([]);
  await expect(list(agent, { driver: newId() })).rejects.toThrow(NotFoundError);
  const attempts: ((id: string) => Promise<unknown>)[] = [
    (id) => deliveries.get(merchantId, id, mine),
    (id) => fulfilment.start(merchantId, id, mine),
    (id) => deliveries.locate(merchantId, id, mine, { latitude: 1, longitude: 1 }),
    (id) => fulfilment.complete(merchantId, id, mine, { code: '0000' }),
    (id) => deliveries.fail(merchantId, id, mine, 'no'),
  ];
  for (const attempt of attempts) await expect(attempt(two.id)).rejects.toThrow(NotFoundError);
  await expect(deliveries.assign(merchantId, one.id, mine, { driverId: other.id })).rejects.toThrow(ForbiddenError);
  await expect(deliveries.retry(merchantId, one.id, mine)).rejects.toThrow(ForbiddenError);
  await expect(deliveries.assign(merchantId, one.id, agent, { driverId: newId() })).rejects.toThrow(UnknownDriverError);
});

test('it may be given to another until somebody has set out; who leaves the team leaves a name', async () => {
  const { merchantId, fulfilment, deliveries, ordered, person, get, rows } = await setup();
  const [one, two] = [await person('Tapiwa'), await person('Chipo')];
  const { id } = await ordered();
  await deliveries.assign(merchantId, id, OWNER, { driverId: one.id });
  await deliveries.assign(merchantId, id, OWNER, { driverId: two.id });
  await expect(get(id, one)).rejects.toThrow(NotFoundError);
  await fulfilment.start(merchantId, id, two);
  await expect(deliveries.assign(merchantId, id, OWNER, { driverId: one.id })).rejects.toThrow(
    new DeliveryTransitionError({ status: 'in_transit', closed: false }, 'assign'),
  );
  await rows('DELETE FROM users WHERE merchant_id = $1 AND id = $2', [merchantId, two.id]);
  expect(await get(id)).toMatchObject({ status: 'in_transit', driver: { name: 'Chipo' } });
});

test('one that failed is tried again: another code, the same link, the order where it was', async () => {
  const { merchantId, fulfilment, deliveries, ordered, person, order, get, code, events, rows } = await setup();
  const driver = await person();
  const { orderId, id } = await ordered();
  await fulfilment.start(merchantId, id, OWNER);
  await deliveries.locate(merchantId, id, OWNER, { latitude: 1, longitude: 2 });
  const { trackingUrl } = await get(id);
  const sealed = () => rows<{ code: string }>('SELECT code FROM delivery_tasks');
  const first = await sealed();
  const failed = await deliveries.fail(merchantId, id, OWNER, 'Nobody at home');
  expect(failed).toMatchObject({ status: 'failed', reason: 'Nobody at home' });
  expect((await order(orderId)).status).toBe('out_for_delivery');
  await expect(fulfilment.start(merchantId, id, OWNER)).rejects.toThrow(/A failed delivery .* allowed now: assign, retry\./);
  expect(await deliveries.retry(merchantId, id, OWNER)).toMatchObject({ status: 'pending' });
  await deliveries.assign(merchantId, id, OWNER, { driverId: driver.id });
  const again = await fulfilment.start(merchantId, id, driver);
  expect(again).toMatchObject({ status: 'in_transit', attempt: 2 });
  expect(again.position).toBeUndefined();
  expect((await get(id)).trackingUrl).toBe(trackingUrl);
  expect(await sealed()).not.toEqual(first);
  await fulfilment.complete(merchantId, id, driver, { code: await code(orderId) });
  expect((await order(orderId)).history.filter(({ to }) => to === 'out_for_delivery')).toHaveLength(1);
  expect(await events(id)).toEqual([
    'delivery_started',
    'delivery_failed',
    'delivery_assigned',
    'delivery_started',
    'delivery_completed',
  ]);
  expect(await rows(`SELECT data ->> 'reason' AS reason FROM events WHERE type = 'delivery_failed'`)).toEqual([
    { reason: 'Nobody at home' },
  ]);
});

describe('the code', () => {
  test('is tried five times, then not at all for a quarter of an hour, whoever tries', async () => {
    const { merchantId, fulfilment, ordered, code, rows } = await setup();
    const { orderId, id } = await ordered();
    await fulfilment.start(merchantId, id, OWNER);
    const right = await code(orderId);
    const give = (given: string) => fulfilment.complete(merchantId, id, OWNER, { code: given });
    for (const left of [4, 3, 2, 1])
      await expect(give(wrong(right))).rejects.toThrow(`${left} ${left === 1 ? 'try' : 'tries'} left`);
    await expect(give(wrong(right))).rejects.toThrow('no tries left');
    await expect(give(right)).rejects.toThrow(CodeLockedError);
    await rows(`UPDATE delivery_tasks SET code_locked_until = now() - interval '1 second'`);
    await expect(give(wrong(right))).rejects.toThrow('4 tries left');
    await expect(give(right)).resolves.toMatchObject({ status: 'delivered' });
  });

  test('counts each of many wrong ones that come at once', async () => {
    const { merchantId, fulfilment, ordered, code } = await setup();
    const { orderId, id } = await ordered();
    await fulfilment.start(merchantId, id, OWNER);
    const right = await code(orderId);
    const results = await parallel(8, () =>
      fulfilment.complete(merchantId, id, OWNER, { code: wrong(right) }).catch((error: unknown) => error),
    );
    expect(results.filter((each) => each instanceof WrongCodeError)).toHaveLength(5);
    expect(results.filter((each) => each instanceof CodeLockedError)).toHaveLength(3);
  });

  test('in an open transaction is an answer, and its try stands with what else was done', async () => {
    const { merchantId, fulfilment, ordered, code, tenancy, rows } = await setup();
    const { orderId, id } = await ordered();
    await fulfilment.start(merchantId, id, OWNER);
    const right = await code(orderId);
    const give = (given: string) => tenancy.run(merchantId, (tx) => fulfilment.handOver(tx, id, OWNER, { code: given }));
    expect(await give(wrong(right))).toBeInstanceOf(WrongCodeError);
    expect(await rows('SELECT wrong_codes FROM delivery_tasks')).toEqual([{ wrong_codes: 1 }]);
    expect(await give(right)).toMatchObject({ status: 'delivered' });
  });

  test('or a photo, and not both; without a code the photo alone', async () => {
    const { merchantId, fulfilment, ordered, rows } = await setup();
    const { id } = await ordered();
    await fulfilment.start(merchantId, id, OWNER);
    for (const proof of [{}, { code: '0000', mediaId: newId() }])
      await expect(fulfilment.complete(merchantId, id, OWNER, proof)).rejects.toThrow(ProofError);
    expect(await rows('SELECT wrong_codes FROM delivery_tasks')).toEqual([{ wrong_codes: 0 }]);
    await rows('UPDATE delivery_tasks SET code = NULL');
    await expect(fulfilment.complete(merchantId, id, OWNER, { code: '0000' })).rejects.toThrow(NoCodeError);
  });
});

test('positions are taken on the way alone, and one in ten seconds is kept, however many come at once', async () => {
  const { merchantId, fulfilment, deliveries, ordered, get, rows } = await setup();
  const { id } = await ordered();
  const locate = (n: number) => deliveries.locate(merchantId, id, OWNER, { latitude: n, longitude: -n, accuracy: 5 });
  await expect(locate(1)).rejects.toThrow(NotInTransitError);
  await fulfilment.start(merchantId, id, OWNER);
  const kept = async () => (await parallel(10, (n) => locate(n))).filter((each) => each.kept);
  expect(await kept()).toHaveLength(1);
  expect(await kept()).toHaveLength(0);
  await rows(`UPDATE delivery_tasks SET located_at = located_at - interval '3 seconds'`);
  expect(await kept()).toHaveLength(0);
  await rows(`UPDATE delivery_tasks SET located_at = located_at - interval '10 seconds'`);
  expect(await kept()).toHaveLength(1);
  expect(await rows('SELECT 1 AS one FROM delivery_positions')).toHaveLength(2);
  expect(await get(id)).toMatchObject({ position: { accuracy: 5, at: expect.any(String) } });
});

describe('by hand', () => {
  test('an order that is dispatched takes its delivery along, and one that is delivered ends it, wherever it stands', async () => {
    const { merchantId, deliveries, ordered, act, get, events, rows } = await setup();
    const { orderId, id } = await ordered();
    await act(orderId, 'prepare');
    await act(orderId, 'dispatch');
    expect(await get(id)).toMatchObject({ status: 'in_transit', attempt: 1, trackingUrl: expect.any(String) });
    await act(orderId, 'deliver');
    expect(await get(id)).toMatchObject({ status: 'delivered', proof: 'none' });
    expect(await events(id)).toEqual(['delivery_started', 'delivery_completed']);

    const failed = await ordered();
    await act(failed.orderId, 'prepare');
    await act(failed.orderId, 'dispatch');
    await deliveries.fail(merchantId, failed.id, OWNER, 'Nobody at home');
    await act(failed.orderId, 'deliver');
    const after = await get(failed.id);
    expect(after).toMatchObject({ status: 'delivered', proof: 'none' });
    expect(after.reason).toBeUndefined();
    expect(await rows(`SELECT data ->> 'proof' AS proof FROM events WHERE type = 'delivery_completed'`)).toEqual([
      { proof: 'none' },
      { proof: 'none' },
    ]);
  });

  test.each(['pending', 'assigned', 'in_transit', 'failed'])('a cancelled order ends a delivery that is %s', async (status) => {
    const { merchantId, fulfilment, deliveries, ordered, person, act, get, events, stock } = await setup();
    const driver = await person();
    const { orderId, id } = await ordered();
    if (status !== 'pending') await deliveries.assign(merchantId, id, OWNER, { driverId: driver.id });
    if (status === 'in_transit' || status === 'failed') await fulfilment.start(merchantId, id, driver);
    if (status === 'failed') await deliveries.fail(merchantId, id, driver, 'Nobody at home');
    await act(orderId, 'cancel');
    const ended = await get(id);
    expect(ended).toMatchObject({ status: 'failed', reason: 'the order was cancelled', closedAt: expect.any(String) });
    expect(ended.history.at(-1)).toMatchObject({ from: status, to: 'failed', actor: 'owner' });
    expect((await events(id)).filter((type) => type === 'delivery_failed')).toHaveLength(1);
    expect(await stock()).toEqual([100, 0]);
    for (const late of [
      () => deliveries.assign(merchantId, id, OWNER, { driverId: driver.id }),
      () => deliveries.retry(merchantId, id, OWNER),
      () => fulfilment.start(merchantId, id, OWNER),
      () => fulfilment.complete(merchantId, id, OWNER, { code: '0000' }),
    ])
      await expect(late()).rejects.toThrow(/A failed delivery .* it allows no further action\./);
  });
});

describe('at once', () => {
  test('of many who set out one does, and of many who hand over one does', async () => {
    const { merchantId, fulfilment, ordered, order, get, code, stock, events } = await setup();
    const { orderId, id } = await ordered();
    expect(await many(() => fulfilment.start(merchantId, id, OWNER))).toHaveLength(1);
    expect((await get(id)).attempt).toBe(1);
    const right = await code(orderId);
    expect(await many(() => fulfilment.complete(merchantId, id, OWNER, { code: right }))).toHaveLength(1);
    expect(await stock()).toEqual([98, 0]);
    expect(await events(id)).toEqual(['delivery_started', 'delivery_completed']);
    expect((await order(orderId)).history).toHaveLength(5);
  });

  test('handed over and cancelled: one of both, and the stock is right; nobody waits for nobody', async () => {
    const { merchantId, fulfilment, ordered, order, get, act, code, stock } = await setup();
    let shipped = 0;
    for (let round = 0; round < 8; round += 1) {
      const { orderId, id } = await ordered();
      await fulfilment.start(merchantId, id, OWNER);
      const right = await code(orderId);
      const refused = await parallel(6, (n) =>
        (n % 2 === 0 ? fulfilment.complete(merchantId, id, OWNER, { code: right }) : act(orderId, 'cancel')).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      const errors = refused.filter(Boolean);
      expect(errors).toHaveLength(5);
      for (const error of errors)
        expect(error instanceof DeliveryTransitionError || error instanceof InvalidTransitionError).toBe(true);
      const { status } = await order(orderId);
      if (status === 'delivered') shipped += 2;
      expect([status, (await get(id)).status]).toEqual(
        status === 'delivered' ? ['delivered', 'delivered'] : ['cancelled', 'failed'],
      );
    }
    expect(await stock()).toEqual([100 - shipped, 0]);
  });
});

test('another merchant’s delivery is not found', async () => {
  const { shop, fulfilment, deliveries, ordered } = await setup();
  const { id } = await ordered();
  const theirs = await shop();
  await expect(deliveries.get(theirs, id, OWNER)).rejects.toThrow(NotFoundError);
  await expect(fulfilment.start(theirs, id, OWNER)).rejects.toThrow(NotFoundError);
});
