import { isDeepStrictEqual } from 'node:util';
import { validateInput } from '@soko/common';
import {
  ButtonsContent,
  type InboundContent,
  ListContent,
  LocationContent,
  MediaContent,
  type OutboundContent,
  TextContent,
} from '@soko/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, answer, type ConversationState, IDLE, type MerchantData } from './conversation.js';
import type { OfferedProduct } from './offered-product.js';
import { clip } from './texts.js';

const product = (over: Partial<OfferedProduct> = {}): OfferedProduct => ({
  id: 'p1',
  name: 'Maize meal 10 kg',
  price: { amount: 1_250, currency: 'USD' },
  available: 10,
  ...over,
});
const OIL = product({ id: 'p2', name: 'Cooking oil', description: '2 litres', available: 2 });
const shop = (over: Partial<MerchantData> = {}): MerchantData => ({
  name: 'Mbare Market',
  locale: 'en',
  products: [product(), OIL],
  ...over,
});
const shelf = (count: number): OfferedProduct[] =>
  Array.from({ length: count }, (_, index) => product({ id: `p${index}`, name: `Thing ${index}` }));

const text = (body: string): InboundContent => ({ type: 'text', text: { body } });
const tap = (id: string): InboundContent => ({ type: 'reply', reply: { id, title: id } });
const location = (over: Partial<LocationContent> = {}): InboundContent => ({
  type: 'location',
  location: { latitude: -17.8, longitude: 31.05, ...over },
});

/** Says one thing after the other and gives the last answer. */
const converse = (data: MerchantData, ...said: InboundContent[]): Answer =>
  said.reduce<Answer>((last, each) => answer(last.state, each, data), { state: IDLE, replies: [] });
const wordsOf = (replies: OutboundContent[]): string =>
  replies
    .map((reply) => (reply.type === 'text' ? reply.text.body : reply.type === 'list' ? reply.list.body : JSON.stringify(reply)))
    .join('\n');
const rowsOf = (replies: OutboundContent[]) =>
  replies.flatMap((reply) => (reply.type === 'list' ? reply.list.sections.flatMap((section) => section.rows) : []));
const buttonsOf = (replies: OutboundContent[]) =>
  replies.flatMap((reply) => (reply.type === 'buttons' ? reply.buttons.buttons : []));

const SHAPES = { text: TextContent, buttons: ButtonsContent, list: ListContent, location: LocationContent, media: MediaContent };
/** What WhatsApp, and PostgreSQL's jsonb, would refuse. */
const refused = (reply: OutboundContent): string | undefined => {
  try {
    validateInput<object>(SHAPES[reply.type], (reply as unknown as Record<string, unknown>)[reply.type]);
  } catch (error) {
    return `${(error as Error).message}: ${JSON.stringify(reply)}`;
  }
  const rows = rowsOf([reply]).map((row) => row.id);
  const titles = buttonsOf([reply]).map((button) => button.title);
  if (rows.length > 10 || new Set(rows).size !== rows.length) return `rows: ${rows.join()}`;
  if (new Set(titles).size !== titles.length) return `titles: ${titles.join()}`;
  return /\p{Surrogate}|\0/u.test(allText(reply)) ? `half a character: ${JSON.stringify(reply)}` : undefined;
};
const allText = (value: unknown): string =>
  typeof value === 'string' ? value : value && typeof value === 'object' ? Object.values(value).map(allText).join('\n') : '';
const refusals = (replies: OutboundContent[]): (string | undefined)[] => replies.map(refused).filter(Boolean);

const STATES: ConversationState[] = [
  IDLE,
  { step: 'choosing', page: 0, options: ['product:p1', 'product:p2'] },
  { step: 'quantity', productId: 'p1' },
  { step: 'address', productId: 'p1', quantity: 2 },
  { step: 'phone', productId: 'p1', quantity: 2, delivery: { address: 'Street 1' } },
  { step: 'confirm', productId: 'p1', quantity: 2, delivery: { address: 'Street 1' } },
];
const byStep = STATES.map((state) => [state.step, state] as const);
const STEPS = STATES.map((state) => state.step);

/** An order of cooking oil. */
const order = (quantity: number, delivery: object) => ({ productId: 'p2', quantity, delivery });

