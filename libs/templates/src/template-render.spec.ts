import { ValidationError } from '@soko/common';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTemplate, type TemplateSource, textsOf } from './template-content.js';
import { renderTemplate, tryRender, usedVariables } from './template-render.js';
import type { VariableType } from './value-format.js';

const HARARE = { language: 'en', timeZone: 'Africa/Harare', currency: 'USD' };
const EXAMPLES: Record<VariableType, string> = {
  text: 'Rudo',
  number: '42',
  money: '$12.50',
  date: '2026-11-28',
  url: 'https://shop.example/a',
  phone: '+263771234567',
};
/** A template whose variables are named and typed by `types`; those of type text by default. */
const template = (type: string, content: object, types: Record<string, VariableType> = {}): TemplateSource => {
  const texts = textsOf(content as TemplateSource['content']).map(({ text }) => text);
  const names = [...texts.join(' ').matchAll(/\{\{\s*([a-z]\w*)\s*\}\}/gi)].map((match) => match[1]!);
  const variables = [...new Set([...names, ...Object.keys(types)])].map((name) => {
    const own = new Map(Object.entries(types)).get(name) ?? 'text';
    return { name, type: own, example: EXAMPLES[own] };
  });
  return parseTemplate({ type, content, variables });
};
const bodyOf = (body: string, values: object = {}, language = 'en') => {
  const rendered = renderTemplate(template('text', { body }), values as Record<string, unknown>, { ...HARARE, language });
  return rendered.type === 'text' ? rendered.text.body : undefined;
};
const faultsOf = (source: TemplateSource, values: Record<string, unknown> = {}) => tryRender(source, values, HARARE).faults;

const LIST = { body: 'B', button: 'Choose', sections: [{ rows: [{ id: 'a', title: 'A' }] }] };
const BUTTONS = { body: 'B', buttons: [{ id: 'a', title: 'A' }] };
const MEDIA_ID = '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071';

