import { normalisePhone } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import type { PaymentMethod } from '@soko/payments';
import { changesOf, linesOf, showCart } from './basket.js';
import { totalOf } from './cart.js';
import { type DeliveryWish, IDLE, type In } from './conversation-state.js';
import { doing } from './input.js';
import type { MessageKey } from './messages/en.js';
import * as say from './say.js';
import { keep, type Part, type Turn } from './turn.js';

/** From the cart to the order: where to, whom to call, how to pay, and whether that is right. */
export function checkout(turn: Turn): Part {
  // What is gone, or left, is seen before anything is asked.
  return turn.cart.length === 0 || turn.changes.length > 0 ? showCart(turn) : askAddress(turn);
}

export function askAddress(turn: Turn, hint?: string): Part {
  const { speak } = turn;
  const last = lastDelivery(turn);
  const lines = [hint, speak.say('askAddress'), last && speak.say('lastAddress', { where: placeOf(turn, last) })];
  const choices = last ? [{ id: 'address:same', title: speak.say('sameAddress') }] : [];
  return { state: { step: 'address' }, replies: [say.buttons(choices, lines)] };
}

const lastDelivery = ({ data }: Turn): DeliveryWish | undefined => data.orders.find(({ delivery }) => delivery)?.delivery;
const placeOf = ({ speak }: Turn, { address }: DeliveryWish): string => say.clip(address ?? speak.say('sharedLocation'), 300);

export function address(turn: Turn): Part | undefined {
  const { heard } = turn;
  const last = lastDelivery(turn);
  const same = heard.tapped === 'address:same' || heard.intent === 'yes' || heard.number === 1;
  // A word that means something else ("no", "more") is nowhere to deliver to.
  const delivery = same && last ? last : heard.intent ? undefined : wishOf(heard.content);
  return delivery && askNext(turn, delivery);
}

/** What is not known yet, one thing after the other; then the order as it would be. */
function askNext(turn: Turn, delivery: DeliveryWish): Part {
  const { data } = turn;
  if (turn.cart.length === 0) return showCart(turn);
  if (data.phoneMissing) return askPhone(turn, delivery);
  const [only, other] = data.paymentMethods;
  return other ? askPayment(turn, delivery) : review(turn, delivery, only ?? 'cash_on_delivery');
}

export function askPhone({ speak }: Turn, delivery: DeliveryWish, hint?: string): Part {
  return { state: { step: 'phone', delivery }, replies: [say.text(hint, speak.say('askPhone'))] };
}

export function phone(turn: Turn, { delivery }: In<'phone'>): Part | undefined {
  const number = normalisePhone(numberIn(turn.heard.content));
  if (!number) return undefined;
  const next = askNext({ ...turn, data: { ...turn.data, phoneMissing: false } }, delivery);
  return { ...next, commands: [...(next.commands ?? []), { do: 'note-phone', phone: number }] };
}

const PAYMENTS: Record<PaymentMethod, { title: MessageKey; words: MessageKey }> = {
  cash_on_delivery: { title: 'cash', words: 'byCash' },
  transfer: { title: 'transfer', words: 'byTransfer' },
  payment_link: { title: 'payOnline', words: 'byLink' },
};

export function askPayment({ data, speak }: Turn, delivery: DeliveryWish, hint?: string): Part {
  const choices = data.paymentMethods.map((method) => ({ id: `payment:${method}`, title: speak.say(PAYMENTS[method].title) }));
  return { state: { step: 'payment', delivery }, replies: [say.buttons(choices, [hint, speak.say('askPayment')])] };
}

export function payment(turn: Turn, { delivery }: In<'payment'>): Part | undefined {
  const { data, heard } = turn;
  const method =
    data.paymentMethods.find((each) => `payment:${each}` === heard.tapped) ?? data.paymentMethods[(heard.number ?? 0) - 1];
  return method && review(turn, delivery, method);
}

/** Shows the order as it would be, and asks whether that is right. */
export function review(turn: Turn, delivery: DeliveryWish, method: PaymentMethod, hint?: string): Part {
  const { speak, cart } = turn;
  if (cart.length === 0) return showCart(turn, hint);
  const [lines, total] = linesOf(turn);
  const choices = [
    { id: doing('yes'), title: speak.say('confirm') },
    { id: doing('cancel'), title: speak.say('cancel') },
    { id: 'do:cart', title: speak.say('change') },
  ];
  const where = speak.say('deliveryTo', { where: placeOf(turn, delivery) });
  const news = [hint, ...changesOf(turn)];
  const body = [...news, lines, `${total}, ${speak.say(PAYMENTS[method].words)}`, where, speak.say('isThatRight')];
  return {
    state: { step: 'confirm', delivery, payment: method, total: totalOf(cart).amount },
    replies: [say.buttons(choices, body, speak.say('yourOrder'))],
    commands: turn.changes.length > 0 ? [keep(cart)] : [],
  };
}

/** What is ordered is what was shown: where that has changed since, it is shown again. */
export function confirm(turn: Turn, state: In<'confirm'>): Part | undefined {
  const { data, heard, cart, speak } = turn;
  const { delivery, payment: method, total } = state;
  if (heard.intent === 'no' || heard.number === 2) return cancel(turn);
  if (heard.intent !== 'yes' && heard.number !== 1) return heard.number === 3 ? showCart(turn) : undefined;
  if (turn.changes.length > 0 || cart.length === 0) return review(turn, delivery, method);
  if (totalOf(cart).amount !== total) return review(turn, delivery, method, speak.say('priceChanged'));
  // Only where the number has become hidden meanwhile; no order goes without one.
  if (data.phoneMissing) return askPhone(turn, delivery);
  const items = cart.map(({ product, quantity }) => ({ productId: product.id, quantity }));
  return { state: IDLE, replies: [], commands: [{ do: 'place-order', items, delivery, payment: method }] };
}

/** Ends what was being ordered. */
export const cancel = ({ speak }: Turn): Part => ({
  state: IDLE,
  replies: [say.text(speak.say('cancelled'))],
  commands: [keep([])],
});

function wishOf(message: InboundContent): DeliveryWish | undefined {
  if (message.type === 'location') {
    const { latitude, longitude, address: street, name } = message.location;
    const where = (street ?? name)?.trim();
    return { location: { latitude, longitude }, ...(where ? { address: say.cut(where, 500) } : {}) };
  }
  const words = message.type === 'text' ? message.text.body.trim() : '';
  return words.length >= 3 ? { address: say.cut(words, 500) } : undefined;
}

/** A number that was written, or that of a contact that was shared. */
function numberIn(message: InboundContent): string {
  if (message.type === 'contacts') return message.contacts[0]?.phones[0] ?? '';
  return message.type === 'text' ? message.text.body : '';
}
