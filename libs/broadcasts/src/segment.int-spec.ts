import { newId } from '@soko/common';
import { expect, test } from 'vitest';
import { setupBroadcasts } from './broadcasts.fixture.js';
import type { Segment } from './broadcasts.dto.js';

const DAY_MS = 24 * 3_600_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

async function setup() {
  const house = await setupBroadcasts();
  const { rows, merchantId, preview } = house;
  let number = 0;
  return {
    ...house,
    /** An order of so many days ago, in the customer's chat or under their number. */
    order: (by: { phone?: string; chatId?: string }, days: number, status = 'delivered') =>
      rows(
        `INSERT INTO orders (merchant_id, id, number, status, customer_phone, chat_id, total_amount, currency, created_at, ring_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, 'USD', $7, NULL)`,
        [merchantId, newId(), (number += 1), status, by.phone ?? '+263779999999', by.chatId ?? null, daysAgo(days)],
      ),
    /** Names of the first three who would get it. */
    reached: async (segment: Segment) => {
      const { recipients, examples } = await preview({ segment });
      expect(recipients).toBe(examples.length);
      return examples.map(({ name }) => name);
    },
  };
}

test('by tags: who has any of them', async () => {
  const { customer, reached } = await setup();
  await customer({ name: 'wholesale', tags: ['wholesale', 'harare'] });
  await customer({ name: 'mutare', tags: ['mutare'] });
  await customer({ name: 'nothing' });
  expect(await reached({ tags: ['wholesale'] })).toEqual(['wholesale']);
  expect(await reached({ tags: ['harare', 'mutare'] })).toEqual(['wholesale', 'mutare']);
  expect(await reached({ tags: ['Wholesale'] })).toEqual([]);
  expect(await reached({})).toEqual(['wholesale', 'mutare', 'nothing']);
});

test('by language: who has told us none speaks the merchant’s', async () => {
  const { customer, reached, rows } = await setup();
  await customer({ name: 'fr', language: 'fr' });
  await customer({ name: 'ar', language: 'ar' });
  await customer({ name: 'unknown' });
  expect(await reached({ languages: ['fr'] })).toEqual(['fr']);
  expect(await reached({ languages: ['ar', 'en'] })).toEqual(['ar', 'unknown']);
  await rows(`UPDATE merchants SET locale = 'fr-CI'`);
  expect(await reached({ languages: ['fr'] })).toEqual(['fr', 'unknown']);
});

test('by the last order, under the customer’s number or in their chat; one that came to nothing is none', async () => {
  const { customer, reached, order, rows, channel, merchantId } = await setup();
  const recent = await customer({ name: 'recent' });
  const old = await customer({ name: 'old' });
  const never = await customer({ name: 'never' });
  await order(recent, 100);
  await order(recent, 2);
  await order(never, 1, 'cancelled');
  await order(never, 1, 'rejected');
  const [chat] = await rows<{ id: string }>(
    'INSERT INTO chats (merchant_id, channel_id, contact_id) VALUES ($1, $2, $3) RETURNING id',
    [merchantId, channel.id, old.id],
  );
  await order({ chatId: chat!.id }, 60);
  expect(await reached({ hasOrdered: true })).toEqual(['recent', 'old']);
  expect(await reached({ hasOrdered: false })).toEqual(['never']);
  expect(await reached({ orderedSince: daysAgo(30) })).toEqual(['recent']);
  expect(await reached({ orderedBefore: daysAgo(30) })).toEqual(['old']);
  expect(await reached({ orderedSince: daysAgo(90), orderedBefore: daysAgo(1) })).toEqual(['recent', 'old']);
  expect(await reached({ hasOrdered: false, orderedSince: daysAgo(90) })).toEqual([]);
});

test('all that is given must hold', async () => {
  const { customer, reached, order } = await setup();
  const both = await customer({ name: 'both', tags: ['wholesale'], language: 'fr' });
  const tagged = await customer({ name: 'tagged', tags: ['wholesale'] });
  await customer({ name: 'french', language: 'fr' });
  await order(both, 5);
  await order(tagged, 5);
  expect(await reached({ tags: ['wholesale'], languages: ['fr'], orderedSince: daysAgo(30) })).toEqual(['both']);
});

test('customers of another merchant are nobody’s segment', async () => {
  const { reached, shop, tenancy } = await setup();
  const other = await shop();
  await tenancy.run(other, (tx) =>
    tx.query(`INSERT INTO contacts (merchant_id, phone, opted_in_at) VALUES ($1, '+263771000001', now())`, [other]),
  );
  expect(await reached({})).toEqual([]);
});
