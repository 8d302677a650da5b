import type { Shelf } from './conversation-state.js';
import { nearly, plain } from './input.js';
import { STOP_WORDS } from './keywords.js';
import type { OfferedProduct } from './offered-product.js';

/** A list has ten rows: these, "More" and the way to all else. */
export const PER_PAGE = 8;

/** A page of `all`, going round: after the last one comes the first. */
export function pageOf<T>(all: readonly T[], page: number): { at: number; pages: number; shown: T[] } {
  const pages = Math.max(1, Math.ceil(all.length / PER_PAGE));
  const at = page % pages;
  return { at, pages, shown: all.slice(at * PER_PAGE, (at + 1) * PER_PAGE) };
}

/** The categories that something can be bought of, by name; none where everything is of one. */
export function categoriesOf(products: readonly OfferedProduct[], language: string): string[] {
  const names = new Set(products.map(({ category }) => category ?? ''));
  if (names.size < 2) return [];
  return [...names].toSorted((a, b) => Number(a === '') - Number(b === '') || a.localeCompare(b, language));
}

export function onShelf(products: readonly OfferedProduct[], { category, words }: Shelf): OfferedProduct[] {
  if (words !== undefined) return search(products, words);
  return products.filter((product) => category === undefined || (product.category ?? '') === category);
}

/**
 * What is meant by some words: the product of exactly that name, else those that have all of the words in name, category or code,
 * the beginnings of words and typing errors allowed. Nothing when there is no word to look for.
 */
export function search<P extends OfferedProduct>(products: readonly P[], words: string): P[] {
  const said = plain(words);
  const exact = products.filter(({ name }) => plain(name) === said);
  if (exact.length > 0) return exact;
  const wanted = said.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 1 && !STOP_WORDS.has(word));
  if (!wanted.some((word) => word.length > 2)) return [];
  return (
    [
      (has: string, word: string) => has.startsWith(word),
      nearly,
      (has: string, word: string) => word.length > 3 && has.includes(word),
    ]
      .map((matches) => products.filter((product) => wanted.every((word) => wordsOf(product).some((has) => matches(has, word)))))
      .find((found) => found.length > 0) ?? []
  );
}

const wordsOf = ({ name, category, sku }: OfferedProduct): string[] =>
  plain([name, category, sku].filter(Boolean).join(' ')).split(/[^\p{L}\p{N}]+/u);