describe('the happy path', () => {
  it('goes by taps', () => {
    const data = shop();
    const menu = converse(data, text('Hi'));
    expect(wordsOf(menu.replies)).toMatch(/^Welcome to Mbare Market!/);
    expect(rowsOf(menu.replies)).toEqual([
      { id: 'product:p1', title: 'Maize meal 10 kg', description: '$12.50' },
      { id: 'product:p2', title: 'Cooking oil', description: '$12.50 · 2 litres' },
    ]);
    const chosen = answer(menu.state, tap('product:p2'), data);
    expect(wordsOf(chosen.replies)).toMatch(/Cooking oil, \$12\.50 each/);
    expect(buttonsOf(chosen.replies).map((button) => button.id)).toEqual(['quantity:1', 'quantity:2']);
    const counted = answer(chosen.state, tap('quantity:2'), data);
    expect(wordsOf(counted.replies)).toMatch(/Where shall we deliver/);
    const placed = answer(counted.state, text(' 12 Samora Machel Ave '), data);
    expect(wordsOf(placed.replies)).toMatch(/2 × Cooking oil.*Total: \$25\.00.*12 Samora Machel Ave.*Is that right/s);
    const done = answer(placed.state, tap('order:confirm'), data);
    expect(done).toEqual({ state: IDLE, replies: [], order: order(2, { address: '12 Samora Machel Ave' }) });
  });

  it('shows what was chosen, where there is a picture of it', () => {
    const mediaId = '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071';
    const data = shop({ products: [product({ pictureId: mediaId }), OIL] });
    const chosen = converse(data, text('hi'), text('1'));
    expect(chosen.replies[0]).toEqual({ type: 'media', media: { mediaId, caption: 'Maize meal 10 kg' } });
    expect(chosen.replies.map(({ type }) => type)).toEqual(['media', 'buttons']);
    expect(refusals(chosen.replies)).toEqual([]);
    expect(converse(data, text('hi'), text('2')).replies.map(({ type }) => type)).toEqual(['buttons']);
  });

  it.each(['yes', 'Y', 'OK', 'okay', 'Confirm!', '1', 'yes.'])('goes by numbers, and is confirmed by %j', (yes) => {
    const done = converse(shop(), text('hello'), text('2'), text('1'), text('Street 1'), text(yes));
    expect(done.order).toEqual(order(1, { address: 'Street 1' }));
  });

  it.each(['Cooking oil', 'COOKING OIL', 'oil', '2.', ' cook '])('goes by the name as typed: %j', (name) => {
    const done = converse(shop(), text('menu'), text(name), text('2'), text('Street 1'), text('yes'));
    expect(done.order).toEqual(order(2, { address: 'Street 1' }));
  });

  it('takes a location for an address, with its own words or without', () => {
    const upTo = [text('hi'), text('2'), text('1')];
    const where = { latitude: -17.8, longitude: 31.05 };
    const bare = converse(shop(), ...upTo, location());
    expect(wordsOf(bare.replies)).toContain('the location you shared');
    expect(answer(bare.state, text('yes'), shop()).order).toEqual(order(1, { location: where }));
    const named = converse(shop(), ...upTo, location({ name: 'Market', address: 'Street 1' }));
    expect(wordsOf(named.replies)).toContain('Street 1');
    expect(answer(named.state, text('yes'), shop()).order).toEqual(order(1, { location: where, address: 'Street 1' }));
    expect(converse(shop(), ...upTo, location({ name: 'Market' }), text('yes')).order?.delivery.address).toBe('Market');
  });

  it.each(['no', 'N', '2', 'cancel'])('ends without an order on %j', (no) => {
    const done = converse(shop(), text('hi'), text('2'), text('1'), text('Street 1'), text(no));
    expect(done).toMatchObject({ state: IDLE, replies: [{ type: 'text' }] });
    expect(done.order).toBeUndefined();
  });

  it('asks the last question again when the answer is neither', () => {
    const asked = converse(shop(), text('hi'), text('2'), text('1'), text('Street 1'));
    const again = answer(asked.state, text('maybe'), shop());
    expect(again).toEqual(asked);
  });

  it('does not order twice when Confirm is tapped twice', () => {
    const done = converse(shop(), text('hi'), text('2'), text('1'), text('Street 1'), tap('order:confirm'), tap('order:confirm'));
    expect(done.order).toBeUndefined();
    expect(rowsOf(done.replies)).toHaveLength(2);
  });
});

