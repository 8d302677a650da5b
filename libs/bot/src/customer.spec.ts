import type { InboundContent } from '@soko/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IDLE } from './conversation-state.js';
import {
  buttonsOf,
  converse,
  location,
  next,
  OIL,
  pastOrder,
  product,
  productsOf,
  refusals,
  rowsOf,
  shelf,
  shop,
  STATES,
  tap,
  text,
  wordsOf,
} from './customer.fixture.js';
import { answer } from './customer.js';
import type { MerchantData } from './turn.js';

const cart = (...lines: [string, number][]) => lines.map(([productId, quantity]) => ({ productId, name: productId, quantity }));
const order = (quantity: number, delivery: object) => ({
  do: 'place-order',
  items: [{ productId: 'p2', quantity }],
  delivery,
  payment: 'cash_on_delivery',
});
const shared = (...phones: string[]): InboundContent => ({ type: 'contacts', contacts: [{ name: 'Me', phones }] });
/** Oil into the cart, up to the question for the address. */
const UP_TO_ADDRESS = [text('hi'), tap('product:p2'), text('1'), tap('do:checkout')];

describe('the happy path', () => {
  it('goes by taps', () => {
    const menu = converse(shop(), text('Hi'));
    expect(wordsOf(menu.replies)).toMatch(/^Welcome to Mbare Market!/);
    expect(rowsOf(menu.replies)).toEqual([
      { id: 'product:p1', title: 'Maize meal 10 kg', description: '$12.50' },
      { id: 'product:p2', title: 'Cooking oil', description: '$12.50 · 2 litres' },
      { id: 'do:help', title: 'Orders and help', description: expect.any(String) },
    ]);
    const chosen = next(menu, tap('product:p2'));
    expect(wordsOf(chosen.replies)).toMatch(/Cooking oil, \$12\.50 each\. How many\?/);
    expect(buttonsOf(chosen.replies).map(({ id }) => id)).toEqual(['quantity:1', 'quantity:2']);
    const counted = next(chosen, tap('quantity:2'));
    expect(wordsOf(counted.replies)).toMatch(/Your cart.*2 × Cooking oil, \$25\.00.*Total: \$25\.00/s);
    expect(buttonsOf(counted.replies).map(({ title }) => title)).toEqual(['Checkout', 'Add more', 'Change']);
    const asked = next(counted, tap('do:checkout'));
    expect(wordsOf(asked.replies)).toMatch(/Where shall we deliver/);
    const shown = next(asked, text(' 12 Samora Machel Ave '));
    expect(wordsOf(shown.replies)).toMatch(
      /2 × Cooking oil.*Total: \$25\.00, cash on delivery.*12 Samora Machel Ave.*Is that right/s,
    );
    const done = next(shown, tap('order:confirm'));
    expect(done).toMatchObject({ state: IDLE, replies: [], commands: [order(2, { address: '12 Samora Machel Ave' })] });
    // A second tap finds no cart.
    expect(next(done, tap('order:confirm')).commands).toEqual([]);
  });

  it.each(['yes', 'Y', 'OK', 'okay', 'Confirm!', '1', 'oui', 'نعم', 'confrim'])(
    'goes by numbers, and is confirmed by %j',
    (yes) => {
      const done = converse(shop(), ...['hello', '2', '1', '1', 'Street 1', yes].map(text));
      expect(done.commands).toContainEqual(order(1, { address: 'Street 1' }));
    },
  );

  it('shows what was chosen, where there is a picture of it', () => {
    const mediaId = '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071';
    const chosen = converse(shop({ products: [product({ pictureId: mediaId }), OIL] }), text('hi'), text('1'));
    expect(chosen.replies[0]).toEqual({ type: 'media', media: { mediaId, caption: 'Maize meal 10 kg' } });
    expect(chosen.replies.map(({ type }) => type)).toEqual(['media', 'buttons']);
  });

  it('takes a location for an address, with its own words or without', () => {
    const where = { latitude: -17.8, longitude: 31.05 };
    const bare = converse(shop(), ...UP_TO_ADDRESS, location());
    expect(wordsOf(bare.replies)).toContain('the location you shared');
    expect(next(bare, text('yes')).commands).toEqual([order(1, { location: where })]);
    const named = converse(shop(), ...UP_TO_ADDRESS, location({ name: 'Market', address: 'Street 1' }), text('yes'));
    expect(named.commands).toEqual([order(1, { location: where, address: 'Street 1' })]);
  });

  it.each(['no', 'N', '2', 'cancel', 'annuler'])('ends without an order and with an empty cart on %j', (no) => {
    const done = converse(shop(), ...UP_TO_ADDRESS, text('Street 1'), text(no));
    expect(done).toMatchObject({ state: IDLE, data: { cart: [] }, commands: [{ do: 'keep-cart' }] });
    expect(wordsOf(done.replies)).toMatch(/Nothing was ordered|Rien/);
  });

  it('offers last time’s address, and asks how to pay where there is a choice', () => {
    const data = shop({ orders: [pastOrder()], paymentMethods: ['cash_on_delivery', 'transfer'] });
    const asked = converse(data, ...UP_TO_ADDRESS);
    expect(wordsOf(asked.replies)).toContain('Last time it was: 12 Samora Machel Ave');
    for (const same of [tap('address:same'), text('yes'), text('1')]) {
      const paying = next(asked, same);
      expect(buttonsOf(paying.replies).map(({ title }) => title)).toEqual(['Cash on delivery', 'Bank transfer']);
      const done = [text('2'), text('yes')].reduce(next, paying);
      expect(done.commands).toEqual([{ ...order(1, { address: '12 Samora Machel Ave' }), payment: 'transfer' }]);
    }
    expect(next(asked, text('5 Other Street')).state).toEqual({ step: 'payment', delivery: { address: '5 Other Street' } });
  });
});

