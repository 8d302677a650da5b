import { formatMoney } from '@soko/common';
import type { ListRow, OutboundContent } from '@soko/contracts';
import type { OfferedProduct } from './offered-product.js';

/* What the bot says. Limits (title 24, button 20, body 1024) are WhatsApp's. */

export const MORE = 'More';
export const GONE = 'That product has just sold out.';
export const NOT_UNDERSTOOD = 'Sorry, I did not understand that.';
export const NUMBER_PLEASE = 'Please write a number, for example 2.';
export const ADDRESS_PLEASE = 'Please write a street and a house number, or share your location.';
export const PHONE_PLEASE = 'That is not a phone number that can be called.';
export const SHARED_LOCATION = 'the location you shared';

/** `text`, cut to `length` with an ellipsis. */
export const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${cut(text, length - 1).trimEnd()}…`;

/** The beginning of `text`, never ending in half a character: half an emoji is nothing that jsonb or WhatsApp would take. */
export const cut = (text: string, length: number): string => text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');

export const welcome = (merchant: string): string => `Welcome to ${merchant}!`;
export const pageOf = (page: number, pages: number): string => `Page ${page} of ${pages}`;
export const onlyLeft = (count: number): string => `Only ${count} left.`;
export const atMost = (count: number): string => `At most ${count} in one order, please.`;

const text = (body: string): OutboundContent => ({ type: 'text', text: { body } });
const lines = (...parts: (string | undefined)[]): string => clip(parts.filter(Boolean).join('\n\n'), 1024);

export const cancelled = (): OutboundContent => text('Nothing was ordered. Write "menu" to start again.');
export const nothingToSell = (merchant: string): OutboundContent =>
  text(`${merchant} has nothing to sell right now. Please come back later.`);

export const products = (rows: ListRow[], intro?: string): OutboundContent => ({
  type: 'list',
  list: {
    body: lines(intro, 'What would you like to order? Tap the button, or write the number or the name.'),
    button: 'See products',
    sections: [{ rows }],
  },
});

export const picture = (mediaId: string, name: string): OutboundContent => ({
  type: 'media',
  media: { mediaId, caption: clip(name, 1024) },
});

export const askQuantity = (product: OfferedProduct, locale: string, hint?: string): OutboundContent => ({
  type: 'buttons',
  buttons: {
    body: lines(hint, `${product.name}, ${formatMoney(product.price, locale)} each. How many? Tap, or write a number.`),
    buttons: [1, 2, 3].slice(0, product.available).map((count) => ({ id: `quantity:${count}`, title: String(count) })),
  },
});

export const askAddress = (hint?: string): OutboundContent =>
  text(lines(hint, 'Where shall we deliver? Write the address, or share your location.'));

export const askPhone = (hint?: string): OutboundContent =>
  text(lines(hint, 'Which number may the driver call? Write it with its country code, for example +263771234567.'));

/** What a customer who wrote STOP, or START, is told, once. */
export const optedOut = (): OutboundContent =>
  text('You will get no more offers from us. What you order still reaches you. Write START to hear of offers again.');
export const optedIn = (): OutboundContent => text('Welcome back! You will hear of our offers again. Write "menu" to order.');

export const askConfirmation = (count: number, name: string, total: string, where: string): OutboundContent => ({
  type: 'buttons',
  buttons: {
    header: 'Your order',
    body: lines(`${count} × ${name}`, `Total: ${total}, cash on delivery`, `Delivery to: ${where}`, 'Is that right?'),
    buttons: [
      { id: 'order:confirm', title: 'Confirm' },
      { id: 'order:cancel', title: 'Cancel' },
    ],
  },
});

export const placed = (number: number): OutboundContent => text(`Thank you! We are checking your order #${number}.`);
export const soldOut = (): OutboundContent =>
  text('Sorry, that product is no longer sold. Write "menu" to choose something else.');
