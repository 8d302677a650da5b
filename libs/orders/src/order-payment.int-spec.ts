import { ModuleRef } from '@nestjs/core';
import { CatalogModule, ProductService } from '@soko/catalog';
import { newId } from '@soko/common';
import {
  type AddPaymentBody,
  BadNoticeError,
  NoticeService,
  PaymentMethodService,
  PaymentMethodUnavailableError,
  PaymentProcessor,
  PaymentsModule,
  PaymentService,
  RefundService,
  TooMuchError,
} from '@soko/payments';
import { integration, parallel, startStripe } from '@soko/testing';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { OrderPaymentService } from './order-payment.service.js';
import { OrderService } from './order.service.js';
import type { OrderAction } from './order-state.js';
import type { PlaceOrderBody } from './orders.dto.js';
import { OrdersModule } from './orders.module.js';

const SECRET = 'whsec_Zm9yIHRlc3RzIG9ubHk6IHRoaXMgaXMgbm8ga2V5';
const PRICE = 1_250;
const receiveNotice = async (
  notices: NoticeService,
  merchantId: string,
  provider: string,
  body: string | Buffer,
  headers: Record<string, string>,
) => notices.receive(await notices.verify({ params: { merchantId, provider }, query: {}, headers, body: Buffer.from(body) }));
const usd = (amount: number) => ({ amount, currency: 'USD' });

async function setup(env: Record<string, string> = {}) {
  const stripe = await startStripe();
  onTestFinished(() => stripe.close());
  const house = await integration({
    imports: [OrdersModule, CatalogModule, PaymentsModule],
    env: { STRIPE_BASE_URL: stripe.url, ...env },
  });
  const { module, tenancy } = house;
  const merchantId = await house.shop();
  const [orders, money] = [module.get(OrderService), module.get(OrderPaymentService)];
  // By hand: the queue's other handlers are not here.
  const processor = await module.get(ModuleRef).create(PaymentProcessor);
  const [methods, notices, products] = [module.get(PaymentMethodService), module.get(NoticeService), module.get(ProductService)];
  await methods.update(merchantId, 'stripe', {
    returnUrl: 'https://shop.example.com/thanks',
    secretKey: 'sk_test_00000000000000000000',
    webhookSecret: SECRET,
  });
  const { id: productId } = await products.create(merchantId, { sku: 'RICE', name: 'Rice', price: usd(PRICE), stock: 10 });
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  let heard = 0;
  return {
    ...house,
    stripe,
    merchantId,
    orders,
    money,
    methods,
    rows,
    productId,
    products,
    processor,
    refunds: module.get(RefundService),
    payments: module.get(PaymentService),
    /** A new order of `quantity` units, of which what was due was done. */
    place: async (paymentMethod: PlaceOrderBody['paymentMethod'], quantity = 2) => {
      const items = [{ productId, quantity }];
      const { id } = await orders.placeFor(merchantId, { customer: { phone: '+263771000001' }, items, paymentMethod }, 'system');
      await orders.process(merchantId, id);
      return id;
    },
    get: (id: string) => orders.get(merchantId, id),
    act: (id: string, action: OrderAction, reason?: string) => orders.act(merchantId, id, action, 'owner', reason),
    pay: (id: string, body: AddPaymentBody) => money.add(merchantId, id, body),
    /** The link of the order, made as the worker would. */
    link: async (id: string) => {
      const [payment] = (await orders.get(merchantId, id)).payments.filter(({ status }) => status === 'pending');
      await processor.makeLink({ merchantId, paymentId: payment!.id });
      return (await orders.get(merchantId, id)).payments.find((each) => each.id === payment!.id)!;
    },
    tell: (type: string, object: object, id?: string) => {
      const { body, headers } = stripe.notice(SECRET, type, object, id);
      return receiveNotice(notices, merchantId, 'stripe', body, headers);
    },
    /** Does about money that came in what the worker does about it. */
    follow: async () => {
      const events = await rows<{ data: { orderId: string } }>(
        `SELECT data FROM events WHERE type = 'payment_received' ORDER BY id`,
      );
      for (const { data } of events.slice(heard)) await tenancy.run(merchantId, (tx) => orders.settle(tx, data.orderId));
      heard = events.length;
    },
    refundsDue: async () => {
      const due = await rows<{ id: string }>(`SELECT id FROM payment_refunds WHERE status = 'requested' ORDER BY id`);
      for (const { id } of due) await processor.refund({ merchantId, refundId: id });
      return due.length;
    },
    /** So much time passes for the order. */
    later: (id: string, time: string) =>
      rows(`UPDATE orders SET held_until = held_until - $2::interval WHERE id = $1`, [id, time]),
    stock: async () => {
      const [row] = await rows<{ on_hand: number; reserved: number }>('SELECT on_hand, reserved FROM products');
      return [row!.on_hand, row!.reserved];
    },
    events: async (type: string) =>
      (await rows<{ data: Record<string, unknown> }>('SELECT data FROM events WHERE type = $1 ORDER BY id', [type])).map(
        (e) => e.data,
      ),
  };
}

