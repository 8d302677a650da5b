import type { Option } from '@soko/contracts';
import { distance } from 'fastest-levenshtein';

/** Shorter words are too near to each other to guess which one was meant. */
const MIN_GUESSED = 4;
/** Of every five characters one may be wrong: "Delivry" is Delivery, "Morning" is not Evening. */
const MAX_WRONG = 0.2;
const PLACE = /^(\d{1,2})[.)]?$/;
const NUMBER = /^\d+$/;

/**
 * Which of the options that were offered last a customer means who writes instead of tapping: by title, in any case and without
 * marks; by its place in the list, "2", "2." or "2)"; or by a title that is nearly right, when no other is as near and no number in
 * it differs: "Oil 3 l" is not "Oil 2 l". Titles that are numbers themselves ("How many?" 1, 2, 3) are meant by title alone: the
 * second of 5, 10 and 20 is not "2".
 */
export function chosenOf(offer: readonly Option[], text: string): Option | undefined {
  const said = plain(text);
  if (!said) return undefined;
  const options = offer.map((option) => ({ option, title: plain(option.title) }));
  const exact = options.filter(({ title }) => title === said);
  if (exact.length > 0) return only(exact)?.option;
  if (options.every(({ title }) => NUMBER.test(title))) return undefined;
  const place = PLACE.exec(said);
  if (place) return offer[Number(place[1]) - 1];
  return nearest(options, said);
}

function nearest(options: { option: Option; title: string }[], said: string): Option | undefined {
  if (said.length < MIN_GUESSED || NUMBER.test(said)) return undefined;
  const near = options
    .filter(({ title }) => digits(title) === digits(said))
    .map(({ option, title }) => ({ option, wrong: distance(title, said) / Math.max(title.length, said.length) }))
    .filter(({ wrong }) => wrong <= MAX_WRONG);
  const best = Math.min(...near.map(({ wrong }) => wrong));
  return only(near.filter(({ wrong }) => wrong === best))?.option;
}

/** Without case, marks and spaces that nobody sees. */
const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/\s+/g, ' ').trim().toLowerCase();
const digits = (text: string): string => text.replace(/\D+/g, ' ').trim();
const only = <T>(found: T[]): T | undefined => (found.length === 1 ? found[0] : undefined);