describe('browsing', () => {
  it('pages through everything and round again, and has no "More" where all fits', () => {
    const data = shop({ products: shelf(30) });
    let talk = converse(data, text('hi'));
    const seen: string[] = [];
    for (const more of [tap('products:more'), text('more'), text('9'), text('plus')]) {
      expect(rowsOf(talk.replies).length).toBeLessThanOrEqual(10);
      seen.push(...productsOf(talk.replies));
      talk = next(talk, more);
    }
    expect(seen).toEqual(data.products.map(({ id }) => `product:${id}`));
    expect(productsOf(talk.replies)[0]).toBe('product:p0');
    expect(rowsOf(converse(shop({ products: shelf(8) }), text('hi')).replies)).toHaveLength(9);
  });

  it('begins with the categories where there are several, those without one last', () => {
    const data = shop({
      products: [product(), { ...OIL, category: 'Groceries' }, product({ id: 'p3', name: 'Soap', category: 'Care' })],
    });
    const menu = converse(data, text('hi'));
    expect(rowsOf(menu.replies).map(({ title }) => title)).toEqual(['Care', 'Groceries', 'Other products', 'Orders and help']);
    expect(productsOf(next(menu, text('2')).replies)).toEqual(['product:p2']);
    expect(productsOf(next(menu, tap('category:')).replies)).toEqual(['product:p1']);
    expect(next(menu, text('soap')).state).toEqual({ step: 'quantity', productId: 'p3' });
    expect(next(next(menu, text('2')), text('back')).state.step).toBe('categories');
  });

  it.each(['Cooking oil', 'COOKING OIL', 'oil', '2.', ' cook ', '٢', 'coking oil', 'I want cooking oil please', 'OIL'])(
    'finds the product by %j',
    (said) => {
      expect(converse(shop(), text('menu'), text(said)).state).toEqual({ step: 'quantity', productId: 'p2' });
    },
  );

  it('lists what several words could mean, and says what was not found', () => {
    const data = shop({ products: [product(), product({ id: 'p3', name: 'Maize seed' }), OIL] });
    const found = converse(data, text('hi'), text('maize'));
    expect(wordsOf(found.replies)).toMatch(/^This is what I found for “maize”/);
    expect(productsOf(found.replies)).toEqual(['product:p1', 'product:p3']);
    expect(wordsOf(next(found, text('bread')).replies)).toMatch(/I found nothing for “bread”/);
    expect(wordsOf(converse(data, text('maize')).replies)).toMatch(/^Welcome to Mbare Market!.*found for “maize”/s);
  });

  it.each(STATES.map((state) => [state.step, state] as const))('takes a row of an older list in the state %s', (_, state) => {
    expect(answer(state, tap('product:p2'), shop()).state).toEqual({ step: 'quantity', productId: 'p2' });
    expect(wordsOf(answer(state, tap('product:gone'), shop()).replies)).toMatch(/has just sold out/);
  });

  it('shows prices in the way of the merchant, or of the language that the customer has chosen', () => {
    expect(JSON.stringify(converse(shop({ locale: 'de-DE' }), text('hi')).replies)).toMatch(/12,50\s\$/);
    expect(JSON.stringify(converse(shop({ locale: 'en_US' }), text('hi')).replies)).toContain('$12.50');
    expect(JSON.stringify(converse(shop({ locale: 'en_US' }), text('bonjour')).replies)).toMatch(/12,50\s\$/);
  });
});

