// @ts-check
import { optionsOf, partOf } from './conversation.js';
import { photoOf } from './store.js';

/** @typedef {import('./conversation.js').Bubble} Bubble */
/** @typedef {import('./conversation.js').ChatMessage} ChatMessage */
/** @typedef {import('./conversation.js').Content} Content */
/** @typedef {import('./conversation.js').Location} Location */
/** @typedef {import('./conversation.js').Option} Option */
/** @typedef {import('./conversation.js').Order} Order */
/** @typedef {import('./conversation.js').StoredFile} StoredFile */
/** @typedef {{ key: string, signature: string, make: () => HTMLElement }} Item */
/** @typedef {{ tap: (bubble: Bubble, option: Option) => void, openList: (bubble: Bubble) => void, again: (key: string) => void, forget: (key: string) => void }} Actions */

const SVG = 'http://www.w3.org/2000/svg';
const TICKS = {
  waiting: 'Waiting to be sent',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Failed',
};
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/**
 * An element. Text from outside goes in as text, never as markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {string} [className] @param {...(Node | string | undefined | false)} children
 */
export function el(tag, className = '', ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const child of children) if (child) element.append(child);
  return element;
}

/** @param {string} className @param {() => void} onClick @param {...(Node | string | undefined | false)} children */
export function button(className, onClick, ...children) {
  const element = el('button', className, ...children);
  element.type = 'button';
  element.addEventListener('click', onClick);
  return element;
}

/** @param {string} name @param {string} [label] spoken; without it the icon is decoration */
function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.classList.add('icon', name);
  if (label) svg.setAttribute('role', 'img');
  svg.setAttribute(label ? 'aria-label' : 'aria-hidden', label ?? 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name === 'read' ? 'delivered' : name}`);
  svg.append(use);
  return svg;
}

/**
 * Brings the list's children in line with the items. Elements whose item is the same stay, with focus and all, and a
 * list that stood at its end stays there.
 * @param {HTMLElement} list @param {Item[]} items
 */
export function show(list, items) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const before = new Map([...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  let changed = false;
  for (const [index, { key, signature, make }] of items.entries()) {
    let child = /** @type {HTMLElement | undefined} */ (before.get(key));
    before.delete(key);
    if (child?.dataset.signature !== signature) {
      const fresh = make();
      Object.assign(fresh.dataset, { key, signature });
      child?.replaceWith(fresh);
      child = fresh;
      changed = true;
    }
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
  }
  for (const gone of before.values()) gone.remove();
  if (changed && atEnd) list.scrollTop = list.scrollHeight;
}

/** @param {Bubble} bubble @param {Actions} actions @returns {Item} */
export const phoneItem = (bubble, actions) => ({
  key: bubble.key,
  signature: JSON.stringify([bubble, Boolean(photoOf(bubble.key))]),
  make: () => {
    const { own, content, text, at, file, tick, error } = bubble;
    const meta = el('span', 'meta', time(at), tick && icon(tick, TICKS[tick]));
    const body = el('div', 'body', ...said(content, text, bubble.key, file), meta);
    const element = el('article', `bubble ${own ? 'own' : 'other'}`, body, ...(own ? [] : options(bubble, actions)));
    if (error) {
      const retry = button('link', () => actions.again(bubble.key), 'Try again');
      const remove = button('link', () => actions.forget(bubble.key), 'Remove');
      element.append(el('p', 'error', `Not sent: ${error} `, retry, ' ', remove));
    }
    element.setAttribute('aria-label', own ? 'You' : 'Shop');
    return element;
  },
});

/** @param {ChatMessage} message @param {StoredFile} [file] @returns {Item} */
export const merchantItem = (message, file) => ({
  key: message.id,
  signature: JSON.stringify([message, file, Boolean(photoOf(message.waMessageId ?? ''))]),
  make: () => {
    const { direction, content, text, createdAt, status, waMessageId } = message;
    const own = direction === 'outbound';
    const tick = Object.keys(TICKS).find((name) => name === status) ?? 'waiting';
    const meta = el('span', 'meta', time(createdAt), own && el('span', 'status', status), own && icon(tick));
    const body = el('div', 'body', ...said(content, text, waMessageId ?? message.id, file), meta);
    const offered = optionsOf(content).map(({ title }) => el('span', 'offer', title));
    const element = el('article', `bubble ${own ? 'own' : 'other'}`, body, offered.length > 0 && el('div', 'offers', ...offered));
    element.setAttribute('aria-label', own ? 'Shop' : 'Customer');
    return element;
  },
});

/** @param {Order} order @returns {Item} */
export const orderItem = (order) => ({
  key: order.id,
  signature: JSON.stringify(order),
  make: () =>
    el(
      'li',
      '',
      el('strong', '', `#${order.number}`),
      el('span', `state ${order.status}`, order.status.replaceAll('_', ' ')),
      el('span', 'total', money(order.total)),
      time(order.createdAt),
    ),
});

