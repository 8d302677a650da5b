import type { OutboundContent } from '@soko/contracts';
import { pageOf, search } from './catalogue-view.js';
import { plain } from './input.js';
import * as say from './say.js';
import { helpButton, moreRow } from './staff-orders.js';
import { READY, type StaffState } from './staff-state.js';
import { runsShop, type StaffPart, type StaffSpeaker, type StaffTurn, type StockedProduct } from './staff-turn.js';
import { changeIn, tapOn } from './staff-words.js';

/** "stock", "stock maize", "stock MAIZE-10 +12 new delivery". */
export function stock(turn: StaffTurn, said: string): StaffPart {
  const change = changeIn(said);
  const words = change ? change.what : said;
  if (!words) return list(turn, 0);
  const found = meant(turn, words);
  if (found.length === 0)
    return {
      state: READY,
      replies: [say.buttons([helpButton(turn.speak)], [turn.speak.say('noProduct', { words: say.clip(words, 60) })])],
    };
  // What is to be changed must be told apart from all else.
  if (found.length > 1) return list(turn, 0, words);
  return change ? adjust(turn, found[0]!, change) : show(turn, found[0]!);
}

/** A tapped product, its code, or words of its name. */
function meant({ data }: StaffTurn, words: string): StockedProduct[] {
  const exact = data.products.filter(({ id, sku }) => id === words || plain(sku) === plain(words));
  return exact.length > 0 ? exact : search(data.products, words);
}

/** A page of all products, or of those that are called so: what runs out comes first. */
export function list(turn: StaffTurn, page: number, words?: string): StaffPart {
  const { data, speak } = turn;
  const all = words === undefined ? data.products : meant(turn, words);
  if (all.length === 0) return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('noProducts')])] };
  const { at, pages, shown } = pageOf(all, page);
  const rows = [
    ...shown.map((product) => say.row(tapOn('stock', product.id), product.name, unitsOf(speak, product))),
    ...moreRow(speak, at, pages),
    say.row(tapOn('help'), speak.say('help')),
  ];
  return {
    state: { step: 'stock', page: at, ...(words === undefined ? {} : { words }) },
    replies: [say.list(speak.say('show'), [{ rows }], [speak.say(words === undefined ? 'stock' : 'whichProduct')])],
  };
}

function show({ speak }: StaffTurn, product: StockedProduct): StaffPart {
  return { state: { step: 'product', productId: product.id }, replies: [productCard(speak, product)] };
}

const productCard = (speak: StaffSpeaker, product: StockedProduct): OutboundContent =>
  say.buttons(
    [{ id: tapOn('stock'), title: speak.say('stock') }, helpButton(speak)],
    [`${say.clip(product.name, 200)} (${product.sku})\n${unitsOf(speak, product)}`, speak.say('changeIt')],
  );

export const unitsOf = (speak: StaffSpeaker, { stock: units, available }: Pick<StockedProduct, 'stock' | 'available'>): string =>
  speak.say('inStock', { stock: units, free: available });

/** "+12 new delivery" to a product that was shown; nothing where none was, or something else is said. */
export function inStep(turn: StaffTurn, state: StaffState): StaffPart | undefined {
  if (state.step !== 'product' || turn.want || !runsShop(turn.data)) return undefined;
  const change = changeIn(turn.heard.words);
  const product = turn.data.products.find(({ id }) => id === state.productId);
  return change && !change.what && product ? adjust(turn, product, change) : undefined;
}

function adjust({ speak }: StaffTurn, product: StockedProduct, { delta, reason }: { delta: number; reason: string }): StaffPart {
  return {
    state: { step: 'product', productId: product.id },
    replies: [],
    commands: [
      {
        do: 'adjust-stock',
        productId: product.id,
        name: product.name,
        delta,
        reason: say.cut(reason, 200) || speak.say('byWhatsapp'),
      },
    ],
  };
}