describe('renderTemplate', () => {
  it('puts header, body and footer of a text under each other with a line between', () => {
    const source = template(
      'text',
      { header: 'Order {{n}}', body: 'Hello {{ name }}\n{{name}}', footer: '{{none}}' },
      { n: 'number' },
    );
    expect(renderTemplate(source, { n: 1042, name: 'Rudo', none: '' }, HARARE)).toEqual({
      type: 'text',
      text: { body: 'Order 1,042\n\nHello Rudo\nRudo' },
    });
  });

  it('fills every text of buttons, and leaves ids alone', () => {
    const content = { header: '{{x}}', body: '{{x}}!', footer: '{{x}}', buttons: [{ id: 'x', title: 'Yes {{x}}' }] };
    expect(renderTemplate(template('buttons', content), { x: 'Rudo' }, HARARE)).toEqual({
      type: 'buttons',
      buttons: { header: 'Rudo', body: 'Rudo!', footer: 'Rudo', buttons: [{ id: 'x', title: 'Yes Rudo' }] },
    });
  });

  it('fills every text of a list, and leaves out what comes out blank', () => {
    const row = { id: 'r', title: '{{x}}', description: '{{none}}' };
    const content = { header: '{{none}}', body: '{{x}}', button: '{{x}}', sections: [{ title: '{{x}}', rows: [row] }] };
    expect(renderTemplate(template('list', content), { x: 'Rudo', none: ' ' }, HARARE)).toEqual({
      type: 'list',
      list: { body: 'Rudo', button: 'Rudo', sections: [{ title: 'Rudo', rows: [{ id: 'r', title: 'Rudo' }] }] },
    });
  });

  it('renders media of its own or of a variable', () => {
    expect(renderTemplate(template('media', { mediaId: MEDIA_ID, caption: 'Hi {{x}}' }), { x: 'Rudo' }, HARARE)).toEqual({
      type: 'media',
      media: { mediaId: MEDIA_ID, caption: 'Hi Rudo' },
    });
    const source = template('media', { mediaVariable: 'photo' }, { photo: 'text' });
    expect(renderTemplate(source, { photo: MEDIA_ID }, HARARE)).toEqual({ type: 'media', media: { mediaId: MEDIA_ID } });
    expect(faultsOf(source, { photo: '../x' })).toMatchObject([{ path: 'variables.photo', code: 'media' }]);
  });

  it('writes values for the language and the zone', () => {
    const source = template('text', { body: '{{m}} {{d}} {{p}} {{u}}' }, { m: 'money', d: 'date', p: 'phone', u: 'url' });
    const values = {
      m: { amount: 1250, currency: 'USD' },
      d: '2026-11-28T23:00:00Z',
      p: '+263771234567',
      u: 'https://x.example',
    };
    expect(renderTemplate(source, values, { ...HARARE, language: 'fr' })).toEqual({
      type: 'text',
      text: { body: '12,50\u00A0$US 29 novembre 2026 à 01:00 +263 77 123 4567 https://x.example/' },
    });
  });

  it('takes the default for what is missing or null', () => {
    const variables = [{ name: 'x', type: 'text', example: 'Rudo', default: 'friend' }];
    const source = parseTemplate({ type: 'text', content: { body: 'Hi {{x}}' }, variables });
    for (const values of [{}, { x: null }, { x: undefined }]) {
      expect(renderTemplate(source, values, HARARE)).toEqual({ type: 'text', text: { body: 'Hi friend' } });
    }
  });

  it('names all that is missing, unknown and invalid at once, and asks for nothing that is not used', () => {
    const source = template('text', { body: '{{a}} {{b}} {{constructor}}' }, { b: 'number', unused: 'text' });
    expect(() => renderTemplate(source, { b: 'x', c: 1 }, HARARE)).toThrow(ValidationError);
    expect(faultsOf(source, { b: 'x', c: 1 }).map(({ path, code }) => `${path} ${code}`)).toEqual([
      'variables.a missing',
      'variables.b number',
      'variables.constructor missing',
      'variables.c unknown',
    ]);
  });

  it.each(['{{1x}}', '{{a-b}}', '{{}}', '{{ x', 'x }}', '{{{x}}}', '{{x}}}', '{{{{x}}}}', '{{a b}}', '{ {{x}} } {{'])(
    'refuses the hole %s',
    (body) => {
      expect(faultsOf(template('text', { body }), body.includes('{{x}}') ? { x: 'v' } : {})).toMatchObject([
        { path: 'content.body', code: 'hole' },
      ]);
    },
  );

  it('refuses holes that are not declared, each once', () => {
    const source = { ...template('text', { body: '{{x}} {{x}} {{y}}' }), variables: [] };
    expect(faultsOf(source).map(({ code, message }) => [code, message])).toEqual([
      ['undeclared', 'body uses {{x}}: declare x in variables, or take it out'],
      ['undeclared', 'body uses {{y}}: declare y in variables, or take it out'],
    ]);
    expect(faultsOf({ ...template('media', { mediaVariable: 'photo' }), variables: [] })).toMatchObject([
      { path: 'content.mediaVariable', code: 'undeclared' },
    ]);
  });

  it.each(['{x}', '{', '}', '{ {x} }', 'a{b}c'])('leaves the single braces %s', (body) => expect(bodyOf(body)).toBe(body));
});

const bodyWith = (body: string, ...values: string[]) =>
  bodyOf(body, Object.fromEntries(values.map((value, at) => ['abc'[at], value])));