test('an order that is paid by link keeps its goods, is confirmed when Stripe tells that it was paid, and once', async () => {
  const { place, link, get, tell, follow, stock, stripe, events } = await setup();
  const id = await place('payment_link');
  expect(await get(id)).toMatchObject({ status: 'pending', paymentStatus: 'unpaid', reservedUntil: expect.any(String) });
  expect(await stock()).toEqual([10, 2]);
  const payment = await link(id);
  expect(payment).toMatchObject({
    method: 'payment_link',
    provider: 'stripe',
    amount: usd(2 * PRICE),
    url: expect.stringContaining('cs_test_'),
  });
  expect(await link(id)).toEqual(payment);
  expect(stripe.calls).toHaveLength(1);

  await parallel(5, () => tell('checkout.session.completed', stripe.paid(payment.id), 'evt_same'));
  await tell('checkout.session.async_payment_succeeded', stripe.paid(payment.id));
  await follow();
  const order = await get(id);
  expect(order).toMatchObject({ status: 'confirmed', paymentStatus: 'paid', delivery: { status: 'pending' } });
  expect(order.reservedUntil).toBeUndefined();
  expect(order.payments).toMatchObject([{ status: 'paid', received: usd(2 * PRICE), paidAt: expect.any(String) }]);
  expect(order.payments[0]).not.toHaveProperty('url');
  expect(await stock()).toEqual([10, 2]);
  expect(await events('payment_received')).toMatchObject([{ orderId: id, provider: 'stripe', amount: usd(2 * PRICE) }]);
  expect(await events('order_held')).toHaveLength(1);
  expect(order.history.map(({ to, reason }) => [to, reason])).toEqual([
    ['pending', undefined],
    ['pending', 'Reserved until it is paid'],
    ['confirmed', undefined],
  ]);
});

test('what is not paid in time is for sale again, and after a day the order is cancelled', async () => {
  const { place, link, get, later, orders, merchantId, stock, events, rows } = await setup();
  const id = await place('payment_link');
  await link(id);
  await later(id, '29 minutes');
  await orders.process(merchantId, id);
  expect(await stock()).toEqual([10, 2]);
  await later(id, '1 minute');
  await parallel(5, () => orders.process(merchantId, id));
  expect(await stock()).toEqual([10, 0]);
  expect(await get(id)).toMatchObject({ status: 'pending' });
  expect(await events('order_hold_ended')).toHaveLength(1);
  // The sweep looks at it again when its time is over.
  expect(await rows('SELECT ring_at = held_until AS same FROM orders')).toEqual([{ same: true }]);
  await later(id, '24 hours');
  await orders.process(merchantId, id);
  expect(await get(id)).toMatchObject({ status: 'cancelled', reason: 'it was not paid', payments: [{ status: 'failed' }] });
  expect(await stock()).toEqual([10, 0]);
});

test('a payment that comes after the goods were let go takes them again', async () => {
  const { place, link, get, later, orders, merchantId, stock, tell, follow, stripe } = await setup();
  const id = await place('payment_link');
  const payment = await link(id);
  await later(id, '30 minutes');
  await orders.process(merchantId, id);
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await follow();
  expect(await get(id)).toMatchObject({ status: 'confirmed', paymentStatus: 'paid' });
  expect(await stock()).toEqual([10, 2]);
});

