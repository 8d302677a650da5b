import { ValidationError } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { ListTemplate, mapTexts, parseTemplate, textsOf } from './template-content.js';

const ID = '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071';
const text = { body: 'Hi {{x}}' };
const x = { name: 'x', type: 'text', example: 'Rudo' };
const row = (id: string) => ({ id, title: id });
const list = { body: 'B', button: 'Choose', sections: [{ title: 'S', rows: [row('a')] }] };
const many = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

/** Every fault as `path code`. */
const faultsOf = (type: unknown, content: unknown, variables: unknown = [x]): string[] => {
  try {
    parseTemplate({ type, content, variables });
    return [];
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.errors!.map(({ path, code }) => `${path} ${code}`);
  }
};
const buttons = (...given: object[]) => ({ body: 'B', buttons: given });

describe('parseTemplate', () => {
  it('takes each type in its own shape', () => {
    expect(faultsOf('text', { header: 'H', body: 'B', footer: 'F' })).toEqual([]);
    expect(faultsOf('buttons', { header: 'H', footer: 'F', ...buttons(row('a')) })).toEqual([]);
    expect(faultsOf('list', list)).toEqual([]);
    expect(faultsOf('media', { mediaId: ID, caption: 'C' })).toEqual([]);
    expect(faultsOf('media', { mediaVariable: 'x' })).toEqual([]);
    expect(parseTemplate({ type: 'list', content: list, variables: [] }).content).toBeInstanceOf(ListTemplate);
  });

  it('names every fault at once, in content and in variables', () => {
    expect(
      faultsOf('buttons', buttons({ id: 'a' }), [
        { ...x, name: '1x' },
        { ...x, colour: 'red' },
      ]),
    ).toEqual([
      'content.buttons.0.title isLength',
      'content.buttons.0.title isString',
      'variables.0.name matches',
      'variables.1.colour whitelistValidation',
    ]);
  });

  it.each([
    ['poem', text, ['type isIn']],
    [undefined, text, ['type isIn']],
    ['text', null, ['content isObject']],
    ['text', [], ['content isObject']],
    ['text', { ...text, buttons: [] }, ['content.buttons whitelistValidation']],
    ['text', { body: 'a\0' }, ['content.body characters']],
    ['media', { mediaId: 'x' }, ['content.mediaId isUuid']],
    ['media', {}, ['content.mediaId isUuid']],
    ['media', { mediaId: ID, mediaVariable: 'x' }, ['content.mediaVariable media']],
    ['media', { mediaVariable: '1x' }, ['content.mediaVariable matches']],
  ])('refuses %s %j', (type, content, faults) => expect(faultsOf(type, content)).toEqual(faults));

  it.each([
    ['3 buttons', 'buttons', (count: number) => buttons(...many(count, (at) => row(`b${at}`))), 3],
    ['256 characters of a button id', 'buttons', (count: number) => buttons({ id: 'a'.repeat(count), title: 'A' }), 256],
    [
      '200 characters of a row id',
      'list',
      (count: number) => ({ ...list, sections: [{ rows: [{ id: 'a'.repeat(count), title: 'A' }] }] }),
      200,
    ],
    [
      '10 sections',
      'list',
      (count: number) => ({ ...list, sections: many(count, (at) => ({ title: `S${at}`, rows: [row(`r${at}`)] })) }),
      10,
    ],
    [
      '10 rows of a section',
      'list',
      (count: number) => ({ ...list, sections: [{ rows: many(count, (at) => row(`r${at}`)) }] }),
      10,
    ],
  ])('allows %s, and not one more', (_, type, make, limit) => {
    expect(faultsOf(type, make(limit))).toEqual([]);
    expect(faultsOf(type, make(limit + 1))).toHaveLength(1);
  });

  it.each([
    ['buttons', buttons()],
    ['list', { ...list, sections: [] }],
    ['list', { ...list, sections: [{ rows: [] }] }],
    ['list', { ...list, button: '' }],
  ])('refuses %s with nothing to choose: %j', (type, content) => expect(faultsOf(type, content)).toHaveLength(1));

  it.each([' a', 'a ', '\na', '{{x}}', 'a}}'])('refuses the id %j', (id) => {
    expect(faultsOf('buttons', buttons({ id, title: 'A' }))).toEqual(['content.buttons.0.id matches']);
    expect(faultsOf('list', { ...list, sections: [{ rows: [{ id, title: 'A' }] }] })).toEqual([
      'content.sections.0.rows.0.id matches',
    ]);
  });

  it('leaves room for holes that are longer than what fills them', () => {
    expect(faultsOf('buttons', buttons({ id: 'a', title: '{{ customer_name_in_full }}' }))).toEqual([]);
  });
});

