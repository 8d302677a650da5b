import { type Money, multiply, sum } from '@soko/common';
import type { OfferedProduct } from './offered-product.js';

/** What a customer has put into the cart. It has no price: what is shown and ordered is today's. */
export interface CartLine {
  productId: string;
  /** For the day when it is no longer sold. */
  name: string;
  quantity: number;
}

/** Different products in a cart. */
export const MOST_LINES = 50;
/** What an order takes of one product. */
const MOST = 10_000;

/** A line whose product can be had. */
export interface PricedLine {
  product: OfferedProduct;
  quantity: number;
}
/** What became of a line since it was put in. */
export interface Change {
  name: string;
  /** What is left of it in the cart; 0 when it is gone. */
  left: number;
}

export interface Settled {
  lines: PricedLine[];
  changes: Change[];
}

/** The cart as it can be had now: without what is gone, with what is left of the rest. */
export function settle(cart: readonly CartLine[], products: readonly OfferedProduct[]): Settled {
  const lines: PricedLine[] = [];
  const changes: Change[] = [];
  for (const { productId, name, quantity } of cart.slice(0, MOST_LINES)) {
    const product = products.find(({ id }) => id === productId);
    const left = product ? Math.min(quantity, mostOf(product, lines)) : 0;
    if (left !== quantity) changes.push({ name: product?.name ?? name, left });
    if (product && left > 0) lines.push({ product, quantity: left });
  }
  return { lines, changes };
}

/** How many of a product may be in an order beside `others`: what is left, what an order takes, and what keeps its total an exact integer. */
export function mostOf(product: OfferedProduct, others: readonly PricedLine[]): number {
  const room = Number.MAX_SAFE_INTEGER - totalOf(others, product.price.currency).amount;
  return Math.min(product.available, MOST, Math.floor(room / Math.max(1, product.price.amount)));
}

/** The lines with so many of the product: none takes it out. */
export function withQuantity(lines: readonly PricedLine[], product: OfferedProduct, quantity: number): PricedLine[] {
  const line = { product, quantity };
  const known = lines.some((each) => each.product.id === product.id);
  const all = known ? lines.map((each) => (each.product.id === product.id ? line : each)) : [...lines, line];
  return all.filter((each) => each.quantity > 0);
}

export const others = (lines: readonly PricedLine[], productId: string): PricedLine[] =>
  lines.filter(({ product }) => product.id !== productId);
export const quantityOf = (lines: readonly PricedLine[], productId: string): number =>
  lines.find(({ product }) => product.id === productId)?.quantity ?? 0;

export const amountOf = ({ product, quantity }: PricedLine): Money => multiply(product.price, quantity);
export const totalOf = (lines: readonly PricedLine[], currency = lines[0]?.product.price.currency ?? ''): Money =>
  sum(lines.map(amountOf), currency);

/** As it is kept. */
export const kept = (lines: readonly PricedLine[]): CartLine[] =>
  lines.map(({ product: { id, name }, quantity }) => ({ productId: id, name, quantity }));