test('a payment that comes when somebody else has the goods goes back, by the provider, and the customer is told why', async () => {
  const { place, link, get, later, orders, merchantId, stock, tell, follow, stripe, refundsDue, events } = await setup();
  const id = await place('payment_link', 6);
  const payment = await link(id);
  await later(id, '30 minutes');
  await orders.process(merchantId, id);
  await place('cash_on_delivery', 6);
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await follow();
  expect(await get(id)).toMatchObject({
    status: 'rejected',
    reason: 'only 4 of Rice left',
    payments: [{ refunds: [{ status: 'requested' }] }],
  });
  expect(await refundsDue()).toBe(1);
  expect(await get(id)).toMatchObject({
    paymentStatus: 'refunded',
    payments: [{ status: 'refunded', refunded: usd(6 * PRICE) }],
  });
  expect(stripe.calls.at(-1)!.form.get('amount')).toBe(String(6 * PRICE));
  expect(await stock()).toEqual([10, 6]);
  expect(await events('payment_refunded')).toMatchObject([{ amount: usd(6 * PRICE), refunded: usd(6 * PRICE) }]);
});

test('a payment that comes after the order was cancelled is never dropped: it goes back', async () => {
  const { place, link, act, get, tell, follow, stripe, refundsDue } = await setup();
  const id = await place('payment_link');
  const payment = await link(id);
  await act(id, 'cancel', 'changed my mind');
  expect((await get(id)).payments).toMatchObject([{ status: 'failed', reason: 'changed my mind' }]);
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await follow();
  expect(await refundsDue()).toBe(1);
  expect(await get(id)).toMatchObject({ status: 'cancelled', payments: [{ status: 'refunded' }] });
});

test('notices in the wrong order come to the same', async () => {
  const { place, link, get, tell, follow, stripe, events } = await setup();
  const id = await place('payment_link');
  const payment = await link(id);
  const charge = { metadata: { paymentId: payment.id }, amount_refunded: 500, currency: 'usd' };
  await tell('charge.refunded', charge);
  await tell('checkout.session.expired', stripe.paid(payment.id));
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await tell('charge.refunded', charge);
  await follow();
  expect((await get(id)).payments).toMatchObject([
    {
      status: 'partially_refunded',
      received: usd(2 * PRICE),
      refunded: usd(500),
      refunds: [{ status: 'succeeded', amount: usd(500) }],
    },
  ]);
  expect(await events('payment_received')).toHaveLength(1);
  expect(await events('payment_refunded')).toHaveLength(1);
});

test.each([
  ['less', 1_000, 'usd', 1],
  ['more', 9_999, 'usd', 1],
  ['another currency', 2 * PRICE, 'zar', 0],
])('%s than was asked for confirms nothing, and goes back', async (_, amount_total, currency, back) => {
  const { place, link, get, tell, follow, stripe, events, refundsDue } = await setup();
  const id = await place('payment_link');
  const payment = await link(id);
  await tell('checkout.session.completed', { ...stripe.paid(payment.id), amount_total, currency });
  await follow();
  expect(await get(id)).toMatchObject({ status: 'pending', paymentStatus: 'failed' });
  expect(await events('payment_failed')).toMatchObject([
    { code: 'wrong_amount', reason: expect.stringContaining(String(amount_total)) },
  ]);
  expect(await refundsDue()).toBe(back);
});

