import { expect, it } from 'vitest';
import { consentWord } from './consent.js';

it.each([
  ['STOP', 'out'],
  ['stop', 'out'],
  ['  Unsubscribe\n', 'out'],
  ['QuIt', 'out'],
  ['end', 'out'],
  ['Cancel', 'cancel'],
  ['START', 'in'],
  ['unstop ', 'in'],
  ['subscribe', 'in'],
  ['stop.', undefined],
  ['please stop', undefined],
  ['stopp', undefined],
  ['', undefined],
  ['constructor', undefined],
  ['the end', undefined],
])('%j says %s', (text, said) => expect(consentWord(text)).toBe(said));
