import { describe, expect, it } from 'vitest';
import { tap, text } from './customer.fixture.js';
import { hear } from './input.js';
import { changeIn, codeIn, numberCodeIn, ownNumberIn, tapOn, wantOf } from './staff-words.js';

const said = (words: string) => wantOf(hear(text(words)));

describe('what the team writes', () => {
  it.each([
    ['orders', { verb: 'orders', rest: '' }],
    ['Order 123', { verb: 'orders', number: 123, rest: '' }],
    ['order #123', { verb: 'orders', number: 123, rest: '' }],
    ['order 123 confirm', { verb: 'confirm', number: 123, rest: '' }],
    ['confirm 123', { verb: 'confirm', number: 123, rest: '' }],
    ['order 123 cancel They called, TWICE', { verb: 'cancel', number: 123, rest: 'They called, TWICE' }],
    ['ordr 123 confrim', { verb: 'confirm', number: 123, rest: '' }],
    ['commande 123 préparer', { verb: 'prepare', number: 123, rest: '' }],
    ['طلب ١٢٣ تأكيد', { verb: 'confirm', number: 123, rest: '' }],
    ['order 123 please', { verb: 'orders', number: 123, rest: 'please' }],
    ['stock', { verb: 'stock', rest: '' }],
    ['stock 10 kg', { verb: 'stock', rest: '10 kg' }],
    ['stock MAIZE-10 +12 New delivery', { verb: 'stock', rest: 'MAIZE-10 +12 New delivery' }],
    ['pause', { verb: 'pause', rest: '' }],
    ['pause +263771234567', { verb: 'pause', rest: '+263771234567' }],
    ['broadcast', { verb: 'broadcast', rest: '' }],
    ['Broadcast spring_sale 2', { verb: 'broadcast', rest: 'spring_sale 2' }],
    ['بث', { verb: 'broadcast', rest: '' }],
    ['stop broadcast', { verb: 'pause', rest: 'broadcast' }],
    ['Stop the broadcast', { verb: 'pause', rest: 'broadcast' }],
    ['pause broadcasts now', { verb: 'pause', rest: 'broadcast' }],
    ['arrêter diffusion', { verb: 'pause', rest: 'broadcast' }],
    ['إيقاف بث', { verb: 'pause', rest: 'broadcast' }],
    ['resume broadcast', { verb: 'resume', rest: 'broadcast' }],
    ['reprendre', { verb: 'resume', rest: '' }],
    ['استئناف', { verb: 'resume', rest: '' }],
    ['done 12 0482', { verb: 'done', number: 12, rest: '0482' }],
    ['done 0482', { verb: 'done', rest: '0482' }],
    ['failed 12 nobody home', { verb: 'failed', number: 12, rest: 'nobody home' }],
    ['delivries', { verb: 'deliveries', rest: '' }],
  ])('%s', (words, want) => {
    expect(said(words)).toEqual(want);
  });

  it.each(['', '12', 'thanks', 'where is Farai?', 'constructor', '__proto__', '🌽', '+12'])('means nothing by %j', (words) => {
    expect(said(words)).toBeUndefined();
  });

  it('means the same by a tap, and nothing by one of a customer’s', () => {
    expect(wantOf(hear(tap(tapOn('confirm', 12))))).toEqual({ verb: 'confirm', number: 12, rest: '' });
    expect(wantOf(hear(tap(tapOn('stock', 'p1'))))).toEqual({ verb: 'stock', rest: 'p1' });
    for (const id of ['order:confirm', 'product:p1', 'work:', 'work:constructor', 'work:__proto__', 'do:cancel'])
      expect(wantOf(hear(tap(id))), id).toBeUndefined();
  });
});

it('a change of stock has a sign, a product before it and a reason behind it', () => {
  expect(changeIn('MAIZE-10 +12 New delivery')).toEqual({ what: 'MAIZE-10', delta: 12, reason: 'New delivery' });
  expect(changeIn('maize meal −٣')).toEqual({ what: 'maize meal', delta: -3, reason: '' });
  for (const words of ['maize 12', '+0', 'MAIZE-10', '+1.5', '+99999999']) expect(changeIn(words), words).toBeUndefined();
});

it('codes of customers are four digits', () => {
  expect(codeIn('the code is ٠٤٨٢ thanks')).toBe('0482');
  expect(codeIn('04821')).toBeUndefined();
});

it('a number of one’s own is what stands behind the words', () => {
  for (const words of [
    'my number +263771234567',
    'My number is: +263771234567',
    'mon numéro est +263771234567',
    'رقمي +٢٦٣٧٧١٢٣٤٥٦٧',
  ])
    expect(ownNumberIn(words), words).toBe('+263771234567');
  expect(ownNumberIn('my number')).toBe('');
  expect(ownNumberIn('not my number +263771234567')).toBeUndefined();
  expect(numberCodeIn('012 345')).toBe('012345');
  for (const words of ['12345', 'link 012345', '0123456']) expect(numberCodeIn(words), words).toBeUndefined();
});
