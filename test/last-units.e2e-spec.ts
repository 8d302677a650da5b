import { afterAll, beforeAll, expect, test } from 'vitest';
import { Customers, phoneNumber } from './support/customers.js';
import { openShop, phoneMessages } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());

test('30 customers race for the last 10 units: 10 get one, 20 are told why not', async () => {
  const { db } = env;
  const shop = await openShop(env.baseUrl, { name: 'Cooking oil', stock: 10 });
  const customers = new Customers(shop, db);
  const phones = Array.from({ length: 30 }, (_, index) => phoneNumber(index));
  // All of them stand before the last question, then confirm at once.
  await Promise.all(
    phones.map((phone) =>
      customers.converse(phone, [
        { body: { type: 'text', text: 'hi' }, answered: 1 },
        { body: { type: 'text', text: '1' }, answered: 2 },
        { body: { type: 'text', text: '1' }, answered: 3 },
        { body: { type: 'text', text: 'checkout' }, answered: 4 },
        { body: { type: 'text', text: 'Main street 1' }, answered: 5 },
      ]),
    ),
  );
  await Promise.all(phones.map((phone) => customers.say(phone, { body: { type: 'text', text: 'yes' }, answered: 6 })));
  await settled(db);
  await customers.stop();

  const last = [...(await phoneMessages(db, shop.channelId)).values()].map((texts) => texts.at(-1)!);
  expect(last.filter((text) => /Order #\d+ is confirmed/.test(text))).toHaveLength(10);
  // Whose order came too late hears of it; whose "yes" came when nothing was left any more is told at once, and orders nothing.
  const late = last.filter((text) => /could not be confirmed.*Cooking oil is sold out/s.test(text)).length;
  expect(late + last.filter((text) => /Cooking oil has sold out and is no longer in your cart/.test(text)).length).toBe(20);
  const { rows } = await db.query('SELECT status, count(*)::int AS n FROM orders WHERE merchant_id = $1 GROUP BY 1 ORDER BY 1', [
    shop.merchantId,
  ]);
  expect(rows).toEqual([{ status: 'confirmed', n: 10 }, ...(late > 0 ? [{ status: 'rejected', n: late }] : [])]);
  const product = await shop.client.ok('GET', `/api/products/${shop.productId}`);
  expect(product).toMatchObject({ stock: 10, available: 0 });
  await shop.receiver.close();
});
