import { newId, NotFoundError, validateInput, ValidationError } from '@soko/common';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { UpdateMerchantBody } from './merchant.dto.js';
import { MerchantService } from './merchant.service.js';
import { PLATFORM_ID } from './roles.js';

const STANDARD = {
  api: { requests: 6_000, windowSeconds: 900 },
  messages: { requests: 600, windowSeconds: 60 },
  uploads: { requests: 1_000, windowSeconds: 3_600 },
};
const TRIAL = {
  api: { requests: 100, windowSeconds: 900 },
  messages: { requests: 30, windowSeconds: 60 },
  uploads: { requests: 10, windowSeconds: 3_600 },
};
const HOURS = {
  monday: [
    { from: '08:00', to: '12:30' },
    { from: '13:00', to: '17:30' },
  ],
  saturday: [{ from: '22:00', to: '24:00' }],
};

async function setup(env?: Record<string, string>) {
  const house = await integration({ env });
  const merchants = house.module.get(MerchantService);
  const shopId = await house.shop();
  /** A merchant of this id and name, made by hand. */
  const open = async (id: string, name: string) => {
    await house.tenancy.run(id, (tx) =>
      tx.query(`INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, $2, 'USD', 'UTC', 'en')`, [id, name]),
    );
    return id;
  };
  return {
    ...house,
    merchants,
    shopId,
    open,
    profile: (id = shopId) => merchants.profile(id),
    /** As it comes through the api. */
    update: (body: object) => merchants.update(shopId, validateInput(UpdateMerchantBody, body)),
    idsOf: async (query: { q?: string } = {}) => (await merchants.list({ limit: 100, ...query })).data.map(({ id }) => id),
  };
}