describe('how many', () => {
  const at = converse(shop(), tap('product:p2'));

  it.each(['0', '-1', '1.5', '', '2 bottles', '99999999999999999999'])('is asked again after %j, with an example', (said) => {
    const again = next(at, text(said));
    expect(again.state).toEqual(at.state);
    expect(wordsOf(again.replies)).toMatch(/Please write a number, for example 2/);
  });

  it.each(['3', '99999'])('offers what is left where %s are wanted', (said) => {
    const again = next(at, text(said));
    expect(wordsOf(again.replies)).toMatch(/Only 2 left/);
    expect(buttonsOf(again.replies)).toEqual([{ id: 'quantity:2', title: '2' }]);
    expect(next(again, tap('quantity:2')).data.cart).toMatchObject([{ productId: 'p2', quantity: 2 }]);
  });

  it('counts what is in the cart already', () => {
    const one = converse(shop(), tap('product:p2'), text('1'), tap('product:p2'));
    expect(wordsOf(next(one, text('2')).replies)).toMatch(/Only 1 left/);
    const all = [text('1'), tap('product:p2'), text('1')].reduce(next, one);
    expect(wordsOf(all.replies)).toMatch(/All that we have of Cooking oil is in your cart already/);
    expect(all.data.cart).toMatchObject([{ quantity: 2 }]);
  });

  it('never makes a total that cannot be counted', () => {
    const dear = shop({ products: [product({ available: 1_000_000, price: { amount: 1e12, currency: 'USD' } })] });
    const asked = converse(dear, text('hi'), text('1'), text('9999'));
    expect(wordsOf(asked.replies)).toMatch(/at most 9007/i);
    expect(next(asked, text('9007')).data.cart).toMatchObject([{ quantity: 9007 }]);
    const plenty = shop({ products: [product({ available: 1_000_000 })] });
    expect(wordsOf(converse(plenty, tap('product:p1'), text('10001')).replies)).toMatch(/at most 10000/i);
  });
});

