import { newId } from '@soko/common';
import type { Settings } from '@soko/config';
import { startStripe } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { StripeProvider } from './stripe.provider.js';

const HOUR_MS = 3_600_000;
const ACCOUNT = {
  config: { returnUrl: 'https://shop.example.com/thanks' },
  secrets: { secretKey: 'sk_test_00000000000000000000', webhookSecret: 'whsec_x' },
};

const request = (hours: number) => ({
  merchantId: newId(),
  paymentId: newId(),
  amount: 1_250,
  currency: 'USD',
  title: 'Order 1',
  askedAt: new Date(),
  expiresAt: new Date(Date.now() + hours * HOUR_MS),
});

async function setup() {
  const stripe = await startStripe();
  onTestFinished(() => stripe.close());
  onTestFinished(() => void vi.useRealTimers());
  return { stripe, provider: new StripeProvider({ STRIPE_BASE_URL: stripe.url } as Settings) };
}

test.each([0.1, 5, 24.5])('a page that was made before the process died is found again later: %s hours', async (hours) => {
  const { stripe, provider } = await setup();
  const asked = request(hours);
  const first = await provider.createLink(ACCOUNT, asked);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR_MS / 2 });
  expect(await provider.createLink(ACCOUNT, asked)).toEqual(first);
  expect(stripe.calls).toHaveLength(1);
});

test.each([
  ['JPY', 1_250, 1_250],
  ['USD', 1_250, 1_250],
  ['UGX', 1_250, 125_000],
  ['MGA', 1_200, 12],
])('%s is counted as Stripe counts it', async (currency, amount, theirs) => {
  const { stripe, provider } = await setup();
  await provider.createLink(ACCOUNT, { ...request(5), currency, amount });
  expect(stripe.calls[0]!.form.get('line_items[0][price_data][unit_amount]')).toBe(String(theirs));
});

test('an amount that Stripe cannot take is refused before it is asked', async () => {
  const { stripe, provider } = await setup();
  await expect(provider.createLink(ACCOUNT, { ...request(5), currency: 'MGA', amount: 1_250 })).rejects.toThrow(
    'no MGA finer than 100',
  );
  expect(stripe.calls).toEqual([]);
});