const of = (...variables: unknown[]) => faultsOf('text', text, variables);

describe('variables', () => {
  it('are at most 32, each with a name of its own', () => {
    const named = (count: number) => many(count, (at) => ({ ...x, name: `x${at}` }));
    expect(of(...named(32))).toEqual([]);
    expect(of(...named(33))).toEqual(['variables arrayMaxSize']);
    expect(of(x, x)).toEqual(['variables arrayUnique']);
    expect(of(x, { ...x, name: 'X' })).toEqual([]);
    expect(faultsOf('text', text, null)[0]).toMatch(/^variables /);
    expect(of(null)[0]).toMatch(/^variables/);
  });

  it.each(['', '1x', 'a-b', 'a b', '_a', 'é', 'a.b', '__proto__', 'a\n'])('have no name like %j', (name) => {
    expect(new Set(of({ ...x, name }).map((fault) => fault.split(' ')[0]))).toEqual(new Set(['variables.0.name']));
  });

  it.each([
    ['text', 'Rudo', undefined],
    ['number', '12.5', 'twelve'],
    ['money', '$12.50', 'free'],
    ['date', '2026-11-28', '28/11/2026'],
    ['url', 'https://shop.example', 'shop.example'],
    ['phone', '+263771234567', '0771234567'],
  ])('of type %s have an example and a default like %j, not like %j', (type, right, wrong) => {
    expect(of({ name: 'x', type, example: right, default: right })).toEqual([]);
    if (!wrong) return;
    expect(of({ name: 'x', type, example: wrong })).toEqual(['variables.0.example isValueOfType']);
    expect(of({ name: 'x', type, example: right, default: wrong })).toEqual(['variables.0.default isValueOfType']);
  });

  it('say what an example should be', () => {
    expect(() => parseTemplate({ type: 'text', content: text, variables: [{ ...x, type: 'url', example: 'shop' }] })).toThrow(
      'variables.0.example: example must be an address that begins with http:// or https:// and has no user name in it',
    );
  });

  it('of no type, or with no text as their example, are refused for that alone', () => {
    expect(of({ ...x, type: 'colour' })).toEqual(['variables.0.type isIn']);
    expect(of({ ...x, type: 'number', example: 5 })).toEqual(['variables.0.example isLength', 'variables.0.example isString']);
    expect(of({ ...x, default: null })).toEqual(['variables.0.default maxLength', 'variables.0.default isString']);
  });
});

describe('mapTexts and textsOf', () => {
  it('see every text that a customer reads, with its path, and no id', () => {
    expect(textsOf({ ...list, sections: [{ title: 'S', rows: [{ id: 'a', title: 'A', description: 'D' }] }] })).toEqual([
      { path: 'content.body', text: 'B' },
      { path: 'content.button', text: 'Choose' },
      { path: 'content.sections.0.title', text: 'S' },
      { path: 'content.sections.0.rows.0.title', text: 'A' },
      { path: 'content.sections.0.rows.0.description', text: 'D' },
    ]);
    expect(textsOf({ mediaId: ID, caption: 'C' })).toEqual([{ path: 'content.caption', text: 'C' }]);
  });

  it('change a copy, and leave out what becomes undefined', () => {
    const given = Object.freeze({ header: 'H', body: 'B' });
    expect(mapTexts(given, (each) => (each === 'H' ? undefined : each.repeat(2)))).toEqual({ body: 'BB' });
  });
});