describe('the cart', () => {
  const full = shop({ cart: cart(['p1', 3], ['p2', 1]) });

  it('is changed by line: another number, or none of it', () => {
    const list = converse(full, text('cart'), text('change')) && converse(full, text('cart'), tap('cart:change'));
    expect(rowsOf(list.replies).map(({ title }) => title)).toEqual(['Maize meal 10 kg', 'Cooking oil', 'Empty the cart']);
    const line = next(list, text('1'));
    expect(wordsOf(line.replies)).toMatch(/Maize meal 10 kg: 3 in your cart/);
    expect(buttonsOf(line.replies).map(({ title }) => title)).toEqual(['0', '2', '4']);
    expect(next(line, text('5')).data.cart).toMatchObject([{ productId: 'p1', quantity: 5 }, { productId: 'p2' }]);
    expect(next(line, text('0')).data.cart).toMatchObject([{ productId: 'p2' }]);
    expect(wordsOf(next(line, text('11')).replies)).toMatch(/Only 10 left/);
    expect(next(list, text('3')).data.cart).toEqual([]);
  });

  it('tells once what has gone, and what is left of the rest', () => {
    const talk = converse({ ...full, products: [product({ available: 2 })] }, text('cart'));
    expect(wordsOf(talk.replies)).toMatch(/Only 2 of Maize meal 10 kg left.*p2 has sold out.*Total: \$25\.00/s);
    expect(wordsOf(next(talk, text('cart')).replies)).not.toMatch(/sold out|left/);
  });

  it('is shown again where it, or a price, has changed before it is confirmed', () => {
    const shown = converse(full, text('checkout'), text('Street 1'));
    expect(wordsOf(shown.replies)).toContain('Total: $50.00');
    const fewer = next({ ...shown, data: { ...shown.data, products: [product({ available: 2 }), OIL] } }, text('yes'));
    expect(fewer.commands).not.toContainEqual(expect.objectContaining({ do: 'place-order' }));
    expect(wordsOf(fewer.replies)).toMatch(/Only 2 of Maize meal 10 kg left.*Total: \$37\.50.*Is that right/s);
    expect(next(fewer, text('yes')).commands).toMatchObject([{ items: [{ quantity: 2 }, { quantity: 1 }] }]);
    const dearer = next(
      { ...shown, data: { ...shown.data, products: [product({ price: { amount: 2_000, currency: 'USD' } }), OIL] } },
      text('yes'),
    );
    expect(wordsOf(dearer.replies)).toMatch(/A price has changed.*Total: \$72\.50/s);
  });

  it('holds fifty products', () => {
    const data = shop({ products: shelf(60), cart: cart(...shelf(50).map(({ id }): [string, number] => [id, 1])) });
    const refusedOne = converse(data, tap('product:p55'), text('1'));
    expect(wordsOf(refusedOne.replies)).toMatch(/A cart holds 50 different products/);
    expect(converse(data, tap('product:p3'), text('1')).data.cart[3]).toMatchObject({ quantity: 2 });
    expect(wordsOf(refusedOne.replies)).toMatch(/and 40 more products.*Total: \$625\.00/s);
  });

  it('takes an order of WhatsApp’s own catalogue, as far as there is enough', () => {
    const items = [
      { sku: 'OIL', quantity: 5 },
      { sku: 'MAIZE-10', quantity: 1 },
      { sku: 'LAMP', quantity: 1 },
    ];
    const talk = converse(shop(), { type: 'order', order: { items } });
    expect(talk.data.cart).toMatchObject([
      { productId: 'p2', quantity: 2 },
      { productId: 'p1', quantity: 1 },
    ]);
    expect(wordsOf(talk.replies)).toMatch(/Only 2 of Cooking oil left.*LAMP has sold out/s);
  });
});

