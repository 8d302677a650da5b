import { formatMoney, languageTag, type Money } from '@soko/common';
import { ar } from './messages/ar.js';
import { en, type Message, type MessageKey, type Messages } from './messages/en.js';
import { fr } from './messages/fr.js';

export const LANGUAGES = ['en', 'fr', 'ar'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What a customer speaks, and whether they said so or we have made it out. */
export interface Spoken {
  code: Language;
  chosen: boolean;
}

export const MESSAGES: Record<Language, Messages> = { en, fr, ar };

/** Words that only one of the languages has; "menu" and "ok" tell nothing. Written as `plain` leaves them. */
const TELLING: Record<'en' | 'fr', ReadonlySet<string>> = {
  en: new Set(
    'hi hello hey good morning evening i want need would like please thanks thank you how much where when what is the my have'.split(
      ' ',
    ),
  ),
  fr: new Set(
    'bonjour bonsoir salut coucou je veux voudrais cherche svp merci combien ou quand quel quelle est le la les mon ma avez vous oui commande aide panier'.split(
      ' ',
    ),
  ),
};

/**
 * The language of what was written, where it can be told: Arabic by its script, the others by the words that are theirs alone.
 * @param said as `plain` gives it
 */
export function languageOf(said: string): Language | undefined {
  if (/\p{Script=Arabic}/u.test(said)) return 'ar';
  const words = said.split(/[^\p{L}]+/u);
  const [english, french] = (['en', 'fr'] as const).map((code) => words.filter((word) => TELLING[code].has(word)).length);
  if (english === french) return undefined;
  return english! > french! ? 'en' : 'fr';
}

/** The language that we have for a locale: its own, or English. */
export function spokenFor(locale: string): Language {
  const [base] = languageTag(locale).split('-');
  return LANGUAGES.find((code) => code === base) ?? 'en';
}

/** The language of a contact, where we have it; else the merchant's. */
export const languageFor = (language: string | null, locale: string): Language =>
  LANGUAGES.find((each) => each === language) ?? spokenFor(locale);

/** What somebody speaks, as far as their contact tells. */
export function spokenBy({ language, languageChosen }: { language: string | null; languageChosen: boolean }): {
  spoken?: Spoken;
} {
  const code = LANGUAGES.find((each) => each === language);
  return code ? { spoken: { code, chosen: languageChosen } } : {};
}

/** Says things in a language, by the keys of a catalogue. */
export interface Speaker<K extends string = MessageKey> {
  language: Language;
  say(key: K, values?: Record<string, string | number>): string;
  money(amount: Money): string;
  /** A day of the week and a time, there where the merchant is. */
  time(at: Date, timezone: string): string;
}

/** @param locale the merchant's: money is written in its way, unless the customer speaks another language. */
export const speaker = (language: Language, locale: string): Speaker => speakerOf(MESSAGES, language, locale);

export function speakerOf<K extends string>(
  catalogue: Record<Language, Record<K, Message>>,
  language: Language,
  locale: string,
): Speaker<K> {
  const own = spokenFor(locale) === language ? locale : language;
  return {
    language,
    say: (key, values = {}) => fill(catalogue[language][key], values, language),
    money: (amount) => formatMoney(amount, own),
    time: (at, timeZone) =>
      new Intl.DateTimeFormat(language, {
        weekday: 'long',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
        timeZone,
      }).format(at),
  };
}

function fill(message: Message, values: Record<string, string | number>, language: Language): string {
  const form =
    typeof message === 'string'
      ? message
      : (message[new Intl.PluralRules(language).select(Number(values.count))] ?? message.other);
  return form.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}