test('a notice that is not signed with the merchant’s secret changes nothing, and one about nothing of ours is taken', async () => {
  const { merchantId, module, place, link, stripe, tell, get, rows, shop } = await setup();
  const notices = module.get(NoticeService);
  const id = await place('payment_link');
  const payment = await link(id);
  const { body, headers } = stripe.notice('whsec_another', 'checkout.session.completed', stripe.paid(payment.id));
  const receive = (raw: string, given: Record<string, string> = headers) =>
    receiveNotice(notices, merchantId, 'stripe', raw, given);
  await expect(receive(body)).rejects.toThrow(BadNoticeError);
  const good = stripe.notice(SECRET, 'checkout.session.completed', stripe.paid(payment.id));
  await expect(receive(good.body.replace('paid', 'PAID'), good.headers)).rejects.toThrow(BadNoticeError);
  await expect(receive(good.body, {})).rejects.toThrow(BadNoticeError);
  await expect(receive('', headers)).rejects.toThrow(BadNoticeError);
  await tell('checkout.session.completed', { ...stripe.paid(payment.id), client_reference_id: newId() });
  await tell('checkout.session.completed', { ...stripe.paid(payment.id), client_reference_id: 'theirs' });
  await tell('customer.created', { id: 'cus_1' });
  expect(await get(id)).toMatchObject({ status: 'pending', payments: [{ status: 'pending' }] });
  // A shop that never set Stripe up has no notices of it.
  await expect(receiveNotice(notices, await shop(), 'stripe', good.body, good.headers)).rejects.toThrow('no payment_method');
  expect(await rows(`SELECT outcome FROM payment_notices`)).toEqual([{ outcome: 'ignored' }]);
});

test('mobile money: a link by template, whose amount nobody can change, and notices by Standard Webhooks', async () => {
  const { merchantId, methods, place, link, module, get, follow } = await setup();
  await methods.update(merchantId, 'stripe', { active: false });
  await methods.update(merchantId, 'mobile_money', {
    linkUrl: 'https://pay.example.com/{currency}?ref={paymentId}&amount={decimal}&title={title}&sig={signature}',
    webhookSecret: SECRET,
  });
  const id = await place('payment_link');
  const payment = await link(id);
  expect(payment.url).toMatch(/^https:\/\/pay\.example\.com\/USD\?ref=[\w-]+&amount=25\.00&title=Order%201&sig=[0-9a-f]{64}$/);
  const tell = (data: object, type = 'payment.succeeded') => {
    const body = JSON.stringify({ type, data: { paymentId: payment.id, ...data } });
    const [eventId, at] = [newId(), new Date()];
    const signature = new Webhook(SECRET).sign(eventId, at, body);
    const headers = {
      'webhook-id': eventId,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signature,
    };
    return receiveNotice(module.get(NoticeService), merchantId, 'mobile_money', body, headers);
  };
  await tell({}, 'payment.authorized');
  expect(await get(id)).toMatchObject({ paymentStatus: 'authorized' });
  await tell({ amount: '2500', currency: 'USD' });
  await tell(usd(2 * PRICE));
  await tell(usd(2 * PRICE));
  await follow();
  expect(await get(id)).toMatchObject({ status: 'confirmed', payments: [{ status: 'paid', provider: 'mobile_money' }] });
});

test('a transfer confirms the order when somebody has seen it, and its reference is kept encrypted and shown by its end', async () => {
  const { place, get, pay, rows, act, refunds, merchantId, events } = await setup();
  const id = await place('transfer');
  expect(await get(id)).toMatchObject({ status: 'pending', payments: [{ method: 'transfer', status: 'pending' }] });
  expect(await pay(id, { method: 'transfer', reference: 'TXN 88120 Rudo Moyo' })).toMatchObject({
    status: 'paid',
    reference: '••••Moyo',
  });
  expect(await get(id)).toMatchObject({ status: 'confirmed', payments: [{ status: 'paid' }] });
  const [stored] = await rows<{ reference: string }>('SELECT reference FROM payments');
  expect(stored!.reference).toMatch(/^v1\./);

  await act(id, 'cancel', 'no rice');
  const [payment] = (await get(id)).payments;
  expect(payment).toMatchObject({ refunds: [{ status: 'due', amount: usd(2 * PRICE), reason: 'no rice' }] });
  expect(await events('payment_refund_due')).toHaveLength(1);
  await refunds.refund(merchantId, payment!.id, { reason: 'sent back by transfer' });
  expect(await get(id)).toMatchObject({
    paymentStatus: 'refunded',
    payments: [{ status: 'refunded', refunds: [{ status: 'succeeded', amount: usd(2 * PRICE) }] }],
  });
  await expect(refunds.refund(merchantId, payment!.id, { reason: 'again' })).rejects.toThrow(TooMuchError);
});

