import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chosenOf } from './typed-answer.js';

const offer = (...titles: string[]) => titles.map((title, n) => ({ id: `o${n + 1}`, title }));
const DRINKS = offer('Café crème', 'Black tea', 'Rooibos', 'Maize meal 10 kg', 'Maize meal 5 kg');

describe('an answer in words', () => {
  it.each([
    ['Café crème', 'o1'],
    ['cafe creme', 'o1'],
    ['  CAFÉ   CRÈME ', 'o1'],
    ['Ｂｌａｃｋ tea', 'o2'],
    ['2', 'o2'],
    ['2.', 'o2'],
    ['2)', 'o2'],
    [' 3 ', 'o3'],
    ['5', 'o5'],
    ['rooibo', 'o3'],
    ['roibos', 'o3'],
    ['blak tea', 'o2'],
    ['maize meal 5kg', 'o5'],
    ['maize meal 10 kgs', 'o4'],
  ])('%j means %s', (said, id) => expect(chosenOf(DRINKS, said)?.id).toBe(id));

  it.each([
    '',
    '   ',
    '0',
    '6',
    '99',
    '100',
    '2 teas',
    '-1',
    '1.5',
    'tea',
    'Maize meal',
    'Maize meal 7 kg',
    'maize meal kg',
    'something else',
    'roo',
    '̈',
  ])('%j means none of them', (said) => expect(chosenOf(DRINKS, said)).toBeUndefined());

  it('goes to nobody when it is as near to two titles, or is two of them', () => {
    expect(chosenOf(offer('Red beans', 'Red jeans'), 'red leans')).toBeUndefined();
    expect(chosenOf(offer('Tea', 'TEA'), 'tea')).toBeUndefined();
    expect(chosenOf(offer('Red beans', 'Red jeans'), 'red bean')?.id).toBe('o1');
  });

  it('is not guessed from less than four letters', () => {
    expect(chosenOf(offer('Yes', 'No'), 'ye')).toBeUndefined();
    expect(chosenOf(offer('Yess', 'No'), 'yes')).toBeUndefined();
    expect(chosenOf(offer('Right', 'No'), 'righ')?.id).toBe('o1');
  });

  it('is the title before it is the place', () => {
    expect(chosenOf(offer('2', 'One'), '2')?.id).toBe('o1');
    expect(chosenOf(offer('2', 'One'), '1')?.id).toBe('o1');
    expect(chosenOf(offer('10', '5', 'More'), '5')?.id).toBe('o2');
  });

  it('is a title alone where all titles are numbers', () => {
    const amounts = offer('5', '10', '20');
    expect(chosenOf(amounts, '10')?.id).toBe('o2');
    for (const said of ['1', '2', '3', '2.', '2)', '15', '100']) expect(chosenOf(amounts, said), said).toBeUndefined();
  });

  it('is nothing where nothing was offered', () => expect(chosenOf([], '1')).toBeUndefined());
});

const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/\s+/g, ' ').trim().toLowerCase();

const numbers = (all: string[]) => all.every((title) => /^\d+$/.test(plain(title)));

describe('whatever is offered and written', () => {
  const titles = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 24 }), { minLength: 1, maxLength: 10 });

  it('means one of the options or none, and always the same', () => {
    fc.assert(
      fc.property(titles, fc.string({ unit: 'grapheme', maxLength: 30 }), (all, said) => {
        const options = offer(...all);
        const chosen = chosenOf(options, said);
        expect([...options, undefined]).toContain(chosen);
        expect(chosenOf(options, said)).toBe(chosen);
      }),
      { numRuns: 500 },
    );
  });

  it('a title that is unique is found, in any case and with any spaces around it', () => {
    fc.assert(
      fc.property(titles, fc.nat(9), fc.constantFrom('', ' ', '\n', '\t '), (all, index, space) => {
        const options = offer(...all);
        const wanted = options[index % options.length]!;
        fc.pre(plain(wanted.title) !== '' && options.filter(({ title }) => plain(title) === plain(wanted.title)).length === 1);
        expect(
          chosenOf(options, space + wanted.title.toUpperCase() + space)?.id === wanted.id ||
            plain(wanted.title.toUpperCase()) !== plain(wanted.title),
        ).toBe(true);
        expect(chosenOf(options, space + wanted.title + space)).toBe(wanted);
      }),
      { numRuns: 500 },
    );
  });

  it('a place is found by its number, unless a title says that number, or all titles are numbers', () => {
    fc.assert(
      fc.property(titles, fc.nat(9), fc.constantFrom('', '.', ')'), (all, index, mark) => {
        const options = offer(...all);
        const place = index % options.length;
        fc.pre(!options.some(({ title }) => plain(title) === `${place + 1}${mark}`) && !numbers(all));
        expect(chosenOf(options, `${place + 1}${mark}`)).toBe(options[place]);
      }),
      { numRuns: 500 },
    );
  });

  it('one letter too many, too few or wrong in a long title is forgiven', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), minLength: 6, maxLength: 20 });
    fc.assert(
      fc.property(word, fc.nat(19), fc.constantFrom('drop', 'double', 'wrong'), (title, index, how) => {
        const at = index % title.length;
        const middle = how === 'drop' ? '' : how === 'double' ? title[at]! + title[at]! : '0';
        const said = title.slice(0, at) + (how === 'wrong' ? 'ß' : middle) + title.slice(at + 1);
        expect(chosenOf(offer(title, 'ZZZZZZ QQQQQQ'), said)?.id).toBe('o1');
      }),
    );
  });
});
