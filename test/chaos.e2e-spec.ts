import { setTimeout as pause } from 'node:timers/promises';
import { seeded } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Customers, ORDER_REPLIES, orderSteps, phoneNumber } from './support/customers.js';
import { emptyQueueStore } from './support/queue-store.js';
import { openShop, phoneMessages } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { expectOrdersOnce, expectWebhooks, settled } from './support/verdict.js';

const CUSTOMERS = 200;
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const APPS = ['api', 'bot-gateway', 'worker'] as const;

let env: TestStack;
beforeAll(async () => {
  env = await startTestStack({ GATEWAY_LEASE_MS: '3000' });
});
afterAll(() => env.stop());

/** 200 customers order at once while `disturb` does its worst; afterwards everything must be as if nothing had happened. */
async function survives(disturb: (random: () => number, done: () => boolean) => Promise<void>): Promise<void> {
  console.log(`CHAOS_SEED=${SEED}`);
  const { db } = env;
  const shop = await openShop(env.baseUrl, { name: 'Maize meal', stock: 10 * CUSTOMERS });
  const customers = new Customers(shop, db);
  let done = false;
  const phones = Array.from({ length: CUSTOMERS }, (_, index) => phoneNumber(index));
  const conversations = Promise.all(phones.map((phone) => customers.converse(phone, orderSteps(shop.productId, phone)))).finally(
    () => {
      done = true;
    },
  );
  await Promise.all([conversations, disturb(seeded(SEED), () => done)]);
  await settled(db);
  await customers.stop();

  const held = await phoneMessages(db, shop.channelId);
  for (const phone of phones) {
    const texts = held.get(phone) ?? [];
    expect(texts, phone).toHaveLength(ORDER_REPLIES.length);
    texts.forEach((text, index) => expect(text, phone).toMatch(ORDER_REPLIES[index]!));
  }
  await expectOrdersOnce(db, shop, CUSTOMERS);
  const repeats = await expectWebhooks(db, shop);
  console.log(`${shop.receiver.calls.length} webhook calls, ${repeats} of them repeats`);
  await shop.receiver.close();
}

test('killing any process at any moment loses nothing and doubles nothing', async () => {
  let kills = 0;
  await survives(async (random, done) => {
    // The pauses are the chaos itself: moments picked by the seed.
    while (!done() && kills < 10) {
      await pause(200 + random() * 1_300);
      const child = env.stack.children[APPS[Math.floor(random() * APPS.length)]!];
      if (!done() && child.pid) {
        await child.kill('SIGKILL');
        kills += 1;
      }
    }
  });
  console.log(`${kills} kills`);
  expect(kills).toBeGreaterThanOrEqual(5);
});

test('emptying the queue store in mid flight loses nothing and doubles nothing', async () => {
  let wipes = 0;
  await survives(async (random, done) => {
    while (!done() && wipes < 4) {
      await pause(300 + random() * 1_500);
      if (done()) return;
      await emptyQueueStore(env);
      wipes += 1;
    }
  });
  console.log(`${wipes} wipes`);
  expect(wipes).toBeGreaterThanOrEqual(3);
});
