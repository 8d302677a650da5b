import { isDeepStrictEqual } from 'node:util';
import { formatMoney } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CartLine } from './cart.js';
import { type ConversationState, IDLE } from './conversation-state.js';
import {
  faultsOf,
  location,
  next,
  pastOrder,
  product,
  shelf,
  shop,
  STATES,
  tap,
  type Talk,
  text,
  wordsOf,
} from './customer.fixture.js';
import { answer } from './customer.js';
import type { OfferedProduct } from './offered-product.js';
import type { MerchantData } from './turn.js';

const media = (['image', 'video', 'audio', 'document', 'sticker'] as const).flatMap((type) => [
  { type, [type]: {} } as unknown as InboundContent,
  { type, [type]: { caption: 'yes' } } as unknown as InboundContent,
]);
const split = (words: string): string[] => words.split('|');
const WORDS = [
  ...split(
    '| |0|1|2|3|٢|２|7|10|99|-1|1.5|99999999999999999999|two|deux|اثنان|yes|no|bonjour|مرحبا|français|english|maize|Cooking oil',
  ),
  ...split(
    'hi|menu|mneu|cancel|STOP|back|human|help|cart|checkout|status|reorder|language|more|Thing 3|no more offers|12 Samora Machel Ave',
  ),
  ...split('🌽|\n|((|__proto__|constructor|+263771234567'),
  'x'.repeat(4096),
  '🌽'.repeat(2048),
];
const TAPS = [
  ...split(
    'product:p1|product:p2|product:gone|products:more|category:Food|category:|category:gone|line:p1|line:gone|product:|nonsense',
  ),
  ...split(
    'quantity:0|quantity:1|quantity:3|quantity:99|quantity:99999|cart:change|cart:empty|order:confirm|order:cancel|address:same',
  ),
  ...split(
    'payment:cash_on_delivery|payment:transfer|payment:payment_link|payment:gold|language:fr|language:xx|do:menu|do:back|do:human|do:help|do:cart',
  ),
  ...split('do:checkout|do:status|do:reorder|do:language|do:noOffers|do:|do:evil||__proto__'),
];
const INPUTS: InboundContent[] = [
  ...WORDS.map(text),
  ...TAPS.map(tap),
  ...media,
  location(),
  location({ address: '🏠'.repeat(500) }),
  location({ name: '' }),
  { type: 'contacts', contacts: [{ name: 'Me', phones: ['+263771234567'] }] },
  { type: 'contacts', contacts: [] },
  {
    type: 'order',
    order: {
      items: [
        { sku: 'OIL', quantity: 5 },
        { sku: 'gone', quantity: 1 },
        { sku: 'MAIZE-10', quantity: -1 },
      ],
    },
  },
  { type: 'order', order: { items: [] } },
  { type: 'unsupported', unsupported: { what: 'poll' } },
];

const lines = (...of: [string, number][]): CartLine[] =>
  of.map(([productId, quantity]) => ({ productId, name: productId, quantity }));
const categorised = shelf(30).map((each, index) => ({ ...each, category: index % 3 ? `Kind ${index % 12}` : undefined }));
const SHOPS: [string, MerchantData][] = [
  ['a shop', shop()],
  ['a shop with a full cart', shop({ cart: lines(['p1', 2], ['p2', 1]) })],
  ['a shop with a cart of what is gone', shop({ cart: lines(['gone', 2], ['p2', 99]) })],
  ['an empty shop', shop({ products: [], cart: lines(['p1', 2]) })],
  ['a shop of one thing', shop({ products: [product({ available: 1 })] })],
  [
    'a shop of thirty things in ten categories',
    shop({ products: categorised, cart: lines(...shelf(30).map(({ id }): [string, number] => [id, 1])) }),
  ],
  [
    'a shop with two ways to pay',
    shop({ paymentMethods: ['cash_on_delivery', 'transfer', 'payment_link'], cart: lines(['p1', 2]) }),
  ],
  ['a shop whose customer has no visible number', shop({ phoneMissing: true, cart: lines(['p1', 2]) })],
  [
    'a French customer with orders',
    shop({ orders: [pastOrder(), pastOrder({ number: 6 })], cart: lines(['p1', 1]), spoken: { code: 'fr', chosen: true } }),
  ],
  ['an Arabic shop that is closed', shop({ locale: 'ar', away: { opensAt: new Date('2026-11-30T06:00:00Z') } })],
];