describe('values', () => {
  it('that look like holes stay text, even put together', () => {
    expect(bodyOf('{{a}} {{b}}', { a: '{{b}}', b: '$& $1' })).toBe('{ {b} } $& $1');
    expect(bodyOf('{{a}}{{b}}{{c}}', { a: '{', b: '{a}', c: '}' })).toBe('{ {a} }');
  });

  it('begin no list and no quote, alone or together', () => {
    expect(bodyWith('{{a}}', '- x')).toBe('‐ x');
    expect(bodyWith('{{a}}', '> x')).toBe('› x');
    expect(bodyWith('{{a}}', '* x')).toBe('∗ x');
    expect(bodyWith('x\n {{a}}', '12. x')).toBe('x\n 12․ x');
    expect(bodyWith('{{a}} {{b}}', '-', 'x')).toBe('‐ x');
    expect(bodyWith('{{a}}{{b}}', '1', '. x')).toBe('1․ x');
    expect(bodyWith('{{a}}\n{{b}}', 'x', '- x')).toBe('x\n‐ x');
    expect(bodyWith('*{{a}} b', '')).toBe('∗ b');
    expect(bodyWith('{{\na\n}} b', '-')).toBe('‐ b');
    expect(bodyWith('{{a}} ok', '- مرحبا')).toBe('\u2068‐ مرحبا\u2069 ok');
  });

  it('leave lists and quotes of the template, and what begins none', () => {
    expect(bodyOf('- {{a}}\n> {{a}}\n1. {{a}}\n*{{a}}*\n- plain', { a: 'x' })).toBe('- x\n> x\n1. x\n*x*\n- plain');
    expect(bodyOf('{{a}}', { a: '-5 and 1.5' })).toBe('-5 and 1.5');
  });

  it('of the other direction are isolated, unless they stand alone', () => {
    expect(bodyOf('Hi {{a}} 5!', { a: 'محمد' })).toBe('Hi \u2068محمد\u2069 5!');
    expect(bodyOf('{{ a }}', { a: 'محمد' })).toBe('محمد');
    expect(bodyOf('مرحبا {{a}}', { a: 'Rudo' }, 'ar-EG')).toBe('مرحبا \u2068Rudo\u2069');
    expect(bodyOf('مرحبا {{a}}', { a: 'محمد' }, 'ar')).toBe('مرحبا محمد');
  });
});

/** Each limit of the facts page: where it is, how long, and a template that has `{{x}}` there. */
const LIMITS: [string, number, string, object][] = [
  ['content.body', 4096, 'text', { body: '{{x}}' }],
  ['content.header', 60, 'buttons', { ...BUTTONS, header: '{{x}}' }],
  ['content.body', 1024, 'buttons', { ...BUTTONS, body: '{{x}}' }],
  ['content.footer', 60, 'buttons', { ...BUTTONS, footer: '{{x}}' }],
  ['content.buttons.0.title', 20, 'buttons', { ...BUTTONS, buttons: [{ id: 'a', title: '{{x}}' }] }],
  ['content.header', 60, 'list', { ...LIST, header: '{{x}}' }],
  ['content.body', 1024, 'list', { ...LIST, body: '{{x}}' }],
  ['content.footer', 60, 'list', { ...LIST, footer: '{{x}}' }],
  ['content.button', 20, 'list', { ...LIST, button: '{{x}}' }],
  ['content.sections.0.title', 24, 'list', { ...LIST, sections: [{ title: '{{x}}', rows: [{ id: 'a', title: 'A' }] }] }],
  ['content.sections.0.rows.0.title', 24, 'list', { ...LIST, sections: [{ rows: [{ id: 'a', title: '{{x}}' }] }] }],
  [
    'content.sections.0.rows.0.description',
    72,
    'list',
    { ...LIST, sections: [{ rows: [{ id: 'a', title: 'A', description: '{{x}}' }] }] },
  ],
  ['content.caption', 1024, 'media', { mediaId: MEDIA_ID, caption: '{{x}}' }],
];

const rows = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, at) => ({ id: `${prefix}${at}`, title: `T${at}` }));

const sections = (second: number) => ({
  ...LIST,
  sections: [
    { title: 'One', rows: rows(5, 'a') },
    { title: 'Two', rows: rows(second, 'b') },
  ],
});

