import { newId } from '@soko/common';
import { allJobs, processOrder } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { Log } from '@soko/observability';
import { gate, integration, type Integration, parallel, until } from '@soko/testing';
import { expect, test } from 'vitest';
import { allQueueNames } from './queue-names.js';
import { Sweeper } from './sweeper.js';

const sweeperOf = ({ system, module }: Integration) => new Sweeper(system, module.get(Log));

const insertOrder = (tx: TenantTx, id: string, number: number) =>
  tx.query(
    `INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency)
     VALUES ($1, $2, $3, 'pending', '+263771000001', 0, 'USD')`,
    [tx.merchantId, id, number],
  );

async function setup(orders = 1) {
  const house = await integration({});
  const merchantId = await house.shop();
  const payloads = Array.from({ length: orders }, () => ({ merchantId, orderId: newId() }));
  await house.tenancy.run(merchantId, async (tx) => {
    for (const [n, payload] of payloads.entries()) {
      await insertOrder(tx, payload.orderId, n + 1);
      tx.wake(processOrder, payload);
    }
  });
  const rows = <R extends object>(sql: string) => house.tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  return {
    ...house,
    merchantId,
    payloads,
    rows,
    sweeper: sweeperOf(house),
    pass: () => rows(`UPDATE orders SET ring_at = now()`),
  };
}

test('an alarm that was lost with its queue store is rung again once it is due, and then not before 30 s', async () => {
  const { payloads, alarms, queue, sweeper, rows, pass } = await setup();
  await alarms('order_processing', 1);
  await queue('order_processing').obliterate({ force: true });
  expect(await sweeper.sweep()).toBe(0);
  await pass();
  expect(await sweeper.sweep()).toBe(1);
  expect(await alarms('order_processing', 1)).toEqual(payloads);
  const [row] = await rows<{ wait: number }>('SELECT extract(epoch FROM ring_at - now())::float8 AS wait FROM orders');
  expect(row!.wait).toBeGreaterThan(25);
  expect(row!.wait).toBeLessThanOrEqual(30);
  expect(await sweeper.sweep()).toBe(0);
});

test('a row of which nothing is to be done is left alone', async () => {
  const { sweeper, rows } = await setup();
  await rows('UPDATE orders SET ring_at = NULL');
  expect(await sweeper.sweep()).toBe(0);
});

test('sweepers that work at once ring for each row once', async () => {
  const house = await setup(60);
  await house.alarms('order_processing', 60);
  for (let round = 0; round < 5; round += 1) {
    await house.queue('order_processing').obliterate({ force: true });
    await house.pass();
    const rung = await parallel(3, () => sweeperOf(house).sweep());
    expect(rung.reduce((sum, each) => sum + each, 0)).toBe(60);
    const waiting = (await house.alarms('order_processing', 60)) as typeof house.payloads;
    expect(new Set(waiting.map(({ orderId }) => orderId))).toEqual(new Set(house.payloads.map(({ orderId }) => orderId)));
  }
});

