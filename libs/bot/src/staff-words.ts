import type { OrderAction } from '@soko/orders';
import { type Heard, nearly, plain } from './input.js';

/** What somebody of the team can want. */
export type Verb =
  | 'help'
  | 'orders'
  | Extract<OrderAction, 'confirm' | 'prepare' | 'dispatch' | 'deliver' | 'cancel'>
  | 'stock'
  | 'pause'
  | 'resume'
  | 'broadcast'
  | 'deliveries'
  | 'start'
  | 'done'
  | 'failed'
  | 'photo'
  | 'more'
  | 'yes'
  | 'no'
  | 'shop'
  | 'work'
  | 'unlink';

/** What is wanted, of which order, and what was said besides. */
export interface Want {
  verb: Verb;
  number?: number;
  /** As it was written, without the words that are above. */
  rest: string;
}

/** In every language at once, as for customers. Written as `plain` leaves them. */
const WORDS: Record<Verb, string> = {
  help: 'help, menu, hi, hello, hey, aide, bonjour, salut, accueil, مساعده, مرحبا, قايمه, القايمه',
  orders: 'orders, order, today, commandes, commande, الطلبات, طلبات, الطلب, طلب, اليوم',
  confirm: 'confirm, confirmer, تاكيد',
  prepare: 'prepare, pack, preparer, تجهيز',
  dispatch: 'dispatch, send, expedier, envoyer, ارسال',
  deliver: 'deliver, livrer, تسليم',
  cancel: 'cancel, annuler, الغاء',
  stock: 'stock, inventory, stocks, المخزون, مخزون',
  pause: 'pause, silence, ايقاف',
  resume: 'resume, wake, reprendre, استيناف',
  broadcast: 'broadcast, broadcasts, diffusion, diffuser, بث, البث',
  deliveries: 'deliveries, delivery, livraisons, livraison, التوصيلات, توصيلات, توصيل',
  start: 'start, go, partir, depart, انطلاق',
  done: 'done, delivered, complete, livre, termine, تم',
  failed: 'failed, fail, echec, echoue, فشل',
  photo: 'photo, صوره',
  more: 'more, next, plus, suivant, suite, المزيد, التالي',
  yes: 'yes, y, ok, okay, oui, نعم, موافق',
  no: 'no, n, non, back, retour, لا, رجوع',
  shop: 'shop, boutique, acheter, تسوق',
  work: 'work, travail, travailler, العمل, عمل',
  unlink: 'unlink, delier, فصل',
};
const VERBS: ReadonlyMap<string, Verb> = new Map(
  Object.entries(WORDS).flatMap(([verb, words]) => words.split(', ').map((word) => [word, verb as Verb] as const)),
);
const ACTIONS: ReadonlySet<Verb> = new Set<Verb>(['confirm', 'prepare', 'dispatch', 'deliver', 'cancel']);
/** What is about a text, and not about an order: a number behind it is part of the text. */
const TEXTUAL: ReadonlySet<Verb> = new Set<Verb>(['stock', 'pause', 'resume', 'broadcast']);
/** Alone they are about offers, or about what is going on; with what to stop behind them they are not. */
const STOPS: ReadonlySet<string> = new Set(['stop', 'arreter', 'توقف']);

/** The id of a button or a row. */
export const tapOn = (verb: Verb, what?: string | number): string => `work:${verb}${what === undefined ? '' : `:${what}`}`;

/** What a message wants; nothing where its first word is none that the team uses. A typing error is forgiven. */
export function wantOf({ tapped, words }: Heard): Want | undefined {
  if (tapped !== undefined) return tappedWant(tapped);
  const [first = '', ...others] = words.split(/\s+/);
  const isBroadcast = others.slice(0, 2).some((word) => verbOf(word) === 'broadcast');
  const verb = isBroadcast && STOPS.has(plain(first)) ? 'pause' : verbOf(first);
  if (!verb) return undefined;
  if (isBroadcast && (verb === 'pause' || verb === 'resume')) return { verb, rest: 'broadcast' };
  const number = TEXTUAL.has(verb) ? undefined : numberOf(others[0]);
  const rest = number === undefined ? others : others.slice(1);
  // "order 12 confirm too far": the step is what is wanted.
  const step = verb === 'orders' && number !== undefined ? verbOf(rest[0]) : undefined;
  if (step && ACTIONS.has(step)) return { verb: step, number, rest: rest.slice(1).join(' ') };
  return { verb, ...(number === undefined ? {} : { number }), rest: rest.join(' ') };
}

function tappedWant(id: string): Want | undefined {
  const [, name, what = ''] = /^work:([a-z]+)(?::(.{1,60}))?$/.exec(id) ?? [];
  if (name === undefined || !Object.hasOwn(WORDS, name)) return undefined;
  const number = TEXTUAL.has(name as Verb) ? undefined : numberOf(what);
  return { verb: name as Verb, ...(number === undefined ? {} : { number }), rest: number === undefined ? what : '' };
}

/** The verb of exactly this word, else the one that is nearest, where there is one only. */
function verbOf(word = ''): Verb | undefined {
  const said = plain(word);
  const exact = VERBS.get(said);
  if (exact || said.length < 4) return exact;
  const near = new Set([...VERBS].filter(([known]) => nearly(said, known)).map(([, verb]) => verb));
  return near.size === 1 ? [...near][0] : undefined;
}

/** "12", "#12", "12:", "١٢". Order numbers have no leading zero; codes may. */
function numberOf(word = ''): number | undefined {
  const [, digits] = /^#?([1-9]\d{0,14})$/.exec(plain(word).replace(/:$/, '')) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** A change of stock, "+12" or "-3", with what is meant before it and why behind it. */
export function changeIn(text: string): { what: string; delta: number; reason: string } | undefined {
  const tokens = text.split(/\s+/).filter(Boolean);
  const at = tokens.findIndex((token) => /^[+\-−]\d{1,7}$/.test(plain(token)));
  if (at < 0) return undefined;
  const delta = Number(plain(tokens[at]!).replace('−', '-'));
  return delta === 0 ? undefined : { what: tokens.slice(0, at).join(' '), delta, reason: tokens.slice(at + 1).join(' ') };
}

/** Four digits, in whatever script. */
export const codeIn = (text: string): string | undefined => /(?:^|\s)(\d{4})(?:\s|$)/.exec(plain(text))?.[1];

/** A number that somebody says is theirs, "my number +263771234567": the text behind the words. */
export const ownNumberIn = (words: string): string | undefined =>
  /^(?:my number|mon numero|رقمي)(?: is| est)?[ :]*(.*)$/.exec(plain(words))?.[1];

/** Six digits and nothing else. */
export const numberCodeIn = (words: string): string | undefined => /^(\d{3} ?\d{3})$/.exec(plain(words))?.[1]?.replace(' ', '');