test('what a person owes is given back in parts, and is owed no longer', async () => {
  const { place, get, pay, act, refunds, merchantId } = await setup();
  const id = await place('transfer');
  const { id: paymentId } = await pay(id, { method: 'transfer' });
  await act(id, 'cancel');
  await refunds.refund(merchantId, paymentId, { amount: usd(1_000), reason: 'the first part' });
  const states = async () => (await get(id)).payments[0]!.refunds.map(({ status, amount }) => [status, amount.amount]);
  expect(await states()).toEqual([
    ['due', 2 * PRICE - 1_000],
    ['succeeded', 1_000],
  ]);
  await refunds.refund(merchantId, paymentId, { reason: 'the rest' });
  expect(await states()).toEqual([
    ['succeeded', 2 * PRICE - 1_000],
    ['succeeded', 1_000],
  ]);
  expect((await get(id)).paymentStatus).toBe('refunded');
});

test('cash is written down when the goods are handed over, and never twice', async () => {
  const { place, act, get, pay } = await setup();
  const id = await place('cash_on_delivery');
  await pay(id, { method: 'cash_on_delivery', amount: usd(1_000) });
  expect(await get(id)).toMatchObject({ status: 'confirmed', paymentStatus: 'unpaid' });
  for (const action of ['prepare', 'dispatch', 'deliver'] as const) await act(id, action);
  const order = await get(id);
  expect(order.paymentStatus).toBe('paid');
  expect(order.payments.map(({ received }) => received.amount)).toEqual([1_000, 1_500]);
  await expect(pay(id, { method: 'cash_on_delivery' })).rejects.toThrow(TooMuchError);
});

test('two people who write the same money down at once write it once', async () => {
  const { place, get, pay } = await setup();
  const id = await place('transfer');
  const results = await parallel(5, () => pay(id, { method: 'transfer' }).catch((error: unknown) => error));
  expect(results.filter((each) => each instanceof TooMuchError)).toHaveLength(4);
  expect((await get(id)).payments).toHaveLength(1);
});

test('what is paid twice in two ways is kept once', async () => {
  const { place, link, pay, get, tell, follow, stripe, refundsDue } = await setup();
  const id = await place('payment_link');
  const payment = await link(id);
  await pay(id, { method: 'cash_on_delivery' });
  expect((await get(id)).status).toBe('confirmed');
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await follow();
  expect(await refundsDue()).toBe(1);
  const { paymentStatus, payments } = await get(id);
  expect(paymentStatus).toBe('paid');
  expect(payments.reduce((sum, each) => sum + each.received.amount - each.refunded.amount, 0)).toBe(2 * PRICE);
});

test('a way to pay that the merchant does not offer is refused, with those that there are', async () => {
  const { place, methods, merchantId } = await setup();
  await methods.update(merchantId, 'stripe', { active: false });
  await expect(place('payment_link')).rejects.toThrow(PaymentMethodUnavailableError);
  await methods.update(merchantId, 'cash_on_delivery', { active: false });
  await expect(place('cash_on_delivery')).rejects.toThrow('it takes transfer');
});

test('Stripe that is down is asked again; when it stays down the payment fails with the reason, and a refund falls to a person', async () => {
  const { place, link, get, rows, processor, merchantId, stripe, tell, follow, refunds, events, orders } = await setup();
  const down = { status: 500, body: { error: { type: 'api_error', message: 'we are down' } } };
  const id = await place('payment_link');
  const paymentId = (await get(id)).payments[0]!.id;
  const hurry = (table: string) => rows(`UPDATE ${table} SET due_at = now()`);
  const tryAll = async (table: string, run: () => Promise<void>) => {
    for (let n = 0; n < 10; n += 1) {
      // The library itself tries twice.
      stripe.failNext(down);
      stripe.failNext(down);
      await expect(run()).rejects.toThrow('we are down');
      // Not before it is due.
      await expect(run()).resolves.toBeUndefined();
      await hurry(table);
    }
  };
  await tryAll('payments', () => processor.makeLink({ merchantId, paymentId }));
  expect((await get(id)).payments).toMatchObject([{ status: 'failed', reason: 'no payment link could be made: we are down' }]);
  expect(await events('payment_failed')).toMatchObject([{ code: 'no_link' }]);

  const other = await place('payment_link');
  const payment = await link(other);
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await follow();
  await refunds.refund(merchantId, payment.id, { reason: 'torn bag', amount: usd(500) });
  const [{ id: refundId }] = (await rows<{ id: string }>('SELECT id FROM payment_refunds')) as [{ id: string }];
  await tryAll('payment_refunds', () => processor.refund({ merchantId, refundId }));
  expect((await orders.get(merchantId, other)).payments).toMatchObject([
    { refunded: usd(0), refunds: [{ status: 'due', error: 'we are down', amount: usd(500) }] },
  ]);
}, 60_000);

