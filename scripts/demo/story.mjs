// @ts-check
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from '../launcher/problem.mjs';
import { Partner } from './partner.mjs';
import { Timeline } from './timeline.mjs';

const STEP_MS = 15_000;
const QUANTITY = 2;

/** @typedef {(method: string, path: string, body?: unknown) => Promise<any>} Api */

/** One order, from "hi" to the signed webhook about its confirmation. @param {string} url @param {string} accessToken the demo owner's @returns {Promise<string>} the customer's number @throws Problem naming the step that did not come */
export async function playStory(url, accessToken) {
  const timeline = new Timeline();
  const partner = new Partner();
  const api = client(url, accessToken);
  const { merchant } = await api('GET', '/api/auth/me');
  const webhook = await api('POST', '/api/webhooks', { url: await partner.listen(), events: ['*'], description: 'npm run demo' });
  partner.trust(webhook.secret);
  timeline.note('partner', `subscribed to all events of ${merchant.name}`);
  try {
    const channel = await simulatorChannel(api);
    await restock(api);
    const order = await orderByPhone(api, channel, timeline);
    await checkOrder(api, order, timeline);
    await checkWebhooks(partner, order, timeline);
    console.log(`\nThe whole story took ${timeline.elapsed} ms.`);
    return order.customer.phone;
  } finally {
    partner.close();
    await api('DELETE', `/api/webhooks/${webhook.id}`);
  }
}

/** @param {Api} api @param {{ id: string }} channel @param {Timeline} timeline @returns {Promise<any>} the order */
async function orderByPhone(api, channel, timeline) {
  const phone = `+26377${randomInt(1_000_000, 9_999_999)}`;
  const path = `/api/simulator/channels/${channel.id}`;
  let seen = 0;
  /** @param {string} words @param {object} message */
  const say = async (words, message) => {
    await api('POST', `${path}/messages`, { from: phone, name: 'Rudo', ...message });
    timeline.note('customer', words);
  };
  /** @param {string} what @param {(message: any) => boolean} fits */
  const receive = async (what, fits) => {
    const message = await wait(what, async () => {
      const { data } = await api('GET', `${path}/phones/${encodeURIComponent(phone)}/messages?after=${seen}`);
      return data[0];
    });
    if (!fits(message)) throw new Problem(`the customer expected ${what} and got: ${message.text}`);
    seen = message.seq;
    timeline.note('bot', oneLine(message.text));
    return message;
  };

  await say('"hi"', { type: 'text', text: 'hi' });
  const list = await receive('a list of products', (message) => message.type === 'list');
  const row = list.content.list.sections[0].rows[0];
  await say(`taps "${row.title}"`, { type: 'list', replyId: row.id });
  await receive('the question how many', (message) => message.type === 'buttons');
  await say(`"${QUANTITY}"`, { type: 'text', text: String(QUANTITY) });
  await receive('the question where to', (message) => message.type === 'text');
  await say('"12 Samora Machel Ave, Harare"', { type: 'text', text: '12 Samora Machel Ave, Harare' });
  await receive('the order to confirm', (message) => message.type === 'buttons');
  await say('taps "Confirm"', { type: 'button', replyId: 'order:confirm' });
  await receive('word that the order is being checked', (message) => /#\d+/.test(message.text));
  const last = await receive('the confirmation', (message) => /#\d+/.test(message.text));
  const { data } = await api('GET', `/api/orders?customer=${encodeURIComponent(phone)}`);
  if (!data[0]) throw new Problem('no order was placed');
  if (!/is confirmed/.test(last.text)) throw new Problem(`the order was not confirmed: ${oneLine(last.text)}`);
  return data[0];
}

/** @param {Api} api @param {{ id: string }} placed @param {Timeline} timeline */
async function checkOrder(api, placed, timeline) {
  const order = await api('GET', `/api/orders/${placed.id}`);
  if (order.status !== 'confirmed') throw new Problem(`order #${order.number} is ${order.status}, not confirmed`);
  const [{ productId, name, quantity }] = order.items;
  const product = await api('GET', `/api/products/${productId}`);
  timeline.note(
    'shop',
    `order #${order.number} confirmed: ${quantity} x ${name} reserved, ${product.available} of ${product.stock} left`,
  );
  if (order.delivery?.status !== 'pending') throw new Problem(`order #${order.number} has no delivery task`);
  timeline.note('shop', `delivery task to "${order.delivery.destination.address}"`);
}

/** @param {Partner} partner @param {{ id: string }} order @param {Timeline} timeline */
async function checkWebhooks(partner, order, timeline) {
  const mine = (/** @type {any} */ data) => data.orderId === order.id;
  const expected = /** @type {[string, (data: any) => boolean][]} */ ([
    ['message_received', (data) => data.text === 'hi'],
    ['order_created', mine],
    ['order_status_changed', (data) => mine(data) && data.status === 'confirmed'],
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

/** The demo may be played any number of times. @param {Api} api */
async function restock(api) {
  const { data } = await api('GET', '/api/products?limit=100');
  for (const { id, stock, available } of data) {
    if (available < QUANTITY) await api('PATCH', `/api/products/${id}`, { stock: stock + 20 });
  }
}

/** @template T @param {string} what @param {() => Promise<T | undefined>} probe @returns {Promise<T>} */
async function wait(what, probe) {
  const deadline = Date.now() + STEP_MS;
  while (Date.now() < deadline) {
    const found = await probe();
    if (found) return found;
    await pause(15);
  }
  throw new Problem(`${what} did not come within ${STEP_MS / 1000} s`);
}

/** @param {string} text */
const oneLine = (text) => text.replace(/\s*\n\s*/g, ' / ');

/** @param {string} url @param {string} [token] @returns {Api} */
function client(url, token) {
  return async (method, path, body) => {
    const headers = {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    const response = await fetch(url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    const text = await response.text();
    if (response.ok) return text ? JSON.parse(text) : undefined;
    throw new Problem(`${method} ${path} answered ${response.status}: ${JSON.parse(text).detail ?? text}`);
  };
}
