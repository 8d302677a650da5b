import type { OutboundContent } from '@soko/contracts';
import { askQuantity, choose, menu } from './browsing.js';
import {
  amountOf,
  type CartLine,
  MOST_LINES,
  mostOf,
  others,
  type PricedLine,
  quantityOf,
  settle,
  totalOf,
  withQuantity,
} from './cart.js';
import { pageOf } from './catalogue-view.js';
import { IDLE, type In } from './conversation-state.js';
import { doing } from './input.js';
import type { Speaker } from './language.js';
import * as say from './say.js';
import type { OfferedProduct } from './offered-product.js';
import { keep, type Part, picked, type Turn } from './turn.js';

/** Lines that a message shows: fifty would be cut in the middle. */
const SHOWN = 10;

/** The cart with what can be done with it, and what has become of it. */
export function showCart(turn: Turn, hint?: string): Part {
  const { speak, cart } = turn;
  const news = [hint, ...changesOf(turn)];
  // What has been told once is not told again.
  const commands = turn.changes.length > 0 ? [keep(cart)] : [];
  if (cart.length === 0) return { ...menu(turn, [...news, speak.say('cartEmpty')].filter(Boolean).join('\n\n')), commands };
  const choices = [
    { id: doing('checkout'), title: speak.say('checkout') },
    { id: doing('menu'), title: speak.say('addMore') },
    { id: 'cart:change', title: speak.say('change') },
  ];
  const replies = [say.buttons(choices, [...news, ...linesOf(turn)], speak.say('yourCart'))];
  return { state: { step: 'cart' }, replies, commands };
}

/** What is in the cart and what it comes to. Names are cut so that the total is never cut off. */
export function linesOf({ speak, cart }: Pick<Turn, 'speak' | 'cart'>): string[] {
  const lines = cart.slice(0, SHOWN).map((line) =>
    speak.say('line', {
      count: line.quantity,
      product: say.clip(line.product.name, 40),
      amount: speak.money(amountOf(line)),
    }),
  );
  const rest = cart.length - SHOWN;
  if (rest > 0) lines.push(speak.say('moreLines', { count: rest }));
  return [lines.join('\n'), speak.say('total', { amount: speak.money(totalOf(cart)) })];
}

export function changesOf({ speak, changes }: Turn): string[] {
  const told = changes
    .slice(0, 3)
    .map(({ name, left }) => speak.say(left > 0 ? 'lineLess' : 'lineGone', { product: say.clip(name, 40), count: left }));
  const rest = changes.length - 3;
  return rest > 0 ? [...told, '…'] : told;
}

/** What the buttons stand for, "checkout" aside. */
export function inCart(turn: Turn): Part | undefined {
  const { heard } = turn;
  if (heard.number === 2) return menu(turn);
  return heard.number === 3 || heard.tapped === 'cart:change' ? changeWhich(turn, 0) : undefined;
}

/** The lines as a list, to choose the one to change. */
export function changeWhich(turn: Turn, page: number, hint?: string): Part {
  const { speak, cart } = turn;
  if (cart.length === 0) return showCart(turn, hint);
  const { at, pages, shown } = pageOf(cart, page);
  const rows = [
    ...shown.map((line) =>
      say.row(`line:${line.product.id}`, line.product.name, `${line.quantity} × ${speak.money(line.product.price)}`),
    ),
    ...(pages > 1 ? [say.row(doing('more'), speak.say('more'), speak.say('page', { page: at + 1, pages }))] : []),
    say.row('cart:empty', speak.say('emptyCart')),
  ];
  return {
    state: { step: 'changing', page: at, options: rows.map(({ id }) => id) },
    replies: [say.list(speak.say('change'), [{ rows }], [hint, ...changesOf(turn), speak.say('changeWhich')])],
  };
}

export function changing(turn: Turn, state: In<'changing'>): Part | undefined {
  const { heard, speak, cart } = turn;
  const said = picked(heard, state.options);
  if (said === doing('more') || heard.intent === 'more') return changeWhich(turn, state.page + 1);
  if (said === 'cart:empty') return { ...menu({ ...turn, cart: [] }, speak.say('cartEmptied')), commands: [keep([])] };
  const line = cart.find(({ product }) => `line:${product.id}` === said) ?? only(named(cart, heard.plain));
  if (line) return change(turn, line);
  // A line that has gone, or a number that no line has.
  return said?.startsWith('line:') ? changeWhich(turn, state.page, speak.say('gone')) : undefined;
}

const named = (cart: readonly PricedLine[], said: string): PricedLine[] =>
  said.length < 3 ? [] : cart.filter(({ product }) => product.name.toLowerCase().includes(said));

