import { until } from '@soko/testing';
import type { Client } from 'pg';
import { Webhook } from 'standardwebhooks';
import { expect } from 'vitest';
import type { Shop } from './shop.js';

/** Waits until nothing is left to do for anybody: no event, alarm row, message or delivery is waiting. */
export async function settled(db: Client, ms = 90_000): Promise<void> {
  await until(
    'quiet',
    async () => {
      const { rows } = await db.query<{ left: string }>(`
        SELECT (SELECT count(*) FROM events WHERE position IS NULL) + (SELECT count(*) FROM event_reactions)
             + (SELECT count(*) FROM inbound_deliveries)
             + (SELECT count(*) FROM pending_answers) + (SELECT count(*) FROM pending_sends)
             -- Who waits for money waits for people.
             + (SELECT count(*) FROM orders WHERE ring_at IS NOT NULL AND (hold = 'none' OR held_until <= now()))
             + (SELECT count(*) FROM payments WHERE ring_at IS NOT NULL)
             + (SELECT count(*) FROM payment_refunds WHERE ring_at IS NOT NULL)
             + (SELECT count(*) FROM broadcasts WHERE status = 'running')
             + (SELECT count(*) FROM webhook_deliveries WHERE status = 'pending')
             + (SELECT count(*) FROM webhook_recoveries WHERE status = 'running')
             + (SELECT count(*) FROM webhook_drains d JOIN webhooks w ON w.merchant_id = d.merchant_id AND w.id = d.webhook_id
                WHERE w.active AND EXISTS (
                  SELECT FROM events e WHERE e.merchant_id = d.merchant_id AND e.position > d.cursor AND e.position <> ALL (d.done)
                    AND w.events && ARRAY['*', e.type])) AS left`);
      return Number(rows[0]!.left) === 0;
    },
    ms,
  );
}

/** Every order processed exactly once: one per customer, confirmed once, with one delivery task, and the stock adds up. */
export async function expectOrdersOnce(db: Client, shop: Shop, customers: number): Promise<void> {
  const { rows: orders } = await db.query('SELECT id, customer_phone, status FROM orders WHERE merchant_id = $1', [
    shop.merchantId,
  ]);
  expect(orders.filter((order) => order.status !== 'confirmed')).toEqual([]);
  expect(orders).toHaveLength(customers);
  expect(new Set(orders.map((order) => order.customer_phone)).size).toBe(customers);
  const { rows: history } = await db.query(
    `SELECT order_id, count(*)::int AS n FROM order_history WHERE merchant_id = $1 AND to_status = 'confirmed' GROUP BY 1`,
    [shop.merchantId],
  );
  expect(history).toHaveLength(customers);
  expect(history.filter(({ n }) => n !== 1)).toEqual([]);
  const { rows: tasks } = await db.query('SELECT order_id FROM delivery_tasks WHERE merchant_id = $1', [shop.merchantId]);
  expect(tasks).toHaveLength(customers);
  const { rows: products } = await db.query('SELECT reserved::int FROM products WHERE merchant_id = $1', [shop.merchantId]);
  expect(products).toEqual([{ reserved: customers * 2 }]);
}

/**
 * Each of the shop's events reached its partner at least once, signed: also those that came after all was quiet, as when a second channel
 * of the shop connects late. Returns how many calls were repeats.
 */
export async function expectWebhooks(db: Client, shop: Shop): Promise<number> {
  const ids = () => new Set(shop.receiver.calls.map((call) => call.headers['webhook-id']));
  const { rows } = await db.query<{ id: string; type: string }>(
    `SELECT e.id, e.type FROM events e JOIN webhooks w ON w.merchant_id = e.merchant_id
     WHERE e.merchant_id = $1 AND e.created_at > w.created_at`,
    [shop.merchantId],
  );
  await expect.poll(() => rows.filter((event) => !ids().has(event.id)), { timeout: 20_000 }).toEqual([]);
  const verifier = new Webhook(shop.webhookSecret);
  for (const { body, headers } of shop.receiver.calls) verifier.verify(body, headers as Record<string, string>);
  return shop.receiver.calls.length - ids().size;
}
