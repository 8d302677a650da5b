import { formatMoney, multiply } from '@soko/common';
import type { InboundContent, OutboundContent } from '@soko/contracts';
import type { OfferedProduct } from './offered-product.js';
import * as say from './texts.js';

/** Where a conversation stands. */
export type ConversationState =
  | { step: 'idle' }
  | { step: 'choosing'; page: number; options: string[] }
  | { step: 'quantity'; productId: string }
  | { step: 'address'; productId: string; quantity: number }
  | { step: 'confirm'; productId: string; quantity: number; delivery: DeliveryWish };

export interface DeliveryWish {
  address?: string;
  location?: { latitude: number; longitude: number };
}

/** What the bot may know about the merchant. */
export interface MerchantData {
  name: string;
  locale: string;
  /** What can be bought now. */
  products: OfferedProduct[];
}

/** An order that the customer has confirmed. */
export interface OrderCommand {
  productId: string;
  quantity: number;
  delivery: DeliveryWish;
}

export interface Answer {
  state: ConversationState;
  replies: OutboundContent[];
  order?: OrderCommand;
}

export const IDLE: ConversationState = { step: 'idle' };
const FIRST_PAGE = { step: 'choosing', page: 0, options: [] as string[] } as const;

const PER_PAGE = 9;
/** What an order takes of one product. */
const MOST = 10_000;
const CANCEL = /^(cancel|stop|quit)[.!]?$/i;
const MENU = /^(menu|start|hi|hello|hey|back)[.!]?$/i;
const YES = /^(yes|y|ok|okay|confirm|1)[.!]?$/i;
const NO = /^(no|n|2)[.!]?$/i;

/** What the bot answers. A pure function: the same state, message and data give the same answer, and there always is one. */
export function answer(state: ConversationState, message: InboundContent, data: MerchantData): Answer {
  const words = message.type === 'text' ? message.text.body.trim() : '';
  const tapped = message.type === 'reply' ? message.reply.id : undefined;
  if (CANCEL.test(words) || tapped === 'order:cancel') return { state: IDLE, replies: [say.cancelled()] };
  // Lists stay on the phone: a row may be tapped at any time.
  if (tapped?.startsWith('product')) return choose(state.step === 'choosing' ? state : FIRST_PAGE, data, tapped);
  if (MENU.test(words) || state.step === 'idle') return menu(data, 0, tapped ? undefined : say.welcome(data.name));
  switch (state.step) {
    case 'choosing':
      return choose(state, data, tapped ?? words);
    case 'quantity':
      return quantity(state, data, tapped?.replace(/^quantity:/, '') ?? words);
    case 'address':
      return address(state, data, message);
    case 'confirm':
      return confirm(state, data, tapped ?? words);
  }
}

function menu(data: MerchantData, page: number, intro?: string): Answer {
  if (data.products.length === 0) return { state: IDLE, replies: [say.nothingToSell(data.name)] };
  const pages = Math.ceil(data.products.length / PER_PAGE);
  const at = page % pages;
  const shown = data.products.slice(at * PER_PAGE, (at + 1) * PER_PAGE);
  const rows = shown.map((product) => ({
    id: `product:${product.id}`,
    title: say.clip(product.name, 24),
    description: say.clip([formatMoney(product.price, data.locale), product.description].filter(Boolean).join(' · '), 72),
  }));
  if (pages > 1) rows.push({ id: 'products:more', title: say.MORE, description: say.pageOf(at + 1, pages) });
  return { state: { step: 'choosing', page: at, options: rows.map((row) => row.id) }, replies: [say.products(rows, intro)] };
}

function choose(state: { page: number; options: string[] }, data: MerchantData, said: string): Answer {
  const picked = /^\d{1,2}\.?$/.test(said) ? state.options[parseInt(said, 10) - 1] : said;
  if (picked === 'products:more' || said.toLowerCase() === 'more') return menu(data, state.page + 1);
  const wanted = said.toLowerCase();
  const product =
    data.products.find((each) => `product:${each.id}` === picked) ??
    data.products.find((each) => each.name.toLowerCase() === wanted) ??
    only(data.products.filter((each) => wanted.length > 2 && each.name.toLowerCase().includes(wanted)));
  if (product) return { state: { step: 'quantity', productId: product.id }, replies: [say.askQuantity(product, data.locale)] };
  // A row of an older list whose product is gone by now.
  return menu(data, state.page, picked?.startsWith('product:') ? say.GONE : say.NOT_UNDERSTOOD);
}

function quantity(state: ConversationState & { step: 'quantity' }, data: MerchantData, said: string): Answer {
  const product = find(data, state.productId);
  if (!product) return menu(data, 0, say.GONE);
  const count = /^\d{1,5}$/.test(said) ? Number(said) : 0;
  if (count < 1) return { state, replies: [say.askQuantity(product, data.locale, say.NUMBER_PLEASE)] };
  if (count > product.available)
    return { state, replies: [say.askQuantity(product, data.locale, say.onlyLeft(product.available))] };
  // The total must stay an exact integer.
  const most = Math.min(MOST, Math.floor(Number.MAX_SAFE_INTEGER / Math.max(1, product.price.amount)));
  if (count > most) return { state, replies: [say.askQuantity(product, data.locale, say.atMost(most))] };
  return { state: { step: 'address', productId: product.id, quantity: count }, replies: [say.askAddress()] };
}

function address(state: ConversationState & { step: 'address' }, data: MerchantData, message: InboundContent): Answer {
  const product = find(data, state.productId);
  if (!product) return menu(data, 0, say.GONE);
  const delivery = wishOf(message);
  if (!delivery) return { state, replies: [say.askAddress(say.ADDRESS_PLEASE)] };
  const { quantity: count } = state;
  const total = formatMoney(multiply(product.price, count), data.locale);
  return {
    state: { step: 'confirm', productId: product.id, quantity: count, delivery },
    replies: [say.askConfirmation(count, product.name, total, delivery.address ?? say.SHARED_LOCATION)],
  };
}

function confirm(state: ConversationState & { step: 'confirm' }, data: MerchantData, said: string): Answer {
  const { productId, quantity: count, delivery } = state;
  if (said === 'order:confirm' || YES.test(said))
    return { state: IDLE, replies: [], order: { productId, quantity: count, delivery } };
  if (NO.test(said)) return { state: IDLE, replies: [say.cancelled()] };
  const product = find(data, productId);
  if (!product) return menu(data, 0, say.GONE);
  const total = formatMoney(multiply(product.price, count), data.locale);
  return { state, replies: [say.askConfirmation(count, product.name, total, delivery.address ?? say.SHARED_LOCATION)] };
}

function wishOf(message: InboundContent): DeliveryWish | undefined {
  if (message.type === 'location') {
    const { latitude, longitude, address: street, name } = message.location;
    const where = street ?? name;
    return { location: { latitude, longitude }, ...(where ? { address: say.cut(where, 500) } : {}) };
  }
  const words = message.type === 'text' ? message.text.body.trim() : '';
  return words.length >= 3 ? { address: say.cut(words, 500) } : undefined;
}

const find = (data: MerchantData, id: string): OfferedProduct | undefined => data.products.find((product) => product.id === id);
const only = <T>(found: T[]): T | undefined => (found.length === 1 ? found[0] : undefined);