test('a refund that Stripe tells of before it answers, and one that it takes back, are counted right', async () => {
  const { place, link, get, rows, tell, follow, stripe, refunds, refundsDue, merchantId } = await setup();
  const id = await place('payment_link');
  const payment = await link(id);
  await tell('checkout.session.completed', stripe.paid(payment.id));
  await follow();
  await refunds.refund(merchantId, payment.id, { reason: 'torn bag', amount: usd(500) });
  await tell('charge.refunded', { metadata: { paymentId: payment.id }, amount_refunded: 500, currency: 'usd' });
  expect(await refundsDue()).toBe(0);
  expect((await get(id)).payments).toMatchObject([
    { status: 'partially_refunded', refunded: usd(500), refunds: [{ status: 'succeeded' }] },
  ]);
  const [{ id: refundId }] = (await rows<{ id: string }>('SELECT id FROM payment_refunds')) as [{ id: string }];
  const failed = {
    metadata: { paymentId: payment.id, refundId },
    amount: 500,
    currency: 'usd',
    failure_reason: 'account closed',
  };
  await tell('refund.failed', failed);
  expect((await get(id)).payments).toMatchObject([
    { status: 'paid', refunded: usd(0), refunds: [{ status: 'due', error: 'Stripe could not give it back: account closed' }] },
  ]);
});

test('secrets are shown by their ends, and a method in use has all that it needs', async () => {
  const { methods, merchantId, rows } = await setup();
  expect(await methods.list(merchantId)).toEqual([
    { name: 'cash_on_delivery', active: true, secrets: {} },
    { name: 'transfer', active: true, secrets: {} },
    {
      name: 'stripe',
      active: true,
      returnUrl: 'https://shop.example.com/thanks',
      secrets: { secretKey: '••••0000', webhookSecret: `••••${SECRET.slice(-4)}` },
      noticePath: `/webhooks/payments/stripe/${merchantId}`,
    },
    { name: 'mobile_money', active: false, secrets: {}, noticePath: `/webhooks/payments/mobile_money/${merchantId}` },
  ]);
  // Nothing said changes nothing.
  expect(await methods.update(merchantId, 'cash_on_delivery', {})).toMatchObject({ active: true });
  expect(await methods.update(merchantId, 'mobile_money', {})).toMatchObject({ active: false });
  await expect(methods.update(merchantId, 'mobile_money', { active: true })).rejects.toThrow('mobile_money needs linkUrl');
  await expect(methods.update(merchantId, 'transfer', { secretKey: 'sk_test_0000000000' })).rejects.toThrow('not for transfer');
  const link = (linkUrl: string) => methods.update(merchantId, 'mobile_money', { linkUrl, webhookSecret: SECRET });
  await expect(link('https://pay.example.com')).rejects.toThrow('{paymentId} must stand in it');
  await expect(link('https://pay.example.com/{paymentId}/{token}')).rejects.toThrow('there is no {token}');
  await expect(link('javascript:{paymentId}')).rejects.toThrow('must look like https');
  const [row] = await rows<{ config: object; secrets: string }>(
    `SELECT config, secrets FROM payment_methods WHERE name = 'stripe'`,
  );
  expect(row).toEqual({ config: { returnUrl: 'https://shop.example.com/thanks' }, secrets: expect.stringMatching(/^v1\./) });
});
