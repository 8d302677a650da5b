import { describe, expect, it } from 'vitest';
import { doing, hear, nearly, plain } from './input.js';
import { INTENTS } from './keywords.js';
import { languageOf, spokenFor } from './language.js';

const heard = (body: string) => hear({ type: 'text', text: { body } });

describe('numbers', () => {
  it.each([
    ['2', 2],
    ['2.', 2],
    ['2)', 2],
    [' 2 ', 2],
    ['x2', 2],
    ['2x', 2],
    ['٢', 2],
    ['۲', 2],
    ['２', 2],
    ['१२', 12],
    ['𝟚', 2],
    ['two', 2],
    ['Deux', 2],
    ['اثنان', 2],
    ['ثلاثة', 3],
    ['0', 0],
  ])('%j is %d', (said, number) => {
    expect(heard(said).number).toBe(number);
  });

  it.each(['-1', '1.5', '1,5', '2 bottles', 'two bottles', '', '1e3', '99999999999999999999', '½'])('%j is none', (said) => {
    expect(heard(said).number).toBeUndefined();
  });
});

describe('what can be said at any time', () => {
  it.each([
    ['menu', 'menu'],
    ['MENU!', 'menu'],
    ['Annuler', 'cancel'],
    ['إلغاء', 'cancel'],
    ['Rejouer', undefined],
    ["Parler à quelqu'un", 'human'],
    ['Parler à quelqu’un', 'human'],
    ['السلة', 'cart'],
    ['Menu Street 12', undefined],
    ['__proto__', undefined],
  ])('%j means %s', (said, intent) => {
    expect(heard(said).intent).toBe(intent);
  });

  it.each([
    ['mneu', 'menu'],
    ['menuu', 'menu'],
    ['cancle', 'cancel'],
    ['canel', 'cancel'],
    ['bakc', 'back'],
    ['huamn', 'human'],
    ['chekout', 'checkout'],
    ['langauge', 'language'],
    ['paneir', 'cart'],
    ['anuler', 'cancel'],
    ['مساعدةة', 'help'],
  ])('%j is nearly %s', (said, guess) => {
    expect(heard(said)).toMatchObject({ guess });
    expect(heard(said).intent).toBeUndefined();
  });

  it.each(['hu', 'mean', 'street', 'maize', 'cancelled', 'men', 'ye', '', 'menu 1'])('%j is near to nothing', (said) => {
    expect(heard(said).guess).toBeUndefined();
  });

  it('is written as it is compared, so that every word of ours is heard', () => {
    for (const [word, intent] of INTENTS) {
      expect(plain(word)).toBe(word);
      expect(heard(word).intent).toBe(intent);
    }
  });

  it('may be tapped', () => {
    for (const intent of new Set(INTENTS.values())) {
      const id = doing(intent);
      expect(hear({ type: 'reply', reply: { id, title: 'x' } })).toMatchObject({ intent, tapped: id });
    }
    for (const id of ['do:evil', 'do:', 'toString', 'menu', '']) {
      expect(hear({ type: 'reply', reply: { id, title: 'menu' } }).intent).toBeUndefined();
    }
  });
});

describe('typing errors', () => {
  it.each([
    ['soap', 'saop', true],
    ['soap', 'soap', true],
    ['oil', 'oli', false],
    ['detergent', 'deteregnt', true],
    ['detergent', 'detrgnt', true],
    ['bread', 'beard', false],
  ])('%s and %s: %s', (word, said, near) => {
    expect(nearly(said, word)).toBe(near);
  });
});

describe('the language', () => {
  it.each([
    ['hi', 'en'],
    ['Hello, I want maize', 'en'],
    ['Bonjour', 'fr'],
    ['je voudrais du savon', 'fr'],
    ['مرحبا', 'ar'],
    ['menu', undefined],
    ['ok', undefined],
    ['2', undefined],
    ['12 Samora Machel Ave', undefined],
  ])('of %j is %s', (said, language) => {
    expect(languageOf(plain(said))).toBe(language);
  });

  it.each([
    ['fr', 'fr'],
    ['fr_CA', 'fr'],
    ['ar-EG', 'ar'],
    ['en-ZW', 'en'],
    ['de', 'en'],
    ['not a locale', 'en'],
  ])('for the locale %s is %s', (locale, language) => {
    expect(spokenFor(locale)).toBe(language);
  });
});
