import { showCart } from './basket.js';
import { menu } from './browsing.js';
import { IDLE } from './conversation-state.js';
import { doing } from './input.js';
import { LANGUAGES, type Language, speaker } from './language.js';
import * as say from './say.js';
import { statusWords } from './status-words.js';
import { keep, type Part, type Turn, turnOf } from './turn.js';

/* What a customer can have besides shopping. */

const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', fr: 'Français', ar: 'العربية' };

/** All that can be said at any time, as a list. */
export function help({ data, speak }: Turn, hint?: string): Part {
  const rows = [
    say.row(doing('menu'), speak.say('allProducts')),
    say.row(doing('cart'), speak.say('yourCart')),
    say.row(doing('status'), speak.say('yourOrders')),
    ...(data.orders.length > 0 ? [say.row(doing('reorder'), speak.say('orderAgain'))] : []),
    say.row(doing('human'), speak.say('aPerson')),
    say.row(doing('language'), speak.say('language')),
    say.row(doing('noOffers'), speak.say('noOffers')),
  ];
  return {
    state: { step: 'help', options: rows.map(({ id }) => id) },
    replies: [say.list(speak.say('choices'), [{ rows }], [hint, speak.say('whatElse')])],
  };
}

/** How the last orders are doing. */
export function status({ data, speak }: Turn): Part {
  if (data.orders.length === 0) {
    return {
      state: IDLE,
      replies: [say.buttons([{ id: doing('menu'), title: speak.say('allProducts') }], [speak.say('noOrders')])],
    };
  }
  const lines = data.orders.map(({ number, status: now, total }) =>
    speak.say('order', { number, status: statusWords(now, speak.language), amount: speak.money(total) }),
  );
  const choices = [
    { id: doing('reorder'), title: speak.say('orderAgain') },
    { id: doing('menu'), title: speak.say('allProducts') },
    { id: doing('human'), title: speak.say('aPerson') },
  ];
  return { state: IDLE, replies: [say.buttons(choices, [lines.join('\n')])] };
}

/** What was ordered last goes into the cart once more, at today's prices, as far as it can be had. */
export function reorder(turn: Turn): Part {
  const { data, heard, speak } = turn;
  const [last] = data.orders;
  if (!last) return menu(turn, speak.say('noOrders'));
  const besides = data.cart.filter((line) => !last.lines.some(({ productId }) => productId === line.productId));
  const again = turnOf({ ...data, cart: [...last.lines, ...besides] }, heard, speak);
  return { ...showCart(again), commands: [keep(again.cart)] };
}

export const askLanguage = ({ speak }: Turn, hint?: string): Part => ({
  state: { step: 'language' },
  replies: [
    say.buttons(
      LANGUAGES.map((code) => ({ id: `language:${code}`, title: LANGUAGE_NAMES[code] })),
      [hint, speak.say('askLanguage')],
    ),
  ],
});

export function chooseLanguage(turn: Turn): Part | undefined {
  const { heard } = turn;
  const code = LANGUAGES.find((each) => `language:${each}` === heard.tapped) ?? LANGUAGES[(heard.number ?? 0) - 1];
  return code && speakFromNow(turn, code);
}

export function speakFromNow(turn: Turn, code: Language): Part {
  const speak = speaker(code, turn.data.locale);
  const next = menu({ ...turn, speak }, speak.say('languageSet'));
  return { ...next, commands: [{ do: 'speak', spoken: { code, chosen: true } }] };
}

/** Asked for by the customer. What was being ordered stays in the cart. */
export const handOver = ({ speak }: Turn): Part => ({
  state: IDLE,
  replies: [say.text(speak.say('person'))],
  commands: [{ do: 'hand-over' }],
});

export const optOut = ({ speak }: Turn): Part => ({
  state: IDLE,
  replies: [say.text(speak.say('optedOut'))],
  commands: [{ do: 'opt-out' }],
});