test('a row that somebody has in hand is passed over: the sweep neither waits for it nor for its neighbours', async () => {
  const { tenancy, merchantId, sweeper, alarms, queue, payloads, pass } = await setup(3);
  await alarms('order_processing', 3);
  await queue('order_processing').obliterate({ force: true });
  await pass();
  const [taken, finish] = [gate(), gate()];
  const atWork = tenancy.run(merchantId, async (tx) => {
    await tx.query('SELECT 1 FROM orders WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [merchantId, payloads[1]!.orderId]);
    taken.open();
    await finish.opened;
  });
  await taken.opened;
  const rung = await Promise.race([sweeper.sweep(), until('nothing', () => undefined, 5_000).catch(() => 'it waits')]);
  finish.open();
  await atWork;
  expect(rung).toBe(2);
  expect(await sweeper.sweep()).toBe(1);
});

test('every kind of row that waits is found, and its job carries its ids', async () => {
  const { tenancy, merchantId, sweeper, alarms, queue, payloads } = await setup();
  await alarms('order_processing', 1);
  await queue('order_processing').obliterate({ force: true });
  const [channelId, chatId, event, webhookId, deadLetterId, messageId, blobId, paymentId, refundId, broadcastId, recoveryId] =
    Array.from({ length: 11 }, newId);
  await tenancy.run(merchantId, async (tx) => {
    const run = (sql: string, ...values: unknown[]) => tx.query(sql, [merchantId, ...values]);
    await run(`INSERT INTO channels (merchant_id, id, name, kind, shard) VALUES ($1, $2, 'c', 'simulator', 2)`, channelId);
    const [contact] = await tx.query<{ id: string }>(
      `INSERT INTO contacts (merchant_id, phone) VALUES ($1, '+263771000001') RETURNING id`,
      [merchantId],
    );
    await run(
      'INSERT INTO chats (merchant_id, id, channel_id, contact_id) VALUES ($1, $2, $3, $4)',
      chatId,
      channelId,
      contact!.id,
    );
    for (const [seq, table] of ['pending_answers', 'pending_sends'].entries()) {
      const id = newId();
      await run(
        `INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline)
         VALUES ($1, $2, $3, $4, $5, 'inbound', 'text', '{}', '', 'received', '[]')`,
        id,
        chatId,
        channelId,
        seq + 1,
      );
      const [columns, values] = table === 'pending_sends' ? [', channel_id, shard', ', $5, 2'] : ['', ''];
      await run(
        `INSERT INTO ${table} (merchant_id, chat_id, seq, message_id${columns}) VALUES ($1, $2, $3, $4${values})`,
        chatId,
        seq + 1,
        id,
        ...(columns ? [channelId] : []),
      );
    }
    await run(`INSERT INTO events (merchant_id, id, type, subject, data) VALUES ($1, $2, 'order_created', 's', '{}')`, event);
    await run(
      `INSERT INTO event_reactions (merchant_id, reaction, subject, position, event_id) VALUES ($1, 'test.reaction', 's', 1, $2)`,
      event,
    );
    await run(
      `INSERT INTO webhooks (merchant_id, id, url, events, secret) VALUES ($1, $2, 'http://x', '{*}', 'plain.s')`,
      webhookId,
    );
    await run(
      'INSERT INTO webhook_recoveries (merchant_id, id, webhook_id, since) VALUES ($1, $2, $3, now())',
      recoveryId,
      webhookId,
    );
    await run(`INSERT INTO carts (merchant_id, chat_id, lines) VALUES ($1, $2, '[]')`, chatId);
    await run(`INSERT INTO inbound_deliveries (merchant_id, channel_id, body) VALUES ($1, $2, '[]')`, channelId);
    await run(
      `INSERT INTO dead_letters (merchant_id, id, kind, reference, reason, due_at) VALUES ($1, $2, 'inbound_message', '1', 'test', now())`,
      deadLetterId,
    );
    await run(
      `INSERT INTO media_blobs (merchant_id, id, hash, size, mime_type, status) VALUES ($1, $2, repeat('0', 64), 1, 'image/png', 'processing')`,
      blobId,
    );
    await run(
      `INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline)
       VALUES ($1, $2, $3, $4, 3, 'inbound', 'image', '{}', '', 'received', '[]')`,
      messageId,
      chatId,
      channelId,
    );
    await run('INSERT INTO pending_media (merchant_id, message_id, channel_id) VALUES ($1, $2, $3)', messageId, channelId);
    await run(
      `INSERT INTO payments (merchant_id, id, order_id, title, method, provider, status, amount, currency)
       VALUES ($1, $2, $3, 'Order 1', 'payment_link', 'stripe', 'pending', 1, 'USD')`,
      paymentId,
      payloads[0]!.orderId,
    );
    await run(
      `INSERT INTO payment_refunds (merchant_id, id, payment_id, amount, status, reason) VALUES ($1, $2, $3, 1, 'requested', 'test')`,
      refundId,
      paymentId,
    );
    await run(
      `INSERT INTO broadcasts (merchant_id, id, name, status, channel_id, template_name, variables, category, segment)
       VALUES ($1, $2, 'Sale', 'running', $3, 'sale', '{}', 'marketing', '{}')`,
      broadcastId,
      channelId,
    );
    for (const { due } of allJobs()) await tx.query(`UPDATE ${due.table} SET ring_at = now()`);
  });
  expect(await sweeper.sweep()).toBe(allJobs().length);
  const expected: Record<string, object[]> = {
    'message_sending-2': [{ merchantId, chatId, shard: 2 }],
    inbound_processing: [
      { merchantId, chatId },
      { merchantId, chatId },
      { merchantId, channelId },
    ],
    order_processing: [...payloads, { merchantId, paymentId }, { merchantId, refundId }],
    maintenance: [
      { merchantId, deadLetterId },
      { merchantId, reaction: 'test.reaction', subject: 's' },
      { merchantId, recoveryId },
      { merchantId, broadcastId },
    ],
    webhook_delivery: [{ merchantId, webhookId }],
    media_processing: [
      { merchantId, blobId },
      { merchantId, messageId },
    ],
  };
  expect(Object.values(expected).flat()).toHaveLength(allJobs().length);
  for (const name of allQueueNames(4)) {
    expect(await alarms(name, expected[name]?.length ?? 0), name).toEqual(expected[name] ?? []);
  }
});

test('as a part of an app it looks by itself, and stops with the app', async () => {
  const house = await integration({ providers: [Sweeper] });
  const merchantId = await house.shop();
  const orderId = newId();
  await house.tenancy.run(merchantId, (tx) => insertOrder(tx, orderId, 1));
  await house.tenancy.run(merchantId, (tx) => tx.query('UPDATE orders SET ring_at = now()'));
  expect(await house.alarms('order_processing', 1)).toEqual([{ merchantId, orderId }]);
  await until('the ring to be put off', async () => {
    const [row] = await house.tenancy.run(merchantId, (tx) =>
      tx.query<{ off: boolean }>('SELECT ring_at > now() AS off FROM orders'),
    );
    return row!.off;
  });
});