describe('beside the shopping', () => {
  const data = shop({ orders: [pastOrder({ status: 'out_for_delivery' }), pastOrder({ number: 6, status: 'rejected' })] });

  it('tells how the orders are doing', () => {
    expect(wordsOf(converse(data, text('status')).replies)).toMatch(/Order #7: out for delivery, \$37\.50.*Order #6: rejected/s);
    expect(wordsOf(converse(shop(), text('my orders')).replies)).toMatch(/You have not ordered anything yet/);
  });

  it('orders the last again, as far as it can be had', () => {
    const talk = converse(data, text('reorder'));
    expect(wordsOf(talk.replies)).toMatch(/Only 2 of Cooking oil left.*Candles has sold out.*Total: \$25\.00/s);
    const done = [tap('do:checkout'), tap('address:same'), text('yes')].reduce(next, talk);
    expect(done.commands).toEqual([order(2, { address: '12 Samora Machel Ave' })]);
  });

  it('has a list of everything, and hands over to a person without losing the cart', () => {
    const help = converse({ ...data, cart: cart(['p1', 1]) }, text('hi'), tap('do:help'));
    expect(rowsOf(help.replies)).toHaveLength(7);
    const person = next(help, text('5'));
    expect(person).toMatchObject({ state: IDLE, commands: [{ do: 'hand-over' }] });
    expect(person.data.cart).toHaveLength(1);
  });

  it('speaks what is chosen from then on, whatever is said', () => {
    const talk = converse(shop(), text('language'), text('2'));
    expect(talk.commands).toEqual([{ do: 'speak', spoken: { code: 'fr', chosen: true } }]);
    expect(wordsOf(talk.replies)).toMatch(/Je parle français/);
    expect(wordsOf(next(talk, text('hello')).replies)).toMatch(/Bienvenue chez/);
    expect(wordsOf(next(talk, text('english')).replies)).toMatch(/I speak English now/);
  });

  it('follows what is spoken until something is chosen', () => {
    const talk = converse(shop({ locale: 'ar' }), text('hello'));
    expect(wordsOf(talk.replies)).toMatch(/^Welcome/);
    const french = next(talk, text('bonjour'));
    expect(wordsOf(french.replies)).toMatch(/^Bienvenue/);
    expect(french.commands).toEqual([{ do: 'speak', spoken: { code: 'fr', chosen: false } }]);
    expect(wordsOf(next(french, text('1')).replies)).toMatch(/Combien/);
    expect(wordsOf(converse(shop({ locale: 'ar' }), text('1')).replies)).toMatch(/مرحبًا بك/);
    // A street may be in any language.
    expect(converse(shop(), ...UP_TO_ADDRESS, text('12 rue de la Paix, le Port')).language).toBe('en');
  });

  it('says that the shop is closed before anything else', () => {
    const away = { opensAt: new Date('2026-11-30T06:00:00Z') };
    const talk = converse(shop({ away }), text('hi'));
    expect(wordsOf(talk.replies)).toMatch(
      /^We are closed right now and open again on Monday.*08:00\.\n\nYou can order all the same.*\nWelcome/s,
    );
  });

  it.each([
    ['image', /picture.*How many/s],
    ['audio', /voice messages.*human.*How many/s],
    ['sticker', /Nice one.*How many/s],
    ['document', /document.*How many/s],
  ])('answers a %s and asks again', (type, words) => {
    const talk = converse(shop(), tap('product:p1'), { type, [type]: { caption: '2' } } as never);
    expect(talk.state).toEqual({ step: 'quantity', productId: 'p1' });
    expect(wordsOf(talk.replies)).toMatch(words);
  });
});

describe('marketing', () => {
  it.each(STATES.map((state) => [state.step, state] as const))(
    'STOP in the state %s ends what was being ordered and is answered once; START goes on',
    (_, state) => {
      const out = answer(state, text('STOP'), shop({ cart: cart(['p1', 1]) }), 'out');
      expect(out).toMatchObject({ state: IDLE, replies: [{ type: 'text' }], commands: [{ do: 'keep-cart', lines: [] }] });
      expect(wordsOf(out.replies)).toMatch(/no more offers.*Write START/);
      const back = answer(state, text('START'), shop(), 'in');
      expect(back.state).toEqual(state);
      expect(wordsOf(back.replies)).toMatch(/Welcome back.*offers again/);
    },
  );

  it.each(['cancel', ' Cancel\n', 'CANCEL'])(
    '%j opts out where nothing is being ordered, and is the end of the order where it is',
    (said) => {
      expect(answer(IDLE, text(said), shop()).commands).toEqual([{ do: 'opt-out' }]);
      expect(answer(IDLE, text(said), shop({ cart: cart(['p1', 1]) })).commands).toEqual([{ do: 'keep-cart', lines: [] }]);
      const browsing = converse(shop(), text('hi'), text(said));
      expect(wordsOf(browsing.replies)).toMatch(/Nothing was ordered/);
      expect(next(browsing, text(said)).commands).toEqual([{ do: 'opt-out' }]);
    },
  );

  it('is also ended in the list of everything', () => {
    expect(converse(shop(), text('help'), tap('do:noOffers')).commands).toEqual([{ do: 'opt-out' }]);
  });
});

describe('a customer whose number is hidden', () => {
  const hidden = shop({ phoneMissing: true });
  const asked = converse(hidden, ...UP_TO_ADDRESS, text('Street 1'));

  it('is asked for one before the order is shown, and not again', () => {
    expect(wordsOf(asked.replies)).toMatch(/Which number may the driver call\?.*country code/);
    for (const said of [text(' +263 77 123-4567 '), shared('+263771234567', '+263771234568')]) {
      const given = next(asked, said);
      expect(given.commands).toEqual([{ do: 'note-phone', phone: '+263771234567' }]);
      expect(given.state.step).toBe('confirm');
      expect(next(given, text('yes')).commands).toEqual([order(1, { address: 'Street 1' })]);
    }
  });

  it.each([text('0771234567'), text('12'), text('my number'), text(''), shared()])('is asked again after %j', (said) => {
    const again = next(asked, said);
    expect(again.state).toEqual(asked.state);
    expect(wordsOf(again.replies)).toMatch(/not a phone number that can be called/);
  });

  it('cannot confirm an order without one', () => {
    const data: MerchantData = { ...hidden, cart: cart(['p2', 1]) };
    const state = { step: 'confirm', delivery: { address: 'Street 1' }, payment: 'cash_on_delivery', total: 1_250 } as const;
    expect(answer(state, text('yes'), data)).toMatchObject({ state: { step: 'phone' }, commands: [] });
  });
});

describe('the address', () => {
  const at = converse(shop(), ...UP_TO_ADDRESS);

  it.each([text('x'), text('  '), text('more'), tap('quantity:1')])('is asked again after %j', (said) => {
    const again = next(at, said);
    expect(again.state).toEqual({ step: 'address' });
    expect(wordsOf(again.replies)).toMatch(/street and a house number/);
  });

  it.each(['Menu Street 12', 'Stopover Road 1', 'cancelled', 'Back Street'])('may have a word of ours in it: %s', (said) => {
    expect(next(at, text(said)).state).toMatchObject({ step: 'confirm', delivery: { address: said } });
  });

  it('is cut at 500 characters, never in the middle of one', () => {
    for (const long of ['🏠'.repeat(400), `x${'🏠'.repeat(400)}`]) {
      for (const said of [text(long), location({ address: long })]) {
        const { address } = (next(at, said).state as { delivery: { address: string } }).delivery;
        expect(address.length).toBeGreaterThan(490);
        expect(address.length).toBeLessThanOrEqual(500);
        expect(address).not.toMatch(/\p{Surrogate}/u);
      }
    }
  });
});

describe('whatever shop, product, category and address are called', () => {
  const names = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }),
    fc.constantFrom(
      '🌽'.repeat(50),
      `x${'🌽'.repeat(49)}`,
      '👨‍👩‍👧‍👦'.repeat(9),
      'x'.repeat(100),
      ' a',
      'مرحبا '.repeat(16),
      'W'.repeat(23) + '🌽🌽',
    ),
  );

  it('WhatsApp takes what is said', () => {
    const products = fc.uniqueArray(
      fc.record({
        id: fc.uuid(),
        name: names,
        description: fc.option(names, { nil: undefined }),
        category: fc.option(names, { nil: undefined }),
        price: fc.record({ amount: fc.nat(1e12), currency: fc.constant('KWD') }),
        available: fc.integer({ min: 1, max: 1e9 }),
      }),
      { minLength: 1, maxLength: 24, selector: ({ id }) => id },
    );
    const words = ['hi', '1', '1', 'oops', '2', '99999', 'cart', '3', '1', 'x', '0', 'reorder', 'checkout', 'x'];
    fc.assert(
      fc.property(products, names, fc.constantFrom('en', 'de-DE', 'ar', 'fr', 'en_US'), names, (all, name, locale, street) => {
        const orders = [
          pastOrder({ lines: all.map(({ id }) => ({ productId: id, name, quantity: 5 })), delivery: { address: street } }),
        ];
        let talk = converse(shop({ name, locale, products: all, orders }), text('hi'));
        for (const said of [...words, `${street} 12`, 'what?', 'language', 'status', 'help'].map(text)) {
          talk = next(talk, said);
          expect(refusals(talk.replies)).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });
});
