import { validateInput } from '@soko/common';
import {
  ButtonsContent,
  type InboundContent,
  ListContent,
  LocationContent,
  MediaContent,
  optionsOf,
  type OutboundContent,
  TextContent,
} from '@soko/contracts';
import { type ConversationState, IDLE, readState, stored } from './conversation-state.js';
import { answer } from './customer.js';
import type { OfferedProduct } from './offered-product.js';
import type { Answer, MerchantData, PastOrder } from './turn.js';

/* A shop and its customer, for tests. */

export const product = (over: Partial<OfferedProduct> = {}): OfferedProduct => ({
  id: 'p1',
  sku: 'MAIZE-10',
  name: 'Maize meal 10 kg',
  price: { amount: 1_250, currency: 'USD' },
  available: 10,
  ...over,
});
export const OIL = product({ id: 'p2', sku: 'OIL', name: 'Cooking oil', description: '2 litres', available: 2 });
export const shop = (over: Partial<MerchantData> = {}): MerchantData => ({
  name: 'Mbare Market',
  locale: 'en',
  timezone: 'Africa/Harare',
  products: [product(), OIL],
  paymentMethods: ['cash_on_delivery'],
  cart: [],
  orders: [],
  ...over,
});
export const shelf = (count: number): OfferedProduct[] =>
  Array.from({ length: count }, (_, index) => product({ id: `p${index}`, sku: `S${index}`, name: `Thing ${index}` }));
export const pastOrder = (over: Partial<PastOrder> = {}): PastOrder => ({
  number: 7,
  status: 'delivered',
  total: { amount: 3_750, currency: 'USD' },
  lines: [
    { productId: 'p2', name: 'Cooking oil', quantity: 3 },
    { productId: 'gone', name: 'Candles', quantity: 1 },
  ],
  delivery: { address: '12 Samora Machel Ave' },
  ...over,
});

export const text = (body: string): InboundContent => ({ type: 'text', text: { body } });
export const tap = (id: string): InboundContent => ({ type: 'reply', reply: { id, title: id } });
export const location = (over: Partial<LocationContent> = {}): InboundContent => ({
  type: 'location',
  location: { latitude: -17.8, longitude: 31.05, ...over },
});

/** What the service would do with the commands, as far as the next answer depends on it. */
export function after(data: MerchantData, { commands }: Answer): MerchantData {
  return commands.reduce<MerchantData>((now, command) => {
    switch (command.do) {
      case 'keep-cart':
        return { ...now, cart: command.lines };
      case 'place-order':
        return { ...now, cart: [] };
      case 'speak':
        return { ...now, spoken: command.spoken };
      case 'note-phone':
        return { ...now, phoneMissing: false };
      default:
        return now;
    }
  }, data);
}

export interface Talk extends Answer {
  data: MerchantData;
}

/** Says one thing after the other and gives the last answer, with what the shop knows by then. */
export function converse(data: MerchantData, ...said: InboundContent[]): Talk {
  return said.reduce<Talk>((last, each) => next(last, each), { data, state: IDLE, replies: [], commands: [], language: 'en' });
}
export function next(talk: Pick<Talk, 'state' | 'data'>, said: InboundContent): Talk {
  const given = answer(talk.state, said, talk.data);
  // As it is stored and read again.
  const state = readState(JSON.parse(JSON.stringify(stored(given.state))));
  return { ...given, state, data: after(talk.data, given) };
}

export const wordsOf = (replies: OutboundContent[]): string =>
  replies
    .map((reply) => (reply.type === 'text' ? reply.text.body : reply.type === 'list' ? reply.list.body : JSON.stringify(reply)))
    .join('\n');
export const rowsOf = (replies: OutboundContent[]) =>
  replies.flatMap((reply) => (reply.type === 'list' ? reply.list.sections.flatMap((section) => section.rows) : []));
export const productsOf = (replies: OutboundContent[]): string[] =>
  rowsOf(replies)
    .map(({ id }) => id)
    .filter((id) => id.startsWith('product:'));
export const buttonsOf = (replies: OutboundContent[]) =>
  replies.flatMap((reply) => (reply.type === 'buttons' ? reply.buttons.buttons : []));

const SHAPES = { text: TextContent, buttons: ButtonsContent, list: ListContent, location: LocationContent, media: MediaContent };

/** Why WhatsApp, or PostgreSQL's jsonb, would refuse a reply. */
function refused(reply: OutboundContent): string | undefined {
  try {
    validateInput<object>(SHAPES[reply.type], (reply as unknown as Record<string, unknown>)[reply.type]);
  } catch (error) {
    return `${(error as Error).message}: ${JSON.stringify(reply)}`;
  }
  const ids = optionsOf(reply).map(({ id }) => id);
  const titles = buttonsOf([reply]).map(({ title }) => title);
  if (ids.length > 10 || new Set(ids).size !== ids.length) return `options: ${ids.join()}`;
  if (new Set(titles).size !== titles.length) return `titles: ${titles.join()}`;
  return /\p{Surrogate}|\0/u.test(allText(reply)) ? `half a character: ${JSON.stringify(reply)}` : undefined;
}
const allText = (value: unknown): string =>
  typeof value === 'string' ? value : value && typeof value === 'object' ? Object.values(value).map(allText).join('\n') : '';
export const refusals = (replies: OutboundContent[]): (string | undefined)[] => replies.map(refused).filter(Boolean);

/** What is wrong with an answer, whatever was said. */
export function faultsOf({ state, replies, commands }: Answer): string[] {
  const ordered = commands.some((command) => command.do === 'place-order');
  return [
    ...refusals(replies),
    ...refusals([{ type: 'text', text: { body: allText(state) } }]),
    ...(replies.length === 0 && !ordered ? ['silence'] : []),
    ...(JSON.stringify(readState(JSON.parse(JSON.stringify(stored(state))))) === JSON.stringify(state)
      ? []
      : ['a state that cannot be read']),
  ].map(String);
}

/** One of every step. */
export const STATES: ConversationState[] = [
  IDLE,
  { step: 'categories', page: 0, options: ['category:Food', 'category:', 'do:help'] },
  { step: 'choosing', page: 0, options: ['product:p1', 'product:p2', 'do:help'] },
  { step: 'choosing', page: 3, options: [], category: 'Food' },
  { step: 'choosing', page: 0, options: ['product:p1'], words: 'maize' },
  { step: 'quantity', productId: 'p1' },
  { step: 'quantity', productId: 'p1', changing: true },
  { step: 'quantity', productId: 'gone' },
  { step: 'cart' },
  { step: 'changing', page: 0, options: ['line:p1', 'cart:empty'] },
  { step: 'address' },
  { step: 'phone', delivery: { address: 'Street 1' } },
  { step: 'payment', delivery: { location: { latitude: 1, longitude: 2 } } },
  { step: 'confirm', delivery: { address: 'Street 1' }, payment: 'cash_on_delivery', total: 2_500 },
  { step: 'help', options: ['do:menu', 'do:cart', 'do:status'] },
  { step: 'language' },
];
