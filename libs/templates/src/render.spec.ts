import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TEMPLATES } from './default-templates.js';
import { holes, render, type Variables } from './render.js';
import { TemplateVariablesError } from './templates.errors.js';

const faultsOf = (work: () => string): string[] => {
  try {
    return [`rendered: ${work()}`];
  } catch (error) {
    if (error instanceof TemplateVariablesError) return error.errors!.map((fault) => fault.path);
    throw error;
  }
};

describe('holes', () => {
  it('names each variable once, in order, whatever the spaces', () => {
    expect(holes('{{a}} {{ b }} {{\ta\n}} {{c_1}}')).toEqual(['a', 'b', 'c_1']);
  });

  it.each(['no holes', '{a}', '{{}}', '{{ }}', '{{1a}}', '{ {a} }', '{{a b}}', '{{a.b}}'])('finds none in %j', (text) => {
    expect(holes(text)).toEqual([]);
  });
});

describe('render', () => {
  it('puts header, body and footer under each other with a line between', () => {
    const template = { header: 'Order #{{number}}', body: 'Thank you, {{ name }}!', footer: '{{shop}}' };
    expect(render(template, { number: 1042, name: 'Rudo', shop: 'Mbare Market' })).toBe(
      'Order #1042\n\nThank you, Rudo!\n\nMbare Market',
    );
  });

  it.each([
    [{ body: 'B' }, 'B'],
    [{ header: 'H', body: 'B' }, 'H\n\nB'],
    [{ body: 'B', footer: 'F' }, 'B\n\nF'],
    [{ header: '', body: 'B', footer: '' }, 'B'],
  ])('%j leaves no gap for what is missing', (template, text) => {
    expect(render(template, {})).toBe(text);
  });

  it('fills zero and the empty text too, and every place of a name', () => {
    expect(render({ body: '{{n}}|{{t}}|{{n}}' }, { n: 0, t: '' })).toBe('0||0');
  });

  it('names every variable that is missing, of header, body and footer, each once', () => {
    const template = { header: '{{a}}', body: '{{b}} {{given}} {{b}}', footer: '{{c}}' };
    expect(faultsOf(() => render(template, { given: 'x' }))).toEqual(['variables.a', 'variables.b', 'variables.c']);
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    'misses {{%s}} like any other: no value comes from JavaScript',
    (name) => {
      expect(faultsOf(() => render({ body: `{{${name}}}` }, {}))).toEqual([`variables.${name}`]);
    },
  );

  it('misses a value that is null: a customer never reads "null"', () => {
    expect(faultsOf(() => render({ body: '{{a}}' }, { a: null } as unknown as Variables))).toEqual(['variables.a']);
  });

  it('is refused as a 422 that says what to give', () => {
    expect(() => render({ body: '{{total}}' }, {})).toThrow(
      expect.objectContaining({ status: 422, detail: 'variables.total: the template needs a value for total' }),
    );
  });

  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/);
  const nasty = fc.oneof(
    fc.string(),
    fc.constantFrom('{{x}}', '{{a}}{{b}}', '$&', '$1', '$$', '$`', '{{', '}}', '\\', '{{constructor}}'),
    name.map((each) => `{{${each}}}`),
  );

  it('puts values in as they are: what looks like a variable, or like a pattern, stays text', () => {
    fc.assert(
      fc.property(name, nasty, name, nasty, (one, first, two, second) => {
        fc.pre(one !== two);
        expect(render({ body: `<{{${one}}}|{{${two}}}>` }, { [one]: first, [two]: second })).toBe(`<${first}|${second}>`);
      }),
    );
  });

  it('leaves no hole, or says so: whatever the template and the values', () => {
    const piece = fc.oneof(
      name.map((each) => `{{${each}}}`),
      name.map((each) => `{{ ${each} }}`),
      fc.stringMatching(/^[^{}]{0,10}$/),
    );
    fc.assert(
      fc.property(
        fc.array(piece),
        fc.dictionary(name, fc.oneof(fc.stringMatching(/^[^{}]*$/), fc.integer())),
        (pieces, values) => {
          const body = pieces.join('');
          const missing = holes(body).filter((each) => !Object.hasOwn(values, each));
          const outcome = faultsOf(() => render({ body }, values));
          expect(missing.length > 0 ? outcome : holes(outcome[0]!)).toEqual(missing.map((each) => `variables.${each}`));
        },
      ),
    );
  });
});

describe('the templates that a merchant starts with', () => {
  it.each(DEFAULT_TEMPLATES.map((template) => [template.name, template] as const))(
    '%s declares exactly what it needs',
    (_, template) => {
      const text = [template.content.header, template.content.body, template.content.footer].join(' ');
      expect(template.variables.map((variable) => variable.name).toSorted()).toEqual(holes(text).toSorted());
      const examples = Object.fromEntries(template.variables.map((variable) => [variable.name, variable.example]));
      const rendered = render(template.content, examples);
      expect(holes(rendered)).toEqual([]);
      for (const variable of template.variables) expect(rendered).toContain(variable.example);
    },
  );
});
