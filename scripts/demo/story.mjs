// @ts-check
import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { Problem } from '../launcher/problem.mjs';
import { client, wait } from './api.mjs';
import { Partner } from './partner.mjs';
import { Phone } from './phone.mjs';
import { Timeline } from './timeline.mjs';

/** @typedef {import('./api.mjs').Api} Api */

const SKU = 'RADIO-1';
const PROVIDER_SECRET = `whsec_${randomBytes(24).toString('base64')}`;
/** From the shop to the customer's door. */
const WAY = [
  { latitude: -17.8292, longitude: 31.0522 },
  { latitude: -17.8215, longitude: 31.0483 },
];

/**
 * Two customers want the last one of a thing. One gets it, pays by a link, is followed to the door and has some of the money back; and a
 * partner's system hears of all of it. @param {string} url @param {string} accessToken the demo owner's @returns {Promise<string>} the
 * customer's number @throws Problem naming the step that did not come
 */
export async function playStory(url, accessToken) {
  const timeline = new Timeline();
  const partner = new Partner();
  const api = client(url, accessToken);
  const { merchant } = await api('GET', '/api/auth/me');
  const webhook = await api('POST', '/api/webhooks', { url: await partner.listen(), events: ['*'], description: 'npm run demo' });
  partner.trust(webhook.secret);
  timeline.note('partner', `subscribed to all events of ${merchant.name}`);
  await api('PUT', '/api/payment-methods/mobile_money', {
    linkUrl: 'https://pay.example.com/{paymentId}?amount={decimal}&currency={currency}&signature={signature}',
    webhookSecret: PROVIDER_SECRET,
    active: true,
  });
  try {
    const channel = await simulatorChannel(api);
    const product = await lastOne(api);
    const [rudo, tendai] = [new Phone('Rudo', api, channel, timeline), new Phone('Tendai', api, channel, timeline)];
    await reachTheQuestion(rudo);
    await reachTheQuestion(tendai);
    const order = await getTheLast(api, rudo, tendai, product, timeline);
    await pay(url, api, merchant.id, order, rudo, timeline);
    await bring(url, api, order, rudo, timeline);
    await giveBack(api, order, rudo, timeline);
    await checkWebhooks(partner, order, timeline);
    console.log(`\nThe whole story took ${timeline.elapsed} ms.`);
    return rudo.number;
  } finally {
    partner.close();
    await api('PUT', '/api/payment-methods/mobile_money', { active: false });
    await api('DELETE', `/api/webhooks/${webhook.id}`);
  }
}

/** From "hi" to "Is that right?". @param {Phone} phone */
async function reachTheQuestion(phone) {
  await phone.write('hi');
  await phone.receive('a welcome', /Welcome to/);
  await phone.write('radio');
  await phone.receive('the question how many', /radio.*How many\?/i);
  await phone.write('1');
  await phone.receive('the cart', /Your cart/);
  await phone.tap('Checkout', 'do:checkout');
  await phone.receive('the question where to', /Where shall we deliver/);
  await phone.write('12 Samora Machel Ave, Harare');
  await phone.receive('the question how to pay', /How would you like to pay/);
  await phone.tap('Pay online', 'payment:payment_link');
  await phone.receive('the order to confirm', /Is that right\?/);
}