/** @param {Content} content @param {string} text @param {string} waMessageId @param {StoredFile} [file] @returns {(Node | undefined | false)[]} */
function said(content, text, waMessageId, file) {
  const { location, buttons, list } = content;
  if (location) return [place(location)];
  const part = partOf(content);
  if (part) {
    const { caption, unavailable } = part;
    const shown =
      file && file.kind !== 'image' && file.kind !== 'sticker' ? link(here(file.url), file.filename) : photo(waMessageId, file);
    return [
      shown,
      caption ? el('p', '', ...linked(caption)) : undefined,
      unavailable ? el('p', 'footer', unavailable) : undefined,
    ];
  }
  const parts = buttons ?? list;
  if (!parts) return [el('p', '', ...linked(text || content.text?.body || content.reply?.title || ''))];
  return [
    parts.header ? el('p', 'heading', parts.header) : undefined,
    el('p', '', ...linked(parts.body)),
    parts.footer ? el('p', 'footer', parts.footer) : undefined,
  ];
}

/** @param {Bubble} bubble @param {Actions} actions @returns {HTMLElement[]} */
function options(bubble, { tap, openList }) {
  const { list, buttons } = bubble.content;
  if (list) {
    const chosen = optionsOf(bubble.content).find((option) => option.id === bubble.chosen);
    const note = chosen ? [el('p', 'chosen', `Chosen: ${chosen.title}`)] : [];
    return [...note, button('option', () => openList(bubble), icon('list'), list.button)];
  }
  return (buttons?.buttons ?? []).map((option) => optionButton(bubble, option, () => tap(bubble, option), option.title));
}

/** @param {Bubble} bubble @param {Option} option @param {() => void} onClick @param {...(Node | string | undefined)} children */
function optionButton(bubble, option, onClick, ...children) {
  const element = button('option', onClick, ...children);
  element.setAttribute('aria-pressed', String(option.id === bubble.chosen));
  return element;
}

/** The rows of a list message, in their sections. @param {Bubble} bubble @param {(option: Option) => void} pick @returns {HTMLElement[]} */
export function listRows(bubble, pick) {
  return (bubble.content.list?.sections ?? []).map(({ title, rows }) => {
    const section = el('section', '', title ? el('h3', '', title) : undefined);
    for (const row of rows) {
      const description = row.description ? el('small', '', row.description) : undefined;
      section.append(optionButton(bubble, row, () => pick(row), el('span', '', row.title), description));
    }
    return section;
  });
}

/** @param {Location} location */
function place({ latitude, longitude, name, address }) {
  const where = `${latitude}, ${longitude}`;
  const map = link(`https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`, where);
  return el('div', 'place', icon('pin'), el('div', '', name ? el('strong', '', name) : undefined, address, map));
}

/** @param {string} waMessageId @param {StoredFile} [file] */
function photo(waMessageId, file) {
  const source = photoOf(waMessageId) ?? (file && here(file.url));
  if (!source) return el('div', 'photo', icon('photo'), 'Photo');
  const image = el('img', 'photo');
  image.src = source;
  image.alt = file?.filename ?? 'Photo';
  return image;
}

/** Files on the api's own disk, by the address that this page came from: it may be another than the api has for itself. @param {string} url */
function here(url) {
  const { pathname, search } = new URL(url, location.origin);
  return pathname.startsWith('/media/') ? pathname + search : url;
}

/** The text with its web addresses as links. @param {string} text @returns {(Node | string)[]} */
const linked = (text) =>
  text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/).map((part, index) => (index % 2 === 1 ? link(part, part) : part));

/** @param {string} href @param {string} text */
function link(href, text) {
  const anchor = el('a', '', text);
  Object.assign(anchor, { href, target: '_blank', rel: 'noopener noreferrer' });
  return anchor;
}

/** @param {string} iso */
function time(iso) {
  const element = el('time', '', clock.format(new Date(iso)));
  element.dateTime = iso;
  element.title = date.format(new Date(iso));
  return element;
}

/** @param {{ amount: number, currency: string }} money `amount` in minor units */
function money({ amount, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
