import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TemplateVariable } from './template-content.js';
import { diffTemplates } from './template-diff.js';

const variable = (name: string, over: Partial<TemplateVariable> = {}): TemplateVariable => ({
  name,
  type: 'text',
  example: 'Rudo',
  ...over,
});
const version = (content: object, variables: TemplateVariable[] = []) => ({ content: content as { body: string }, variables });
const buttons = (...titles: string[]) => ({ body: 'B', buttons: titles.map((title) => ({ id: title.toLowerCase(), title })) });

describe('diffTemplates', () => {
  it('of the same is nothing, whatever the order of fields and variables', () => {
    const one = version({ header: 'H', body: 'B' }, [variable('a'), variable('b')]);
    expect(diffTemplates(one, version({ body: 'B', header: 'H' }, [variable('b'), variable('a')]))).toEqual([]);
  });

  it('says what was changed, added and taken out, content first', () => {
    const before = version({ header: 'H', body: 'B' }, [variable('a', { default: 'you' }), variable('b')]);
    const after = version({ body: 'C', footer: 'F' }, [variable('a', { example: 'Tendai' }), variable('c', { type: 'url' })]);
    expect(diffTemplates(before, after)).toEqual([
      { path: 'content.body', before: 'B', after: 'C' },
      { path: 'content.footer', after: 'F' },
      { path: 'content.header', before: 'H' },
      { path: 'variables.a.default', before: 'you' },
      { path: 'variables.a.example', before: 'Rudo', after: 'Tendai' },
      { path: 'variables.b.example', before: 'Rudo' },
      { path: 'variables.b.type', before: 'text' },
      { path: 'variables.c.example', after: 'Rudo' },
      { path: 'variables.c.type', after: 'url' },
    ]);
  });

  it('goes by place in lists, and by number', () => {
    const titles = Array.from({ length: 11 }, (_, at) => `T${at}`);
    const paths = diffTemplates(version(buttons()), version(buttons(...titles))).map(({ path }) => path);
    expect(paths.slice(4, 6)).toEqual(['content.buttons.2.id', 'content.buttons.2.title']);
    expect(paths.at(-1)).toBe('content.buttons.10.title');
    expect(diffTemplates(version(buttons('Yes', 'No')), version(buttons('No', 'Yes')))).toContainEqual({
      path: 'content.buttons.0.title',
      before: 'Yes',
      after: 'No',
    });
  });

  it('has one order, and turns round with its versions', () => {
    const part = fc.record({ body: fc.string(), header: fc.string(), footer: fc.string() }, { requiredKeys: ['body'] });
    const name = fc.constantFrom('a', 'A', 'a1', 'a01', 'a10', 'a2');
    const variables = fc.uniqueArray(name).map((names) => names.map((each) => variable(each)));
    const any = fc.tuple(part, variables).map(([content, list]) => version(content, list));
    fc.assert(
      fc.property(any, any, (one, two) => {
        const there = diffTemplates(one, two);
        const back = diffTemplates(two, one).map(({ path, ...sides }) => ({
          path,
          ...('after' in sides && { before: sides.after }),
          ...('before' in sides && { after: sides.before }),
        }));
        expect(there).toEqual(back);
        expect(diffTemplates(one, one)).toEqual([]);
      }),
    );
  });
});