/** @param {Api} api @param {Phone} first @param {Phone} second @param {{ id: string }} product @param {Timeline} timeline @returns {Promise<any>} the order */
async function getTheLast(api, first, second, product, timeline) {
  await first.tap('Confirm', 'order:confirm');
  await first.receive('word that the order is being checked', /We are checking your order #\d+/);
  const { data } = await api('GET', `/api/orders?customer=${encodeURIComponent(first.number)}`);
  const order = await wait('a reservation', async () => {
    const found = await api('GET', `/api/orders/${data[0].id}`);
    return found.reservedUntil && found;
  });
  const { available } = await api('GET', `/api/products/${product.id}`);
  timeline.note('shop', `order #${order.number}: the last one is reserved for half an hour, ${available} left`);
  await second.tap('Confirm', 'order:confirm');
  await second.receive('word that it is gone', /sold out/i);
  return order;
}

/** @param {string} url @param {Api} api @param {string} merchantId @param {any} order @param {Phone} phone @param {Timeline} timeline */
async function pay(url, api, merchantId, order, phone, timeline) {
  await phone.receive('where to pay', /https:\/\/pay\.example\.com/);
  const { data } = await api('GET', `/api/orders/${order.id}/payments`);
  const body = JSON.stringify({ type: 'payment.succeeded', data: { paymentId: data[0].id, ...data[0].amount } });
  const [id, at] = [randomUUID(), new Date()];
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(PROVIDER_SECRET).sign(id, at, body),
  };
  // Providers tell things twice.
  for (const time of ['tells', 'tells once more']) {
    const { status } = await fetch(`${url}/webhooks/payments/mobile_money/${merchantId}`, { method: 'POST', headers, body });
    if (status !== 200) throw new Problem(`the payment's notice was answered ${status}`);
    timeline.note('provider', `${time} that it was paid, signed`);
  }
  await phone.receive('the confirmation', /Order #\d+ is confirmed/);
  const { paymentStatus, payments } = await api('GET', `/api/orders/${order.id}`);
  if (paymentStatus !== 'paid' || payments.length !== 1) throw new Problem('the order is not paid once');
  timeline.note('shop', `order #${order.number} is ${paymentStatus}`);
}

/** @param {string} url @param {Api} api @param {any} order @param {Phone} phone @param {Timeline} timeline */
async function bring(url, api, order, phone, timeline) {
  const { user } = await api('GET', '/api/auth/me');
  const { delivery } = await api('GET', `/api/orders/${order.id}`);
  const path = `/api/deliveries/${delivery.id}`;
  await api('POST', `/api/orders/${order.id}/transitions`, { action: 'prepare' });
  timeline.note('shop', `prepares order #${order.number}`);
  await phone.receive('word of it', /preparing/);
  await api('POST', `${path}/assign`, { driverId: user.id });
  await api('POST', `${path}/start`);
  timeline.note('driver', 'sets out');
  const { text } = await phone.receive('a code and a link', /give the code \d{4}/);
  const [, code] = /code (\d{4})/.exec(text) ?? [];
  const [, token] = /\/track\/(\w+)/.exec(text) ?? [];
  for (const point of WAY) await api('POST', `${path}/location`, point);
  const page = await fetch(`${url}/track/${token}`);
  if (!page.ok) throw new Problem(`the tracking page answered ${page.status}`);
  timeline.note(phone.name, `follows the way at /track/${token?.slice(0, 6)}…`);
  await api('POST', `${path}/complete`, { code });
  timeline.note('driver', `hands it over for the code ${code}`);
  await phone.receive('word that it was delivered', /delivered/);
  const product = await api('GET', `/api/products/${order.items[0].productId}`);
  timeline.note('shop', `order #${order.number} is delivered, ${product.stock} in stock`);
}

/** @param {Api} api @param {any} order @param {Phone} phone @param {Timeline} timeline */
async function giveBack(api, order, phone, timeline) {
  const { data } = await api('GET', `/api/orders/${order.id}/payments`);
  const { currency } = data[0].amount;
  const payment = await api('POST', `/api/payments/${data[0].id}/refunds`, {
    amount: { amount: 500, currency },
    reason: 'The aerial was bent',
  });
  timeline.note('shop', `gives some back: ${payment.status}`);
  await phone.receive('word of it', /has gone back to you/);
}

/** @param {Partner} partner @param {{ id: string }} order @param {Timeline} timeline */
async function checkWebhooks(partner, order, timeline) {
  const mine = (/** @type {any} */ data) => data.orderId === order.id;
  const expected = /** @type {[string, (data: any) => boolean][]} */ ([
    ['message_received', (data) => data.text === 'hi'],
    ['order_created', mine],
    ['order_held', mine],
    ['payment_requested', mine],
    ['payment_received', mine],
    ['order_status_changed', (data) => mine(data) && data.status === 'confirmed'],
    ['delivery_started', mine],
    ['delivery_completed', mine],
    ['order_status_changed', (data) => mine(data) && data.status === 'delivered'],
    ['payment_refunded', mine],
  ]);
  for (const [type, test] of expected) {
    await wait(`the webhook ${type}`, async () => partner.find(type, test));
    timeline.note('partner', `${type}, signature verified`);
  }
}

/** @param {Api} api */
async function simulatorChannel(api) {
  const { data } = await api('GET', '/api/channels');
  const channel = data.find((/** @type {any} */ each) => each.kind === 'simulator');
  return channel ?? api('POST', '/api/channels', { name: 'Demo phone', kind: 'simulator' });
}

/** A thing of which exactly one is left, however often the demo was played. @param {Api} api */
async function lastOne(api) {
  const { data } = await api('GET', '/api/products?q=Pocket%20radio&limit=100');
  const known = data.find((/** @type {any} */ each) => each.sku === SKU);
  if (known) return api('PATCH', `/api/products/${known.id}`, { stock: known.stock - known.available + 1 });
  const price = { amount: 2400, currency: 'USD' };
  return api('POST', '/api/products', { sku: SKU, name: 'Pocket radio', price, category: 'Household', stock: 1 });
}
