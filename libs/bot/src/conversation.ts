import { formatMoney, multiply, normalisePhone } from '@soko/common';
import type { InboundContent, OutboundContent } from '@soko/contracts';
import type { OfferedProduct } from './offered-product.js';
import * as say from './texts.js';

/** Where a conversation stands. */
export type ConversationState =
  | { step: 'idle' }
  | { step: 'choosing'; page: number; options: string[] }
  | { step: 'quantity'; productId: string }
  | { step: 'address'; productId: string; quantity: number }
  /** The customer's number is hidden, and the driver needs one. */
  | { step: 'phone'; productId: string; quantity: number; delivery: DeliveryWish }
  | { step: 'confirm'; productId: string; quantity: number; delivery: DeliveryWish };

export interface DeliveryWish {
  address?: string;
  location?: { latitude: number; longitude: number };
}

/** What the bot may know about the merchant, and about the customer. */
export interface MerchantData {
  name: string;
  locale: string;
  /** What can be bought now. */
  products: OfferedProduct[];
  /** WhatsApp hides the customer's number, and nobody has told us one yet. */
  phoneMissing?: boolean;
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
  /** E.164: what the customer wants to be called at. */
  phone?: string;
  /** The customer wants no marketing any more. */
  optedOut?: boolean;
}

export const IDLE: ConversationState = { step: 'idle' };
const FIRST_PAGE = { step: 'choosing', page: 0, options: [] as string[] } as const;

const PER_PAGE = 9;
/** What an order takes of one product. */
const MOST = 10_000;
const CANCEL = /^(cancel|stop|quit)[.!]?$/i;
/** By WhatsApp's rules an opt-out, without anything else; said while something is being ordered it means the order. */
const OPT_OUT = /^cancel$/i;
const MENU = /^(menu|start|hi|hello|hey|back)[.!]?$/i;
const YES = /^(yes|y|ok|okay|confirm|1)[.!]?$/i;
const NO = /^(no|n|2)[.!]?$/i;

/**
 * What the bot answers. A pure function: the same state, message and data give the same answer, and there always is one.
 * @param consent what the message has changed about marketing already: "STOP" also ends what was being ordered.
 */
export function answer(
  state: ConversationState,
  message: InboundContent,
  data: MerchantData,
  consent: 'out' | 'in' | null = null,
): Answer {
  if (consent) return { state: consent === 'out' ? IDLE : state, replies: [consent === 'out' ? say.optedOut() : say.optedIn()] };
  const words = message.type === 'text' ? message.text.body.trim() : '';
  const tapped = message.type === 'reply' ? message.reply.id : undefined;
  if (OPT_OUT.test(words) && state.step === 'idle') return { state: IDLE, replies: [say.optedOut()], optedOut: true };
  if (CANCEL.test(words) || tapped === 'order:cancel') return { state: IDLE, replies: [say.cancelled()] };
  // Lists stay on the phone: a row may be tapped at any time.
  if (tapped?.startsWith('product')) return choose(state.step === 'choosing' ? state : FIRST_PAGE, data, tapped);
  if (MENU.test(words) || state.step === 'idle') {
    const isTap = message.type === 'reply' && message.reply.typed === undefined;
    return menu(data, 0, isTap ? undefined : say.welcome(data.name));
  }
  switch (state.step) {
    case 'choosing':
      return choose(state, data, tapped ?? words);
    case 'quantity':
      return quantity(state, data, tapped?.replace(/^quantity:/, '') ?? words);
    case 'address':
      return address(state, data, message);
    case 'phone':
      return phone(state, data, message);
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
  if (product) {
    const picture = product.pictureId ? [say.picture(product.pictureId, product.name)] : [];
    return {
      state: { step: 'quantity', productId: product.id },
      replies: [...picture, say.askQuantity(product, data.locale)],
    };
  }
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
  const order = { productId: product.id, quantity: state.quantity, delivery };
  return data.phoneMissing ? { state: { step: 'phone', ...order }, replies: [say.askPhone()] } : review(product, order, data);
}

function phone(state: ConversationState & { step: 'phone' }, data: MerchantData, message: InboundContent): Answer {
  const { productId, quantity: count, delivery } = state;
  const product = find(data, productId);
  if (!product) return menu(data, 0, say.GONE);
  const number = normalisePhone(numberIn(message));
  if (!number) return { state, replies: [say.askPhone(say.PHONE_PLEASE)] };
  return { ...review(product, { productId, quantity: count, delivery }, data), phone: number };
}

/** Shows the order as it would be, and asks whether that is right. */
function review(product: OfferedProduct, order: OrderCommand, data: MerchantData): Answer {
  const total = formatMoney(multiply(product.price, order.quantity), data.locale);
  const where = order.delivery.address ?? say.SHARED_LOCATION;
  return { state: { step: 'confirm', ...order }, replies: [say.askConfirmation(order.quantity, product.name, total, where)] };
}

function confirm(state: ConversationState & { step: 'confirm' }, data: MerchantData, said: string): Answer {
  const { productId, quantity: count, delivery } = state;
  const order = { productId, quantity: count, delivery };
  const confirmed = said === 'order:confirm' || YES.test(said);
  // Only where the number has become hidden meanwhile; no order goes without one.
  if (confirmed && data.phoneMissing) return { state: { step: 'phone', ...order }, replies: [say.askPhone()] };
  if (confirmed) return { state: IDLE, replies: [], order };
  if (NO.test(said)) return { state: IDLE, replies: [say.cancelled()] };
  const product = find(data, productId);
  return product ? review(product, order, data) : menu(data, 0, say.GONE);
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

/** A number that was written, or that of a contact that was shared. */
function numberIn(message: InboundContent): string {
  if (message.type === 'contacts') return message.contacts[0]?.phones[0] ?? '';
  return message.type === 'text' ? message.text.body : '';
}

const find = (data: MerchantData, id: string): OfferedProduct | undefined => data.products.find((product) => product.id === id);
const only = <T>(found: T[]): T | undefined => (found.length === 1 ? found[0] : undefined);
