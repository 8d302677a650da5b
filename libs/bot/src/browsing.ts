import type { ListRow, ListSection, OutboundContent } from '@soko/contracts';
import { categoriesOf, onShelf, pageOf, search } from './catalogue-view.js';
import { IDLE, type In, type Shelf } from './conversation-state.js';
import { doing } from './input.js';
import * as say from './say.js';
import type { OfferedProduct } from './offered-product.js';
import { type Part, picked, type Turn } from './turn.js';

/** Where everything begins: the categories, or all products where there is one category at most. */
export function menu(turn: Turn, intro?: string): Part {
  const { data, speak } = turn;
  if (data.products.length === 0) {
    const sorry = [intro, speak.say('nothingToSell', { shop: data.name })];
    return { state: IDLE, replies: [say.buttons([{ id: doing('help'), title: speak.say('help') }], sorry)] };
  }
  return categoriesOf(data.products, speak.language).length > 0 ? categories(turn, 0, intro) : shelf(turn, {}, 0, intro);
}

function categories(turn: Turn, page: number, intro?: string): Part {
  const { data, speak } = turn;
  const all = categoriesOf(data.products, speak.language);
  if (all.length === 0) return menu(turn, intro);
  const { at, pages, shown } = pageOf(all, page);
  const rows = shown.map((name) => {
    const examples = onShelf(data.products, { category: name }).map((product) => product.name);
    return say.row(`category:${name}`, name.trim() || speak.say('others'), examples.join(', '));
  });
  const { options, reply } = listed(turn, { rows, title: speak.say('categories'), at, pages }, intro);
  return { state: { step: 'categories', page: at, options }, replies: [reply] };
}

/** A page of a shelf; the menu where the shelf is empty by now. */
export function shelf(turn: Turn, from: Shelf, page: number, intro?: string): Part {
  const { data, speak } = turn;
  const products = onShelf(data.products, from);
  if (products.length === 0) return menu(turn, intro);
  const { at, pages, shown } = pageOf(products, page);
  const rows = shown.map((product) =>
    say.row(`product:${product.id}`, product.name, [speak.money(product.price), product.description].filter(Boolean).join(' · ')),
  );
  const title = from.category?.trim() || speak.say('products');
  const { options, reply } = listed(turn, { rows, title, at, pages }, intro);
  return { state: { step: 'choosing', page: at, options, ...from }, replies: [reply] };
}

interface PageRows {
  rows: ListRow[];
  title: string;
  at: number;
  pages: number;
}

function listed(
  { speak }: Turn,
  { rows, title, at, pages }: PageRows,
  intro?: string,
): { options: string[]; reply: OutboundContent } {
  const more = pages > 1 ? [say.row(doing('more'), speak.say('more'), speak.say('page', { page: at + 1, pages }))] : [];
  const rest = [...more, say.row(doing('help'), speak.say('help'), speak.say('helpMore'))];
  const sections: ListSection[] = [
    { title, rows },
    { title: speak.say('else'), rows: rest },
  ];
  return {
    options: [...rows, ...rest].map(({ id }) => id),
    reply: say.list(speak.say('seeProducts'), sections, [intro, speak.say('choose')]),
  };
}

/** Shows a page again, for example because what was said is nothing on it. */
export const browseAgain = (turn: Turn, state: In<'categories' | 'choosing'>, intro?: string): Part =>
  state.step === 'categories' ? categories(turn, state.page, intro) : shelf(turn, shelfOf(state), state.page, intro);

/** What was said while a list was shown; nothing where it means nothing. */
export function browse(turn: Turn, state: In<'categories' | 'choosing'>): Part | undefined {
  const { heard } = turn;
  const said = picked(heard, state.options);
  if (said === doing('more') || heard.intent === 'more') {
    return state.step === 'categories' ? categories(turn, state.page + 1) : shelf(turn, shelfOf(state), state.page + 1);
  }
  return said === undefined ? find(turn) : choose(turn, said);
}

/** A row of a list, be it an old one: lists stay on the phone, and may be tapped at any time. */
export function choose(turn: Turn, id: string): Part | undefined {
  const { data, speak } = turn;
  if (id.startsWith('category:')) return shelf(turn, { category: id.slice('category:'.length) }, 0);
  if (!id.startsWith('product:')) return undefined;
  const product = data.products.find((each) => `product:${each.id}` === id);
  return product ? offer(turn, product) : menu(turn, speak.say('gone'));
}

/** What the words stand for: one product is offered at once, several are listed. */
export function find(turn: Turn, intro?: string): Part | undefined {
  const { data, heard, speak } = turn;
  const found = search(data.products, heard.words);
  if (found.length === 0) return undefined;
  if (found.length === 1) return offer(turn, found[0]!, intro);
  const words = say.clip(heard.words, 60);
  return shelf(turn, { words }, 0, [intro, speak.say('found', { words })].filter(Boolean).join('\n\n'));
}

function offer(turn: Turn, product: OfferedProduct, intro?: string): Part {
  const shown = product.pictureId ? [say.picture(product.pictureId, product.name)] : [];
  return {
    state: { step: 'quantity', productId: product.id },
    replies: [...shown, askQuantity(turn, product, intro)],
  };
}

/** @param most what can be had, where more was asked for: then it is what is offered. */
export function askQuantity({ speak }: Turn, product: OfferedProduct, hint?: string, most?: number): OutboundContent {
  const counts = most === undefined ? [1, 2, 3].filter((count) => count <= product.available) : [most];
  const question = speak.say('askQuantity', { product: product.name, price: speak.money(product.price) });
  return say.buttons(
    counts.map((count) => ({ id: `quantity:${count}`, title: String(count) })),
    [hint, question],
  );
}

const shelfOf = (state: In<'categories' | 'choosing'>): Shelf => {
  if (state.step === 'categories') return {};
  const { category, words } = state;
  return { ...(category === undefined ? {} : { category }), ...(words === undefined ? {} : { words }) };
};
