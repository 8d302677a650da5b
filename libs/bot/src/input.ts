import type { InboundContent } from '@soko/contracts';
import { INTENTS, type Intent, NUMBER_WORDS } from './keywords.js';

/** A customer's message, as far as it can be understood without knowing what was asked. */
export interface Heard {
  content: InboundContent;
  /** What was written, without the spaces around it; empty where nothing was. */
  words: string;
  /** `words` as they are compared. */
  plain: string;
  /** The id of what was tapped, or was meant by what was written. */
  tapped?: string;
  intent?: Intent;
  /** What was probably meant by a word that is nearly right. */
  guess?: Intent;
  number?: number;
}

/** Without case, marks, punctuation at the ends and doubled spaces; digits of every script are 0 to 9, and Arabic letters one of each. */
export const plain = (text: string): string =>
  digits(text)
    .normalize('NFKD')
    .replace(/\p{M}|ـ|['’]|\p{Cf}/gu, '')
    .replace(/[أإآٱ]/g, 'ا')
    .replace(/ى/g, 'ي')
    .replace(/ة/g, 'ه')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/^[\s¡¿«"]+|[\s.,!?؟،。»")]+$/gu, '');

/** "٢" and "２" are 2. Unicode's decimal digits come in rows of ten. */
const digits = (text: string): string =>
  text.replace(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0)!;
    let start = code;
    while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start -= 1;
    return String((code - start) % 10);
  });

/** What was tapped means the same as these words. */
const TAPS: Record<string, Intent> = { 'order:confirm': 'yes', 'order:cancel': 'cancel', 'products:more': 'more' };

/** The id of a button or a row that says what one can say at any time. */
export const doing = (intent: Intent): string =>
  Object.entries(TAPS).find(([, meant]) => meant === intent)?.[0] ?? `do:${intent}`;

/** What was written, without the spaces around it; empty where nothing was. */
export const wordsIn = (content: InboundContent): string => (content.type === 'text' ? content.text.body.trim() : '');

const intents: ReadonlySet<string> = new Set(INTENTS.values());

export function hear(content: InboundContent): Heard {
  if (content.type === 'reply') {
    const { id } = content.reply;
    const named = TAPS[id] ?? (id.startsWith('do:') ? id.slice(3) : '');
    return { content, words: '', plain: '', tapped: id, ...(intents.has(named) ? { intent: named as Intent } : {}) };
  }
  const words = wordsIn(content);
  const said = plain(words);
  const [intent, number] = [INTENTS.get(said), numberOf(said)];
  return {
    content,
    words,
    plain: said,
    ...(intent ? { intent } : {}),
    ...(intent ? {} : guessOf(said)),
    ...(number === undefined ? {} : { number }),
  };
}

/** "2", "2.", "2)", "x2", "٢", "two", "deux". */
function numberOf(said: string): number | undefined {
  const [, written] = /^(?:x ?)?(\d{1,15})(?: ?x)?$/.exec(said) ?? [];
  return written === undefined ? NUMBER_WORDS.get(said) : Number(written);
}

/** The one intent that has a keyword as near as no other's. Long texts are none. */
function guessOf(said: string): { guess?: Intent } {
  if (said.length < 4 || said.length > 30 || /\d/.test(said)) return {};
  let best = Infinity;
  let found = new Set<Intent>();
  for (const [word, intent] of INTENTS) {
    const far = wrong(said, word);
    if (far > allowed(word) || far > best) continue;
    if (far < best) found = new Set();
    best = far;
    found.add(intent);
  }
  return found.size === 1 ? { guess: [...found][0] } : {};
}

/** How many letters of a word may be wrong: in shorter ones any other word is near. */
const allowed = (word: string): number => (word.length >= 8 ? 2 : word.length >= 4 ? 1 : 0);

/** Whether `said` is `word` but for a typing error. */
export const nearly = (said: string, word: string): boolean => said === word || wrong(said, word) <= allowed(word);

/** Letters that are missing, too many, wrong or swapped with their neighbour (optimal string alignment); more than 2 is far. */
function wrong(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