test('a merchant’s profile tells its plan and what that allows', async () => {
  const { profile, shopId } = await setup();
  expect(await profile()).toEqual({
    id: shopId,
    name: 'Shop',
    currency: 'USD',
    timezone: 'UTC',
    locale: 'en',
    plan: 'standard',
    limits: STANDARD,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
});

test('the limits are those of the settings', async () => {
  const { profile, merchants, shopId } = await setup({
    RATE_LIMIT_STANDARD_API: '1',
    RATE_LIMIT_STANDARD_MESSAGES: '2',
    RATE_LIMIT_STANDARD_UPLOADS: '3',
    RATE_LIMIT_TRIAL_API: '4',
    RATE_LIMIT_TRIAL_MESSAGES: '5',
    RATE_LIMIT_TRIAL_UPLOADS: '6',
  });
  const numbers = async () => Object.values((await profile()).limits).map(({ requests }: { requests: number }) => requests);
  expect(await numbers()).toEqual([1, 2, 3]);
  await merchants.setPlan(shopId, 'trial');
  expect(await numbers()).toEqual([4, 5, 6]);
});

test('a change changes what it names, of this merchant alone', async () => {
  const { update, profile, shop } = await setup();
  const other = await shop();
  const [before, theirs] = [await profile(), await profile(other)];
  expect(await update({ name: 'Mbare Market', locale: 'sn' })).toEqual({ ...before, name: 'Mbare Market', locale: 'sn' });
  expect(await update({ timezone: 'Africa/Harare' })).toMatchObject({ name: 'Mbare Market', timezone: 'Africa/Harare' });
  const changed = await profile();
  expect(await update({})).toEqual(changed);
  expect(await profile()).toEqual(changed);
  expect(await profile(other)).toEqual(theirs);
});

test('opening hours are kept as they were given, and replaced as a whole', async () => {
  const { update, profile } = await setup();
  expect(await profile()).not.toHaveProperty('openingHours');
  expect((await update({ openingHours: HOURS })).openingHours).toEqual(HOURS);
  expect((await update({ name: 'Mbare Market' })).openingHours).toEqual(HOURS);
  expect((await profile()).openingHours).toEqual(HOURS);
  const sunday = { sunday: [{ from: '10:00', to: '10:01' }], monday: [] };
  expect((await update({ openingHours: sunday })).openingHours).toEqual(sunday);
  expect((await update({ openingHours: {} })).openingHours).toEqual({});
});

test('opening hours end after they begin: each span that does not is named, and nothing is changed', async () => {
  const { update, profile } = await setup();
  await update({ openingHours: HOURS });
  const before = await profile();
  const wrong = {
    monday: [
      { from: '08:00', to: '12:00' },
      { from: '17:30', to: '13:00' },
    ],
    friday: [{ from: '09:00', to: '09:00' }],
    sunday: [{ from: '23:00', to: '00:00' }],
  };
  const refused = update({ name: 'Mbare Market', openingHours: wrong });
  await expect(refused).rejects.toThrow(ValidationError);
  await expect(refused).rejects.toMatchObject({
    status: 422,
    errors: ['openingHours.monday.1', 'openingHours.friday.0', 'openingHours.sunday.0'].map((path) => ({ path, code: 'order' })),
  });
  expect(await profile()).toEqual(before);
});

test('ops see every merchant as it sees itself, in the order of their making', async () => {
  const { merchants, profile, shopId, shop } = await setup();
  const ids = [shopId, await shop(), await shop()];
  const { data } = await merchants.list({ limit: 100 });
  expect(data).toEqual(await Promise.all(ids.map((id) => profile(id))));
});

test('merchants are paged without gap or double while new ones register', async () => {
  const { merchants, shopId, shop } = await setup();
  const ids = [shopId];
  for (let n = 0; n < 6; n += 1) ids.push(await shop());
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await merchants.list({ limit: 3, cursor });
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.pagination.nextCursor;
    if (seen.length === 3) ids.push(await shop());
  } while (cursor);
  expect(seen).toEqual(ids);
});

test('the platform is no merchant: it is not listed, and has no plan to change', async () => {
  const { merchants, open, idsOf, profile, shopId } = await setup();
  await open(PLATFORM_ID, 'Soko');
  expect(await idsOf()).toEqual([shopId]);
  expect(await idsOf({ q: 'soko' })).toEqual([]);
  expect((await merchants.list({ limit: 1 })).pagination.hasMore).toBe(false);
  await expect(merchants.setPlan(PLATFORM_ID, 'trial')).rejects.toThrow(NotFoundError);
  expect((await profile(PLATFORM_ID)).plan).toBe('standard');
});

test('merchants are found by a part of their name, in any case, letter by letter', async () => {
  const { open, idsOf } = await setup();
  const mbare = await open(newId(), 'Mbare Market');
  const corner = await open(newId(), 'Corner market');
  const percent = await open(newId(), '100% Maize_Meal');
  expect(await idsOf({ q: 'MARKET' })).toEqual([mbare, corner]);
  expect(await idsOf({ q: 'mbare m' })).toEqual([mbare]);
  expect(await idsOf({ q: '%' })).toEqual([percent]);
  expect(await idsOf({ q: '_' })).toEqual([percent]);
  expect(await idsOf({ q: `' OR true --` })).toEqual([]);
});

test('a search is paged too', async () => {
  const { merchants, open } = await setup();
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    ids.push(await open(newId(), `Market ${n}`));
    await open(newId(), `Bakery ${n}`);
  }
  const first = await merchants.list({ limit: 2, q: 'market' });
  const second = await merchants.list({ limit: 2, q: 'market', cursor: first.pagination.nextCursor });
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids);
});

test('a plan is changed for one merchant, and its limits with it', async () => {
  const { merchants, profile, shopId, shop } = await setup();
  const other = await shop();
  const before = await profile();
  expect(await merchants.setPlan(shopId, 'trial')).toEqual({ ...before, plan: 'trial', limits: TRIAL });
  expect((await profile()).plan).toBe('trial');
  expect((await profile(other)).plan).toBe('standard');
  expect((await merchants.setPlan(shopId, 'standard')).limits).toEqual(STANDARD);
});

test('the plan of a merchant that does not exist cannot be changed', async () => {
  const { merchants } = await setup();
  await expect(merchants.setPlan(newId(), 'trial')).rejects.toMatchObject({ status: 404, code: 'merchant_not_found' });
});

test('a plan that there is not is refused by the database itself', async () => {
  const { databaseUrl } = await setup();
  const update = withClient(databaseUrl, (client) => client.query(`UPDATE merchants SET plan = 'gold'`));
  await expect(update).rejects.toThrow(/check constraint/);
});