describe('cancel and menu', () => {
  it.each(byStep)('work in the state %s', (_, state) => {
    for (const word of ['Cancel.', 'STOP', 'quit!', ...(state.step === 'idle' ? [] : ['cancel', ' CANCEL '])]) {
      const cancelled = answer(state, text(word), shop());
      expect(cancelled.state).toEqual(IDLE);
      expect(wordsOf(cancelled.replies)).toMatch(/Nothing was ordered.*menu/);
      expect(cancelled.optedOut).toBeUndefined();
    }
    expect(answer(state, tap('order:cancel'), shop()).state).toEqual(IDLE);
    for (const word of ['menu', 'Hi!', 'hello', 'START', 'back', 'hey']) {
      const menu = answer(state, text(word), shop());
      expect(menu.state).toEqual(STATES[1]);
      expect(rowsOf(menu.replies)).toHaveLength(2);
      expect(menu.order).toBeUndefined();
    }
  });

  it.each(byStep.filter(([step]) => step !== 'idle'))('do not lurk in other words in the state %s', (step, state) => {
    for (const words of ['Menu Street 12', 'Stopover Road 1', 'cancelled', 'Nono']) {
      const after = answer(state, text(words), shop());
      expect(after.state.step).toBe(step === 'address' ? 'confirm' : step);
    }
  });

  it('offer nothing when there is nothing to sell, in a friendly way', () => {
    const closed = answer(IDLE, text('hi'), shop({ products: [] }));
    expect(closed.state).toEqual(IDLE);
    expect(wordsOf(closed.replies)).toMatch(/Mbare Market has nothing to sell right now/);
  });
});

const INPUTS: InboundContent[] = [
  ...[
    '',
    ' ',
    '0',
    '1',
    '2',
    '99',
    '-1',
    '1.5',
    '１',
    'two',
    'more',
    'hi',
    'cancel',
    'yes',
    'no',
    '🌽',
    'x'.repeat(4096),
    '\n',
    '((',
  ].map(text),
  ...[
    'product:p1',
    'product:gone',
    'products:more',
    'quantity:1',
    'quantity:99',
    'order:confirm',
    'order:cancel',
    '',
    'nonsense',
  ].map(tap),
  location(),
  location({ address: '🏠'.repeat(500) }),
  { type: 'image', image: {} },
  { type: 'image', image: { caption: 'yes' } },
];
const SHOPS: [string, MerchantData][] = [
  ['a shop', shop()],
  ['an empty shop', shop({ products: [] })],
  ['a shop of one thing', shop({ products: [product({ available: 1 })] })],
  ['a shop of thirty things', shop({ products: shelf(30) })],
  ['a shop whose customer has no visible number', shop({ phoneMissing: true })],
];

describe.each(SHOPS)('%s', (_, data) => {
  it.each(byStep)('answers every kind of message in the state %s, in a way that WhatsApp takes', (_, state) => {
    const before = structuredClone(state);
    const faults = INPUTS.flatMap((input) => {
      const next = answer(state, input, data);
      const said = JSON.stringify(input).slice(0, 80);
      return [
        ...refusals(next.replies),
        ...refusals([{ type: 'text', text: { body: allText(next.state) } }]),
        ...(next.replies.length === 0 && !next.order ? ['silence'] : []),
        ...(STEPS.includes(next.state.step) ? [] : ['an unknown state']),
        ...(isDeepStrictEqual(answer(state, input, data), next) ? [] : ['another answer to the same']),
      ].map((fault) => `${said}: ${fault}`);
    });
    expect(faults).toEqual([]);
    expect(state).toEqual(before);
  });
});