describe.each(SHOPS)('%s', (_, data) => {
  it.each(STATES.map((state) => [state.step, state] as const))(
    'answers everything in the state %s, in a way that WhatsApp takes',
    (__, state) => {
      const before = structuredClone({ state, data });
      const faults = INPUTS.flatMap((input) => {
        const given = answer(state, input, data);
        const said = JSON.stringify(input).slice(0, 80);
        const again = isDeepStrictEqual(answer(state, input, data), given) ? [] : ['another answer to the same'];
        return [...faultsOf(given), ...again].map((fault) => `${said}: ${fault}`);
      });
      expect(faults).toEqual([]);
      expect({ state, data }).toEqual(before);
    },
  );

  it.each(STATES.map((state) => [state.step, state] as const))(
    'leads from the state %s to the menu, out of the order, to a person and back',
    (__, state) => {
      const beginning = data.products.length === 0 ? ['idle'] : ['choosing', 'categories'];
      for (const word of ['menu', 'mneu', 'قائمة']) expect(beginning).toContain(answer(state, text(word), data).state.step);
      expect(answer(state, tap('order:cancel'), data)).toMatchObject({ state: IDLE, commands: [{ do: 'keep-cart', lines: [] }] });
      expect(answer(state, text('huamn'), data).commands).toContainEqual({ do: 'hand-over' });
      // Whoever goes back often enough is at the beginning.
      let talk: Pick<Talk, 'state' | 'data'> = { state, data };
      for (let step = 0; step < 6; step += 1) talk = next(talk, text('back'));
      expect(beginning).toContain(talk.state.step);
    },
  );
});

const said = fc.oneof(
  fc.constantFrom(...INPUTS),
  fc.nat(12).map((index) => tap(`product:p${index}`)),
  fc.nat(12).map((index) => tap(`line:p${index}`)),
  fc.nat(6).map((count) => tap(`quantity:${count}`)),
  // Numbers are among the words above: every script has its own, and the model does not know them all.
  fc
    .string({ unit: 'grapheme', maxLength: 30 })
    .filter((words) => !/\p{N}/u.test(words))
    .map(text),
);
/** What gets somewhere. */
const USEFUL: Record<ConversationState['step'], InboundContent[]> = {
  idle: [text('hi'), text('reorder')],
  categories: [text('1'), text('2'), tap('products:more')],
  choosing: [text('1'), text('2'), tap('products:more'), text('Thing 1')],
  quantity: [text('1'), tap('quantity:1'), text('4'), text('11')],
  cart: [tap('do:checkout'), text('1'), text('2'), text('3')],
  changing: [text('1'), text('2'), tap('line:p3'), tap('products:more')],
  address: [text('Street 1'), location(), tap('address:same')],
  phone: [text('+263771234567'), text('no number')],
  payment: [text('1'), tap('payment:transfer')],
  confirm: [text('yes'), tap('order:confirm'), text('no'), tap('do:cart')],
  help: [text('1'), text('2'), text('3')],
  language: [text('1'), text('2'), tap('language:ar')],
};

interface Step {
  wild: InboundContent;
  helpful: boolean;
  which: number;
  stock: number[];
  price: number;
}
const step = fc.record<Step>({
  wild: said,
  helpful: fc.boolean(),
  which: fc.nat(3),
  stock: fc.array(fc.nat(6), { minLength: 12, maxLength: 12 }),
  price: fc.constantFrom(0, 1, 1_250, 99_999),
});

/** What is in the cart, as somebody would keep it who knows nothing of how the bot does. */
type Held = Map<string, number>;

/** Nobody holds more than there is. */
function fitted(held: Held, products: OfferedProduct[]): Held {
  const left = [...held].map(([id, count]): [string, number] => [id, Math.min(count, availableOf(products, id))]);
  return new Map(left.filter(([, count]) => count > 0));
}
const availableOf = (products: OfferedProduct[], id: string): number => products.find((each) => each.id === id)?.available ?? 0;
const priceOf = (held: Held, products: OfferedProduct[]): number =>
  [...held].reduce((sum, [id, count]) => sum + count * products.find((each) => each.id === id)!.price.amount, 0);
const heldIn = (lines: { productId: string; quantity: number }[]): Held =>
  new Map(lines.map(({ productId, quantity }) => [productId, quantity]));

/** What the cart should hold after a message; nothing where the model does not know. */
function expected(held: Held, asked: ConversationState, input: InboundContent, products: OfferedProduct[]): Held {
  const now = fitted(held, products);
  const count = countOf(input);
  if (asked.step !== 'quantity' || count === undefined) return now;
  const wanted = asked.changing ? count : (now.get(asked.productId) ?? 0) + count;
  if (wanted > availableOf(products, asked.productId) || (count === 0 && !asked.changing)) return now;
  now.delete(asked.productId);
  return wanted > 0 ? now.set(asked.productId, wanted) : now;
}