describe('limits of the rendered message', () => {
  it.each(LIMITS)('%s: %d units in a %s template, and not one more', (path, limit, type, content) => {
    const source = template(type, content);
    expect(faultsOf(source, { x: 'a'.repeat(limit) })).toEqual([]);
    // Two units each, as WhatsApp counts.
    expect(faultsOf(source, { x: '😀'.repeat(limit / 2) })).toEqual([]);
    const length = limit + 1;
    const message = expect.stringMatching(
      new RegExp(`^${path.split('.').at(-1)}.* is ${length} characters long; WhatsApp allows ${limit}`),
    );
    expect(faultsOf(source, { x: 'a'.repeat(length) })).toEqual([{ path, code: 'tooLong', message }]);
    expect(faultsOf(source, { x: `${'😀'.repeat(limit / 2)}a` })).toEqual([{ path, code: 'tooLong', message }]);
  });

  it('count the header, the footer and the lines between of a text', () => {
    const source = template('text', { header: '{{a}}', body: '{{b}}', footer: 'F' });
    expect(faultsOf(source, { a: 'H', b: 'a'.repeat(4090) })).toEqual([]);
    expect(faultsOf(source, { a: 'H', b: 'a'.repeat(4091) })).toMatchObject([
      { message: expect.stringContaining('is 4097 characters long; WhatsApp allows 4096') },
    ]);
  });

  it.each(LIMITS.filter(([path]) => !/header|footer|sections.0.title|description|caption/.test(path)))(
    '%s must not come out blank',
    (path, _, type, content) => {
      expect(faultsOf(template(type, content), { x: ' ' })).toMatchObject([{ path, code: 'empty' }]);
    },
  );

  it('hold 10 rows in all, and not one more', () => {
    expect(faultsOf(template('list', sections(5)))).toEqual([]);
    expect(faultsOf(template('list', sections(6)))).toEqual([
      { path: 'content.sections', code: 'tooMany', message: 'sections have 11 rows in all; WhatsApp allows 10: take out 1' },
    ]);
  });

  it.each([
    [256, 'buttons', (id: string) => ({ ...BUTTONS, buttons: [{ id, title: 'A' }] })],
    [200, 'list', (id: string) => ({ ...LIST, sections: [{ rows: [{ id, title: 'A' }] }] })],
  ])('allow %d units in an id of %s, and not one more', (limit, type, make) => {
    expect(faultsOf(template(type, make('😀'.repeat(limit / 2))))).toEqual([]);
    expect(faultsOf(template(type, make(`${'😀'.repeat(limit / 2)}a`)))).toMatchObject([
      { code: 'tooLong', message: expect.stringContaining(`id is ${limit + 1} characters long; WhatsApp allows ${limit}`) },
    ]);
  });

  it('want a title for each of several sections, and ids and button titles that differ', () => {
    const section = { title: '{{x}}', rows: [{ id: 'a', title: 'A' }] };
    expect(faultsOf(template('list', { ...LIST, sections: [section, { ...section, title: 'Two' }] }), { x: '' })).toMatchObject([
      { path: 'content.sections.1.rows.0.id', code: 'repeated' },
      { path: 'content.sections.0.title', code: 'empty' },
    ]);
    const buttons = ['{{x}}', 'No', '{{y}}'].map((title) => ({ id: title === 'No' ? 'n' : 'y', title }));
    expect(faultsOf(template('buttons', { body: 'B', buttons }), { x: 'Yes', y: 'Yes' })).toMatchObject([
      { path: 'content.buttons.2.id', code: 'repeated' },
      { path: 'content.buttons.2.title', code: 'repeated' },
    ]);
  });
});

it('usedVariables names each once, media first', () => {
  expect(usedVariables(template('media', { mediaVariable: 'photo', caption: '{{b}} {{a}} {{b}}' }))).toEqual(['photo', 'b', 'a']);
});

const limitOf = (type: string, path: string) =>
  LIMITS.find(([each, , of]) => each === path.replaceAll(/\d+/g, '0') && of === type)![1];