describe('choosing', () => {
  const at = (over: Partial<MerchantData> = {}) => converse(shop(over), text('hi')).state;

  it.each(['0', '3', '99', 'bread', '?', 'o'])('shows the list again when %j is nothing on it', (said) => {
    const again = answer(at(), text(said), shop());
    expect(again.state).toEqual(at());
    expect(wordsOf(again.replies)).toMatch(/^Sorry, I did not understand that\./);
  });

  it('does not guess when a name fits two products', () => {
    const data = shop({ products: [product({ name: 'Oil 1 l' }), product({ id: 'p2', name: 'Oil 2 l' })] });
    expect(converse(data, text('hi'), text('oil')).state.step).toBe('choosing');
    expect(converse(data, text('hi'), text('oil 2')).state).toEqual({ step: 'quantity', productId: 'p2' });
  });

  it('prefers the whole name to a part of another', () => {
    const data = shop({ products: [product({ name: 'Cooking oil' }), product({ id: 'p2', name: 'Oil' })] });
    expect(converse(data, text('hi'), text('OIL')).state).toEqual({ step: 'quantity', productId: 'p2' });
  });

  it('reads a number by the list that was shown, not by the one of now', () => {
    const state = at();
    const reordered = shop({ products: [OIL, product()] });
    expect(answer(state, text('1'), reordered).state).toEqual({ step: 'quantity', productId: 'p1' });
  });

  it.each([text('1'), tap('product:p1')])('says so when what was picked is gone: %j', (pick) => {
    const next = answer(at(), pick, shop({ products: [OIL] }));
    expect(wordsOf(next.replies)).toMatch(/has just sold out/);
    expect(rowsOf(next.replies).map((row) => row.id)).toEqual(['product:p2']);
  });

  it.each(['more', 'More', 'tap'])('reaches each of thirty products by %s, then begins again', (how) => {
    const data = shop({ products: shelf(30) });
    const more = how === 'tap' ? tap('products:more') : text(how);
    let last = converse(data, text('hi'));
    const seen: string[] = [];
    for (let page = 1; page <= 4; page += 1) {
      const rows = rowsOf(last.replies);
      expect(rows.length).toBeLessThanOrEqual(10);
      expect(rows.at(-1)).toEqual({ id: 'products:more', title: 'More', description: `Page ${page} of 4` });
      seen.push(...rows.slice(0, -1).map((row) => row.id));
      last = answer(last.state, more, data);
    }
    expect(seen).toEqual(data.products.map((each) => `product:${each.id}`));
    expect(rowsOf(last.replies)[0]!.id).toBe('product:p0');
  });

  it('takes the number of "More" for more', () => {
    const next = converse(shop({ products: shelf(30) }), text('hi'), text('10'));
    expect(rowsOf(next.replies)[0]!.id).toBe('product:p9');
    expect(rowsOf(answer(next.state, text('1'), shop({ products: shelf(30) })).replies)).toEqual([]);
  });

  it('has no "More" where everything fits', () => {
    expect(rowsOf(converse(shop({ products: shelf(9) }), text('hi')).replies)).toHaveLength(9);
    expect(rowsOf(converse(shop({ products: shelf(10) }), text('hi')).replies)).toHaveLength(10);
  });

  it('goes on when the list has shrunk in the meantime', () => {
    const third = converse(shop({ products: shelf(30) }), text('hi'), text('more'), text('more'));
    expect(rowsOf(answer(third.state, text('more'), shop({ products: shelf(3) })).replies)).toHaveLength(3);
  });
});

describe('a row of an older list', () => {
  it.each(byStep)('may still be tapped in the state %s', (_, state) => {
    expect(answer(state, tap('product:p2'), shop()).state).toEqual({ step: 'quantity', productId: 'p2' });
  });
});