/** The number that was meant, where one was. */
const countOf = (input: InboundContent): number | undefined => {
  if (input.type === 'reply') return input.reply.id.startsWith('quantity:') ? Number(input.reply.id.slice(9)) : undefined;
  if (input.type !== 'text') return undefined;
  const known = { two: 2, deux: 2, اثنان: 2, '٢': 2, '２': 2 } as Record<string, number>;
  return known[input.text.body] ?? (/^\d{1,9}$/.test(input.text.body) ? Number(input.text.body) : undefined);
};

describe('random walks', () => {
  const full = shelf(12).map((each, index) => ({ ...each, category: index < 6 ? 'Food' : undefined }));

  it('of 1,000 steps through a shop that changes all the time: never stuck, never silent, cart and totals right', () => {
    let orders = 0;
    let shown = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1_000, maxLength: 1_000, size: 'max' }), fc.boolean(), (walk, hidden) => {
        let held: Held = new Map();
        const data = shop({
          products: full,
          phoneMissing: hidden,
          orders: [pastOrder()],
          paymentMethods: ['cash_on_delivery', 'transfer', 'payment_link'],
        });
        let talk: Talk = { data, state: IDLE, replies: [], commands: [], language: 'en' };
        for (const [n, { wild, helpful, which, stock, price }] of walk.entries()) {
          // The shop stands still for a while, so that an order can come about.
          const products = n % 10 === 0 ? restocked(full, stock, price) : talk.data.products;
          talk = { ...talk, data: { ...talk.data, products } };
          const choices = USEFUL[talk.state.step];
          const input = helpful ? choices[which % choices.length]! : wild;
          const asked = talk.state;
          talk = next(talk, input);
          const problems = faultsOf(talk);
          const placed = talk.commands.find((command) => command.do === 'place-order');
          if (placed) {
            orders += 1;
            if (!isDeepStrictEqual(heldIn(placed.items), held)) problems.push('another order than the cart');
            if (placed.items.length === 0) problems.push('an order of nothing');
            if (!placed.delivery.address && !placed.delivery.location) problems.push('an order to nowhere');
            if (asked.step !== 'confirm' || asked.total !== priceOf(held, products))
              problems.push('an order of what was not shown');
            held = new Map();
          }
          const kept = talk.commands.find((command) => command.do === 'keep-cart');
          if (kept) {
            const lines = heldIn(kept.lines);
            const should =
              isTakenOver(input, asked) || (lines.size === 0 && isEmptied(input, asked))
                ? lines
                : expected(held, asked, input, products);
            if (!isDeepStrictEqual(lines, should)) problems.push('another cart');
            held = should;
          }
          if (talk.state.step === 'cart' || talk.state.step === 'confirm') {
            shown += 1;
            const total = formatMoney({ amount: priceOf(fitted(held, products), products), currency: 'USD' }, talk.language);
            if (!wordsOf(talk.replies).includes(total)) problems.push(`another total than ${total}: ${wordsOf(talk.replies)}`);
          }
          expect({ problems, step: n, asked, input }).toEqual({ problems: [], step: n, asked, input });
        }
        const out = next(talk, text('menu'));
        expect(['choosing', 'categories', 'idle']).toContain(out.state.step);
      }),
      { numRuns: 6, endOnFailure: true },
    );
    expect(orders).toBeGreaterThan(10);
    expect(shown).toBeGreaterThan(300);
  }, 60_000);
});

const restocked = (products: OfferedProduct[], stock: number[], price: number): OfferedProduct[] =>
  products
    .map((each, index) => ({ ...each, available: stock[index]!, price: { amount: price + index, currency: 'USD' } }))
    .filter((each) => each.available > 0);
/** Orders of WhatsApp's own, and those that are ordered again, fill the cart in one go. */
const isTakenOver = (input: InboundContent, asked: ConversationState): boolean =>
  input.type === 'order' ||
  (input.type === 'text' && input.text.body === 'reorder') ||
  (input.type === 'reply' && input.reply.id === 'do:reorder') ||
  (asked.step === 'help' && JSON.stringify(input).includes('"body"'));
/** Steps at which a number or "no" may be the end of it; anywhere else only these words are. */
const isEmptied = (input: InboundContent, asked: ConversationState): boolean =>
  ['changing', 'confirm'].includes(asked.step) ||
  /"(?:body|id)":"(?:cancel|STOP|order:cancel|cart:empty)"/.test(JSON.stringify(input));