const change = (turn: Turn, line: PricedLine): Part => ({
  state: { step: 'quantity', productId: line.product.id, changing: true },
  replies: [askChange(turn, line)],
});

function askChange({ speak }: Turn, { product, quantity }: PricedLine, hint?: string, most = product.available): OutboundContent {
  const counts = [...new Set([0, Math.min(quantity - 1, most), Math.min(quantity + 1, most)])].filter((count) => count >= 0);
  return say.buttons(
    counts.map((count) => ({ id: `quantity:${count}`, title: String(count) })),
    [hint, speak.say('askChange', { product: product.name, count: quantity })],
  );
}

/** Asks again how many. */
export function quantityAgain(turn: Turn, state: In<'quantity'>, hint?: string): Part {
  const { data, speak, cart } = turn;
  const product = data.products.find(({ id }) => id === state.productId);
  if (!product) return menu(turn, speak.say('gone'));
  const line = cart.find((each) => each.product.id === product.id);
  if (state.changing && !line) return showCart(turn, hint);
  return { state, replies: [state.changing ? askChange(turn, line!, hint) : askQuantity(turn, product, hint)] };
}

/** A number for a product: more of it, or another number of it. What is left is offered where more is wanted. */
export function quantity(turn: Turn, state: In<'quantity'>): Part | undefined {
  const { data, heard, speak, cart } = turn;
  if (heard.tapped?.startsWith('category:')) return choose(turn, heard.tapped);
  const count = heard.tapped === undefined ? heard.number : Number(/^quantity:(\d{1,5})$/.exec(heard.tapped)?.[1] ?? NaN);
  if (count === undefined || !Number.isSafeInteger(count) || (count === 0 && !state.changing)) return undefined;
  const product = data.products.find(({ id }) => id === state.productId);
  if (!product) return menu(turn, speak.say('gone'));
  const before = state.changing ? 0 : quantityOf(cart, product.id);
  const most = mostOf(product, others(cart, product.id)) - before;
  const lines = withQuantity(cart, product, before + count);
  if (lines.length > MOST_LINES) return showCart(turn, speak.say('cartFull', { count: MOST_LINES }));
  if (count <= most) return { ...showCart({ ...turn, cart: lines }), commands: [keep(lines)] };
  return tooMany(turn, product, state, most);
}

function tooMany(turn: Turn, product: OfferedProduct, state: In<'quantity'>, most: number): Part {
  const { speak, cart } = turn;
  const held = quantityOf(cart, product.id);
  if (most < 1 && !state.changing) return showCart(turn, speak.say('allInCart', { product: say.clip(product.name, 40) }));
  const scarce = most + (state.changing ? 0 : held) === product.available;
  const hint = speak.say(scarce ? 'onlyLeft' : 'atMost', { count: most });
  const line = { product, quantity: held };
  return {
    state,
    replies: [state.changing ? askChange(turn, line, hint, most) : askQuantity(turn, product, hint, Math.max(1, most))],
  };
}

/** What is still in a cart that was left, with the way on; nothing when nothing of it can be had any more. */
export function reminder(speak: Speaker, cart: CartLine[], products: OfferedProduct[]): OutboundContent | undefined {
  const { lines } = settle(cart, products);
  if (lines.length === 0) return undefined;
  const choices = [
    { id: doing('checkout'), title: speak.say('checkout') },
    { id: doing('cart'), title: speak.say('yourCart') },
    { id: doing('noOffers'), title: speak.say('noOffers') },
  ];
  return say.buttons(choices, [speak.say('reminder'), ...linesOf({ speak, cart: lines })]);
}

/** What was ordered in WhatsApp's own catalogue goes into the cart. */
export function takeOrder(turn: Turn): Part {
  const { data, heard, cart } = turn;
  if (heard.content.type !== 'order') return { state: IDLE, replies: [] };
  let lines = cart;
  const changes = [...turn.changes];
  for (const { sku, quantity: count } of heard.content.order.items) {
    const product = data.products.find((each) => each.sku === sku);
    const before = product ? quantityOf(lines, product.id) : 0;
    const wanted = before + Math.max(1, Math.trunc(count) || 1);
    const left = product ? Math.min(wanted, mostOf(product, others(lines, product.id))) : 0;
    if (left < wanted) changes.push({ name: product?.name ?? sku, left });
    if (product && withQuantity(lines, product, left).length <= MOST_LINES) lines = withQuantity(lines, product, left);
  }
  return { ...showCart({ ...turn, cart: lines, changes }), commands: [keep(lines)] };
}

const only = <T>(found: T[]): T | undefined => (found.length === 1 ? found[0] : undefined);