describe('the quantity', () => {
  const at: ConversationState = { step: 'quantity', productId: 'p2' };

  it.each(['0', '-1', '1.5', 'two', '', '2 bottles', '999999'])('is asked again after %j, with an example', (said) => {
    const again = answer(at, text(said), shop());
    expect(again.state).toEqual(at);
    expect(wordsOf(again.replies)).toMatch(/Please write a number, for example 2/);
  });

  it.each(['3', '99999'])('cannot be %s when two are left, and says how many there are', (said) => {
    const again = answer(at, text(said), shop());
    expect(again.state).toEqual(at);
    expect(wordsOf(again.replies)).toMatch(/Only 2 left/);
  });

  it('may be all that is left', () => {
    expect(answer(at, text('2'), shop()).state).toEqual({ step: 'address', productId: 'p2', quantity: 2 });
  });

  it.each([
    [1, ['1']],
    [2, ['1', '2']],
    [100, ['1', '2', '3']],
  ])('has buttons for no more than the %d that are left', (available, titles) => {
    const asked = converse(shop({ products: [product({ available })] }), text('hi'), text('1'));
    expect(buttonsOf(asked.replies).map((button) => button.title)).toEqual(titles);
  });

  /* An order takes at most 10,000 of a product (PlaceOrderBody), and its total must be an exact integer. */
  it('is no more than an order may hold', () => {
    const plenty = shop({ products: [product({ available: 1_000_000 })] });
    const state: ConversationState = { step: 'quantity', productId: 'p1' };
    expect(answer(state, text('10000'), plenty).state.step).toBe('address');
    const tooMany = answer(state, text('10001'), plenty);
    expect(tooMany.state).toEqual(state);
    expect(wordsOf(tooMany.replies)).toMatch(/at most 10000/i);
  });

  it('never makes a total that cannot be counted', () => {
    const dear = shop({ products: [product({ available: 1_000_000, price: { amount: 1e12, currency: 'USD' } })] });
    const asked = converse(dear, text('hi'), text('1'), text('9999'));
    expect(asked.state.step).toBe('quantity');
    expect(wordsOf(asked.replies)).toMatch(/at most 9007/i);
    expect(converse(dear, text('hi'), text('1'), text('9007'), text('Street 1'), text('yes')).order?.quantity).toBe(9007);
  });

  it.each(['quantity', 'address', 'phone', 'confirm'])('of what is gone leads back to the list from %s', (step) => {
    const state = { ...STATES.find((each) => each.step === step)!, productId: 'gone' } as ConversationState;
    const next = answer(state, text(step === 'phone' ? '+263771234567' : '5 Street'), shop());
    expect(next.phone).toBeUndefined();
    expect(next.state.step).toBe('choosing');
    expect(wordsOf(next.replies)).toMatch(/has just sold out/);
  });
});

describe('the address', () => {
  const at: ConversationState = { step: 'address', productId: 'p1', quantity: 1 };

  it.each([text('x'), text('  '), tap('quantity:1'), { type: 'image', image: { caption: 'Street 1' } } as const])(
    'is asked again after %j',
    (said) => {
      const again = answer(at, said, shop());
      expect(again.state).toEqual(at);
      expect(wordsOf(again.replies)).toMatch(/street and a house number/);
    },
  );

  it('is cut at 500 characters, never in the middle of one', () => {
    for (const long of ['🏠'.repeat(400), `x${'🏠'.repeat(400)}`]) {
      for (const said of [text(long), location({ address: long })]) {
        const { state } = answer(at, said, shop());
        const { address } = (state as ConversationState & { step: 'confirm' }).delivery;
        expect(address!.length).toBeGreaterThan(490);
        expect(address!.length).toBeLessThanOrEqual(500);
        expect(address).not.toMatch(/\p{Surrogate}/u);
      }
    }
  });
});

describe('marketing', () => {
  it.each(byStep)('STOP in the state %s ends what was being ordered and is answered once; START goes on', (_, state) => {
    const out = answer(state, text('STOP'), shop(), 'out');
    expect(out.state).toEqual(IDLE);
    expect(out.replies).toHaveLength(1);
    expect(wordsOf(out.replies)).toMatch(/no more offers.*Write START/);
    const back = answer(state, text('START'), shop(), 'in');
    expect(back.state).toEqual(state);
    expect(wordsOf(back.replies)).toMatch(/Welcome back.*offers again/);
    expect(refusals([...out.replies, ...back.replies])).toEqual([]);
  });

  it.each(['cancel', ' Cancel\n', 'CANCEL'])(
    '%j opts out where nothing is being ordered, and is the end of the order where it is',
    (said) => {
      const nothing = answer(IDLE, text(said), shop());
      expect(nothing).toMatchObject({ state: IDLE, optedOut: true });
      expect(wordsOf(nothing.replies)).toMatch(/no more offers/);
      const browsing = answer(converse(shop(), text('hi')).state, text(said), shop());
      expect(browsing.optedOut).toBeUndefined();
      expect(wordsOf(browsing.replies)).toMatch(/Nothing was ordered/);
      expect(answer(browsing.state, text(said), shop()).optedOut).toBe(true);
    },
  );
});