/** The places that WhatsApp could take for markup: markers that do not stand between two letters or digits. */
const markers = (text: string) => text.match(/`|(?<![\p{L}\p{N}])[*_~]|[*_~](?![\p{L}\p{N}])/gu) ?? [];
const within = (few: string[], many: string[]) => {
  let at = 0;
  for (const each of many) if (each === few[at]) at++;
  return at === few.length;
};
const blocks = (text: string) => text.split('\n').filter((each) => /^[\s\u2068]*(>|[-*]\s|\d+\.\s)/.test(each)).length;

describe('whatever the template and the values', () => {
  const NAMES = ['a', 'b', 'c_1'];
  const hole = fc
    .tuple(fc.constantFrom(...NAMES), fc.constantFrom('', ' ', '\n'))
    .map(([name, gap]) => `{{${gap}${name}${gap}}}`);
  const words = fc.string({ unit: fc.constantFrom(...'aé1 .-*_~`>\n{}مש😀'), maxLength: 8 });
  const raw = fc.array(fc.oneof(hole, words), { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join('') || 'x');
  const line = raw.map((text) => text.slice(0, 1000));
  const id = fc.uuid();
  const row = fc.record({ id, title: line, description: line }, { requiredKeys: ['id', 'title'] });
  const section = fc.record({ title: line, rows: fc.array(row, { minLength: 1, maxLength: 6 }) }, { requiredKeys: ['rows'] });
  const around = { header: line, body: raw, footer: line };
  const content = fc.oneof(
    fc.record({ type: fc.constant('text'), content: fc.record(around, { requiredKeys: ['body'] }) }),
    fc.record({
      type: fc.constant('buttons'),
      content: fc.record(
        { ...around, buttons: fc.array(fc.record({ id, title: line }), { minLength: 1, maxLength: 3 }) },
        { requiredKeys: ['body', 'buttons'] },
      ),
    }),
    fc.record({
      type: fc.constant('list'),
      content: fc.record(
        { ...around, button: line, sections: fc.array(section, { minLength: 1, maxLength: 3 }) },
        { requiredKeys: ['body', 'button', 'sections'] },
      ),
    }),
    fc.record({ type: fc.constant('media'), content: fc.record({ mediaId: id, caption: line }, { requiredKeys: ['mediaId'] }) }),
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'*_~`{}>-1. \na\u202E\u2069م') }),
    fc.constantFrom('', '*b*', '_', '{{a}}', '{{', '}}', '- x', '```', '> q', '1.'),
    fc.integer({ min: 1, max: 5000 }).map((length) => 'x'.repeat(length)),
  );
  const values = fc.record({ a: value, b: value, c_1: value });
  const variables = NAMES.map((name) => ({ name, type: 'text', example: 'Rudo' }));
  const language = fc.constantFrom('en', 'ar', 'he', 'pt_BR');

  it('no hole is left, no limit broken, no markup added; or the errors say where', () => {
    let good = 0;
    fc.assert(
      fc.property(content, values, language, (shape, given, spoken) => {
        const source = parseTemplate({ ...shape, variables });
        const { content: rendered, faults } = tryRender(source, given, { ...HARARE, language: spoken });
        // Whatever goes wrong here is the template's or a limit's: values of type text are never refused.
        expect(faults.filter(({ path, message }) => !path.startsWith('content.') || message.length < 10)).toEqual([]);
        expect(rendered === undefined).toBe(faults.length > 0);
        if (!rendered) return;
        good++;
        const out = (rendered as unknown as Record<string, Parameters<typeof textsOf>[0]>)[rendered.type]!;
        const texts = textsOf(out);
        const before = new Map(textsOf(source.content).map(({ path, text }) => [path, text]));
        for (const { path, text } of texts) {
          expect(text).not.toMatch(/\{\{|\}\}/);
          expect(text.trim()).not.toBe('');
          expect(text.length).toBeLessThanOrEqual(limitOf(rendered.type, path));
          const own = rendered.type === 'text' ? [...before.values()].join('\n\n') : before.get(path)!;
          const bare = own.replaceAll(/\{\{\s*\w+\s*\}\}/g, '{{}}');
          expect(within(markers(text), bare.match(/[*_~`]/g) ?? [])).toBe(true);
          // A hole stands for a word: what begins a list with one is the template's own.
          expect(blocks(text)).toBeLessThanOrEqual(blocks(own.replaceAll(/\{\{\s*\w+\s*\}\}/g, 'x')));
        }
      }),
      { numRuns: 400 },
    );
    expect(good).toBeGreaterThan(40);
  }, 60_000);
});
