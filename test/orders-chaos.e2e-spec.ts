import { setTimeout as pause } from 'node:timers/promises';
import { ApiClient, parallel, seeded, startStripe, type StripeApi, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phoneNumber } from './support/customers.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const SECRET = 'whsec_Zm9yIHRlc3RzIG9ubHk6IHRoaXMgaXMgbm8ga2V5';
const CUSTOMERS = 50;
const STOCK = [6, 7, 7];
const KILLS = 6;

let env: TestStack;
let stripe: StripeApi;
beforeAll(async () => {
  stripe = await startStripe();
  env = await startTestStack({ STRIPE_BASE_URL: stripe.url });
});
afterAll(async () => {
  await env?.stop();
  await stripe?.close();
});

interface Order {
  id: string;
  status: string;
  total: { amount: number };
  payments: { id: string; status: string; url?: string; received: { amount: number }; refunded: { amount: number } }[];
}

test('50 customers race for 20 units, some pay late, twice, wrongly or never, and workers die: stock and money add up', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const random = seeded(SEED);
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  await client.ok('PUT', '/api/payment-methods/stripe', {
    returnUrl: 'https://shop.example.com/thanks',
    secretKey: 'sk_test_00000000000000000000',
    webhookSecret: SECRET,
  });
  const products = await Promise.all(
    STOCK.map((stock, n) =>
      client.ok<{ id: string }>('POST', '/api/products', {
        sku: `P${n}`,
        name: `Product ${n}`,
        price: { amount: 333 + n, currency: 'USD' },
        stock,
      }),
    ),
  );
  /** What customers paid at Stripe, in cents. */
  let paid = 0;
  const notices = `/webhooks/payments/stripe/${merchantId}`;

  /** As Stripe does: again and again, until somebody says that it is kept. */
  const tell = (object: object, times = 1): Promise<unknown> =>
    parallel(times, async () => {
      const { body, headers } = stripe.notice(
        SECRET,
        'checkout.session.completed',
        object,
        `evt_${(object as { id: string }).id}`,
      );
      await until(
        'a notice that is taken',
        async () => (await fetch(env.baseUrl + notices, { method: 'POST', headers, body })).ok,
        60_000,
      );
    });
  const get = (id: string) => client.ok<Order>('GET', `/api/orders/${id}`);
  /** The time of an order that waits for its money is over. */
  const expire = (id: string) =>
    env.db.query(`UPDATE orders SET held_until = now(), ring_at = now() WHERE id = $1 AND hold <> 'none'`, [id]);

  async function buy(n: number, fate: number): Promise<void> {
    const lines = products.filter(() => random() < 0.4);
    const items = (lines.length > 0 ? lines : [products[n % 3]!]).map(({ id: productId }) => ({
      productId,
      quantity: 1 + (n % 2),
    }));
    const paymentMethod = fate < 0.3 ? 'cash_on_delivery' : 'payment_link';
    const { id } = await client.ok<{ id: string }>('POST', '/api/orders', {
      customer: { phone: phoneNumber(n) },
      items,
      paymentMethod,
    });
    if (fate < 0.3) return;
    const order = await until(
      'a link, or an end',
      async () => {
        const now = await get(id);
        return (now.status !== 'pending' || now.payments[0]?.url !== undefined) && now;
      },
      90_000,
    );
    if (order.status !== 'pending') return;
    const page = stripe.paid(order.payments[0]!.id) as { amount_total: number };
    const pays = async (amount: number, times = 1): Promise<void> => {
      paid += amount;
      await tell({ ...page, amount_total: amount }, times);
    };
    if (fate < 0.5) return pays(page.amount_total); // In time.
    if (fate < 0.6) return pays(page.amount_total, 3); // In time, and told three times at once.
    if (fate < 0.7) return pays(page.amount_total - 1); // A cent too little.
    await expire(id);
    if (fate < 0.85) return pays(page.amount_total); // Just when the goods are let go.
    await until('the goods let go', async () => (await get(id)).payments.length > 0 && !(await held(id)), 90_000);
    if (fate < 0.95) return pays(page.amount_total); // Afterwards.
  }
  const held = async (id: string): Promise<boolean> =>
    (await env.db.query('SELECT FROM orders WHERE id = $1 AND hold = $2', [id, 'held'])).rows.length > 0;

  // Whatever the seed: one had the goods and never paid all of it. That order is cancelled, and what was paid goes back.
  await buy(CUSTOMERS, 0.65);
  const end = new AbortController();
  const customers = parallel(CUSTOMERS, (n) => buy(n, random())).finally(() => end.abort());
  let kills = 0;
  const murder = (async () => {
    // The pauses are the chaos itself: moments picked by the seed.
    while (!end.signal.aborted && kills < KILLS) {
      await pause(300 + random() * 1_500);
      if (end.signal.aborted || !env.stack.children.worker.pid) continue;
      await env.stack.children.worker.kill('SIGKILL');
      kills += 1;
    }
  })();
  await Promise.all([customers, murder]);
  console.log(`${kills} kills`);
  expect(kills).toBeGreaterThan(0);

  // Whoever has not paid by now never does: first the goods go, then the order.
  for (const hold of ['held', 'lapsed']) {
    await settled(env.db);
    await env.db.query('UPDATE orders SET held_until = now(), ring_at = now() WHERE hold = $1', [hold]);
  }
  await settled(env.db);

  const { rows: statuses } = await env.db.query<{ status: string }>('SELECT DISTINCT status FROM orders WHERE merchant_id = $1', [
    merchantId,
  ]);
  expect(statuses.map(({ status }) => status).toSorted()).toEqual(['cancelled', 'confirmed', 'rejected']);

  // The ledger is the product, and what it says of each order is what the order has.
  const { rows: books } = await env.db.query(
    `SELECT p.sku, p.on_hand::int, p.reserved::int, sum(m.on_hand_delta)::int AS hand, sum(m.reserved_delta)::int AS held,
            min(m.reserved)::int AS least, bool_and(m.reserved <= m.on_hand) AS covered
     FROM products p JOIN stock_movements m ON m.merchant_id = p.merchant_id AND m.product_id = p.id
     WHERE p.merchant_id = $1 GROUP BY 1, 2, 3 ORDER BY 1`,
    [merchantId],
  );
  for (const [n, book] of books.entries()) {
    expect(book).toMatchObject({
      on_hand: STOCK[n],
      hand: STOCK[n],
      held: (book as { reserved: number }).reserved,
      least: 0,
      covered: true,
    });
  }
  const { rows: wrong } = await env.db.query(
    `SELECT o.number, o.status, i.product_id, i.quantity, coalesce(m.held, 0) AS held
     FROM orders o JOIN order_items i ON i.merchant_id = o.merchant_id AND i.order_id = o.id
     LEFT JOIN (SELECT merchant_id, order_id, product_id, sum(reserved_delta) AS held FROM stock_movements GROUP BY 1, 2, 3) m
       ON m.merchant_id = o.merchant_id AND m.order_id = o.id AND m.product_id = i.product_id
     WHERE o.merchant_id = $1 AND coalesce(m.held, 0) <> CASE WHEN o.status = 'confirmed' THEN i.quantity ELSE 0 END`,
    [merchantId],
  );
  expect(wrong).toEqual([]);

  // Each cent: who has goods has paid for them, and who has none has the money back.
  const { rows: money } = await env.db.query(
    `SELECT o.number, o.status FROM orders o LEFT JOIN payments p ON p.merchant_id = o.merchant_id AND p.order_id = o.id
     WHERE o.merchant_id = $1 AND o.payment_method = 'payment_link' GROUP BY o.merchant_id, o.id
     HAVING coalesce(sum(p.received - p.refunded), 0) <> CASE WHEN o.status = 'confirmed' THEN o.total_amount ELSE 0 END`,
    [merchantId],
  );
  expect(money).toEqual([]);
  const { rows: sums } = await env.db.query<{ received: number; refunded: number; told: number }>(
    `SELECT sum(received)::int AS received, sum(refunded)::int AS refunded,
            (SELECT sum((data -> 'amount' ->> 'amount')::int)::int FROM events WHERE merchant_id = $1 AND type = 'payment_refunded') AS told
     FROM payments WHERE merchant_id = $1`,
    [merchantId],
  );
  const back = stripe.calls
    .filter(({ path }) => path === '/v1/refunds')
    .reduce((sum, { form }) => sum + Number(form.get('amount')), 0);
  expect(sums).toEqual([{ received: paid, refunded: back, told: back }]);
  expect(back).toBeGreaterThan(0);
}, 300_000);