describe('a customer whose number is hidden', () => {
  const hidden = shop({ phoneMissing: true });
  const upTo = [text('hi'), text('2'), text('1'), text('Street 1')];
  const asked = converse(hidden, ...upTo);

  it('is asked for one before the order is shown, and not again', () => {
    expect(asked.state).toEqual({ step: 'phone', ...order(1, { address: 'Street 1' }) });
    expect(wordsOf(asked.replies)).toMatch(/Which number may the driver call\?.*country code/);
    const given = answer(asked.state, text(' +263 77 123-4567 '), hidden);
    expect(given.phone).toBe('+263771234567');
    expect(given.state).toEqual({ step: 'confirm', ...order(1, { address: 'Street 1' }) });
    expect(wordsOf(given.replies)).toMatch(/1 × Cooking oil.*Is that right/s);
    // From now on it is known.
    const done = answer(given.state, text('yes'), shop());
    expect(done).toEqual({ state: IDLE, replies: [], order: order(1, { address: 'Street 1' }) });
  });

  it.each(['+263771234567', '263771234567', '+44 20 7946 0958'])('may write it as %s', (said) => {
    expect(answer(asked.state, text(said), hidden).phone).toMatch(/^\+\d+$/);
  });

  it('may share a contact', () => {
    const shared: InboundContent = { type: 'contacts', contacts: [{ name: 'Me', phones: ['+263771234567', '+263771234568'] }] };
    expect(answer(asked.state, shared, hidden).phone).toBe('+263771234567');
  });

  it.each([
    text('0771234567'),
    text('12'),
    text('my number'),
    text(''),
    { type: 'contacts', contacts: [{ name: 'Me', phones: [] }] },
    { type: 'contacts', contacts: [] },
    location(),
  ] as InboundContent[])('is asked again after %j', (said) => {
    const again = answer(asked.state, said, hidden);
    expect(again.state).toEqual(asked.state);
    expect(again.phone).toBeUndefined();
    expect(wordsOf(again.replies)).toMatch(/not a phone number that can be called/);
  });

  it('cannot confirm an order without one', () => {
    const state: ConversationState = { step: 'confirm', ...order(1, { address: 'Street 1' }) };
    for (const yes of [text('yes'), tap('order:confirm')]) {
      const next = answer(state, yes, hidden);
      expect(next.order).toBeUndefined();
      expect(next.state).toEqual(asked.state);
    }
  });

  it('is nobody whose number we know', () => {
    expect(converse(shop(), ...upTo).state.step).toBe('confirm');
  });
});

