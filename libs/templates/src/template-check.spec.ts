import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTemplate } from './template-check.js';
import { parseTemplate } from './template-content.js';
import { renderTemplate } from './template-render.js';

const HARARE = { language: 'en', timeZone: 'Africa/Harare', currency: 'USD' };
interface Variable {
  name: string;
  type: string;
  example: string;
  default?: string;
}
const check = (type: string, content: object, variables: Variable[], language = 'en') =>
  checkTemplate(parseTemplate({ type, content, variables }), { ...HARARE, language });
const problemsOf = (...args: Parameters<typeof check>) => check(...args).problems.map(({ path, code }) => `${path} ${code}`);
const x = { name: 'x', type: 'text', example: 'Rudo' };
const y = { ...x, name: 'y' };
const buttons = (...titles: string[]) => ({ body: 'B', buttons: titles.map((title, at) => ({ id: `b${at}`, title })) });

describe('checkTemplate', () => {
  it('finds nothing wrong with what is right', () => {
    expect(check('text', { header: '{{x}}', body: '{{ y }} and {one}' }, [x, y])).toEqual({ problems: [], warnings: [] });
  });

  it('finds holes that are not declared or not spelled right, each once, and still the limits of other texts', () => {
    const content = { ...buttons('{{x}}', 'n'.repeat(21)), header: '{{b}} {{c}}', footer: '{{ 1x }}' };
    expect(problemsOf('buttons', content, [x])).toEqual([
      'content.header undeclared',
      'content.header undeclared',
      'content.footer hole',
      'content.buttons.1.title tooLong',
    ]);
  });

  it('warns of variables that are used nowhere, and counts the one that names a file', () => {
    expect(check('text', { body: '{{y}}' }, [x, y])).toEqual({
      problems: [],
      warnings: [{ path: 'variables.0', code: 'unused', message: 'x is used nowhere in the template' }],
    });
    const photo = { name: 'photo', type: 'text', example: '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071' };
    expect(check('media', { mediaVariable: 'photo' }, [photo])).toEqual({ problems: [], warnings: [] });
  });

  it('wants the id of a file as the example of a media variable, and the variable to be a text', () => {
    expect(problemsOf('media', { mediaVariable: 'x' }, [x])).toEqual(['variables.0 media']);
    expect(problemsOf('media', { mediaVariable: 'x' }, [{ ...x, type: 'number', example: '5' }])).toContain(
      'content.mediaVariable undeclared',
    );
  });

  it.each([
    ['the example', { ...x, example: 'n'.repeat(17) }, { ...x, example: 'n'.repeat(18) }],
    ['the default, when it is longer', { ...x, default: 'n'.repeat(17) }, { ...x, default: 'n'.repeat(18) }],
  ])('measures with %s', (_, fits, breaks) => {
    expect(problemsOf('buttons', buttons('Hi {{x}}', 'No'), [fits])).toEqual([]);
    expect(check('buttons', buttons('Hi {{x}}', 'No'), [breaks]).problems).toEqual([
      {
        path: 'content.buttons.0.title',
        code: 'tooLong',
        message: 'title is 21 characters long; WhatsApp allows 20: shorten the text or the values in it',
      },
    ]);
  });

  it('measures what the language makes of a value: a date of ten characters may be long', () => {
    const day = { name: 'day', type: 'date', example: '2026-11-28' };
    expect(problemsOf('buttons', buttons('On {{day}}', 'No'), [day], 'zh')).toEqual([]);
    expect(problemsOf('buttons', buttons('On {{day}}', 'No'), [day], 'fr')).toEqual([]);
    expect(problemsOf('buttons', buttons('On {{day}}', 'No'), [day], 'es')).toEqual(['content.buttons.0.title tooLong']);
  });

  it('finds titles that are alike, as they stand, with the examples or with the defaults', () => {
    expect(problemsOf('buttons', buttons('Yes', 'Yes'), [])).toEqual(['content.buttons.1.title repeated']);
    expect(problemsOf('buttons', buttons('{{x}}', 'Rudo'), [{ ...x, default: 'somebody' }])).toEqual([
      'content.buttons.1.title repeated',
    ]);
    expect(problemsOf('buttons', buttons('{{x}}', 'me'), [{ ...x, default: 'me' }])).toEqual([
      'content.buttons.1.title repeated',
    ]);
  });

  it('finds ids that are alike, and more than 10 rows in all', () => {
    const rows = Array.from({ length: 6 }, (_, at) => ({ id: `r${at}`, title: 'T' }));
    const sections = ['One', 'Two'].map((title) => ({ title, rows }));
    expect(problemsOf('list', { body: 'B', button: 'Choose', sections }, [])).toEqual([
      ...rows.map((_, at) => `content.sections.1.rows.${at}.id repeated`),
      'content.sections tooMany',
    ]);
  });

  it('passes nothing that its own examples could not be sent with', () => {
    const piece = fc.oneof(fc.constantFrom('{{x}}', '{{y}}', '{{ z }}', '{{', '{'), fc.string({ maxLength: 12 }));
    const title = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join('') || 't');
    const example = fc.stringMatching(/^[a-z]{1,12}$/);
    fc.assert(
      fc.property(title, title, example, example, (one, two, first, second) => {
        const variables = [
          { ...x, example: first },
          { ...y, example: second, default: 'a default' },
        ];
        const source = parseTemplate({ type: 'buttons', content: buttons(one, two), variables });
        fc.pre(checkTemplate(source, HARARE).problems.length === 0);
        expect(renderTemplate(source, { x: first, y: second }, HARARE).type).toBe('buttons');
      }),
    );
  });
});