describe('texts', () => {
  it('clip never cuts an emoji in half, and never makes a text longer than asked for', () => {
    const long = fc.string({ unit: fc.constantFrom('a', ' ', '🌽', '👨‍👩‍👧', 'é', '\u{1F1FF}\u{1F1FC}', '…') });
    fc.assert(
      fc.property(long, fc.integer({ min: 1, max: 30 }), (whole, length) => {
        const cut = clip(whole, length);
        expect(cut).not.toMatch(/\p{Surrogate}/u);
        expect(cut.length).toBeLessThanOrEqual(length);
        expect(cut === whole || cut.endsWith('…')).toBe(true);
      }),
    );
  });

  const names = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.constantFrom(
      '🌽'.repeat(100),
      `x${'🌽'.repeat(99)}`,
      '👨‍👩‍👧‍👦'.repeat(18),
      'x'.repeat(200),
      ' a',
      'مرحبا '.repeat(30),
      'W'.repeat(23) + '🌽🌽',
    ),
  );
  const money = fc.record({ amount: fc.nat(1e12), currency: fc.constantFrom('USD', 'JPY', 'KWD', 'ZWG') });

  it("always fit WhatsApp's limits, whatever shop, product and address are called", () => {
    const products = fc.uniqueArray(
      fc.record({
        id: fc.uuid(),
        name: names,
        description: fc.option(
          fc.oneof(
            names,
            names.map((n) => n.repeat(10)),
          ),
          { nil: undefined },
        ),
        price: money,
        available: fc.integer({ min: 1, max: 1e9 }),
      }),
      { minLength: 1, maxLength: 12, selector: (each) => each.id },
    );
    fc.assert(
      fc.property(products, names, fc.constantFrom('en', 'de-DE', 'ar', 'en_US'), names, (all, name, locale, street) => {
        const data: MerchantData = { name, locale, products: all };
        let state: ConversationState = IDLE;
        for (const said of [text('hi'), text('1'), text('oops'), text('1'), text('x'), text(`${street} 12`), text('what?')]) {
          const next = answer(state, said, data);
          expect(refusals(next.replies)).toEqual([]);
          state = next.state;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('show prices in the way of the merchant', () => {
    expect(JSON.stringify(converse(shop({ locale: 'de-DE' }), text('hi')).replies)).toMatch(/12,50\s\$/);
    expect(JSON.stringify(converse(shop({ locale: 'en_US' }), text('hi')).replies)).toContain('$12.50');
  });
});

describe('random walks', () => {
  const said = fc.oneof(
    fc.constantFrom(...INPUTS),
    fc.constantFrom(...['1', '2', '3', '10', '25', 'yes', 'more', 'Thing 3', 'Street 1', '100'].map(text)),
    fc.nat(29).map((index) => tap(`product:p${index}`)),
    fc.integer({ min: 1, max: 3 }).map((count) => tap(`quantity:${count}`)),
    fc.constantFrom(tap('order:confirm'), tap('products:more')),
    fc.string({ unit: 'grapheme', maxLength: 30 }).map(text),
  );
  /** Asked only for what the last state led to, so that a walk gets somewhere. */
  const useful: Record<ConversationState['step'], InboundContent[]> = {
    idle: [text('hi')],
    choosing: [text('1'), text('2'), tap('products:more')],
    quantity: [text('1'), tap('quantity:1'), text('4'), text('11')],
    address: [text('Street 1'), location()],
    phone: [text('+263771234567'), text('no number')],
    confirm: [text('yes'), tap('order:confirm'), text('no')],
  };
  const steps = fc.array(fc.record({ said, helpful: fc.boolean(), which: fc.nat(3) }), {
    minLength: 1_000,
    maxLength: 1_000,
    size: 'max',
  });

  it('of 1,000 steps never throw, are never silent, and order only what is offered', () => {
    const data = shop({ products: shelf(30).map((each, index) => ({ ...each, available: 1 + (index % 12) })) });
    const offered = new Map(data.products.map((each) => [each.id, each.available]));
    let orders = 0;
    fc.assert(
      fc.property(steps, (walk) => {
        let state: ConversationState = IDLE;
        for (const step of walk) {
          const choices = useful[state.step];
          const next: Answer = answer(state, step.helpful ? choices[step.which % choices.length]! : step.said, data);
          const problems = refusals(next.replies);
          if (next.replies.length === 0 && !next.order) problems.push('silent');
          if (next.order) {
            orders += 1;
            const { productId, quantity, delivery } = next.order;
            const available = offered.get(productId) ?? 0;
            if (!Number.isInteger(quantity) || quantity < 1 || quantity > available) problems.push(`${quantity} of ${available}`);
            if (!delivery.address && !delivery.location) problems.push('an order to nowhere');
            if (next.state !== IDLE) problems.push('an order that goes on');
          }
          expect(problems).toEqual([]);
          // As it is stored and read again.
          state = JSON.parse(JSON.stringify(next.state)) as ConversationState;
        }
      }),
      { numRuns: 5, endOnFailure: true },
    );
    expect(orders).toBeGreaterThan(50);
  });

  it('through a shop whose stock changes all the time never order more than was offered for the choice', () => {
    const full = shelf(12);
    const stock = fc.array(fc.nat(5), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(said, fc.boolean(), fc.nat(3), stock), { minLength: 200, maxLength: 200, size: 'max' }),
        (walk) => {
          let state: ConversationState = IDLE;
          let mostOffered = 0;
          for (const [wild, helpful, which, left] of walk) {
            const products = full
              .map((each, index) => ({ ...each, available: left[index]! }))
              .filter((each) => each.available > 0);
            const choices = useful[state.step];
            const asked = state;
            const next: Answer = answer(state, helpful ? choices[which % choices.length]! : wild, shop({ products }));
            const problems = refusals(next.replies);
            if (next.replies.length === 0 && !next.order) problems.push('silent');
            if (asked.step === 'quantity' && next.state.step === 'address')
              mostOffered = products.find((each) => each.id === asked.productId)!.available;
            if (next.order && (next.order.quantity < 1 || next.order.quantity > mostOffered)) problems.push('too many');
            expect(problems).toEqual([]);
            state = next.state;
          }
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });
});
