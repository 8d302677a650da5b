import { newId, validateInput, ValidationError } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { contentOf, recipientOf, SendMessageBody } from './send.dto.js';

const PARTS = {
  text: { body: 'Hello', previewUrl: false },
  buttons: { header: 'H', body: 'Choose', footer: 'F', buttons: [{ id: 'yes', title: 'Yes' }] },
  list: { body: 'Choose', button: 'Open', sections: [{ title: 'All', rows: [{ id: 'a', title: 'A', description: 'First' }] }] },
  media: { mediaId: '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071', caption: 'Fresh today' },
  location: { latitude: -17.8, longitude: 31.05, name: 'Market' },
  template: { name: 'order_update', language: 'en', variables: { number: 1042 } },
};
type Part = keyof typeof PARTS;
const TYPES = Object.keys(PARTS) as Part[];
const others = (type: Part) => TYPES.filter((each) => each !== type);

/** What the API does with a body: check it, then read it. */
const read = (body: object) => contentOf(validateInput(SendMessageBody, { to: '+263771234567', ...body }));
const faultOf = (body: object): ValidationError => {
  try {
    read(body);
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error(`was accepted: ${JSON.stringify(body)}`);
};
const rows = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `r${from + index}`, title: `R${from + index}` }));
const list = (...sections: object[]) => ({ type: 'list', list: { body: 'Choose', button: 'Open', sections } });
const buttons = (...all: object[]) => ({ type: 'buttons', buttons: { body: 'Choose', buttons: all } });

describe('contentOf', () => {
  it.each(TYPES)('%s: gives the part in the shape it was sent with', (type) => {
    expect(JSON.parse(JSON.stringify(read({ type, [type]: PARTS[type] })))).toEqual({ type, [type]: PARTS[type] });
  });

  it('takes message for a text, with and without its type', () => {
    const hello = { type: 'text', text: { body: 'Hello' } };
    expect(read({ message: 'Hello' })).toEqual(hello);
    expect(read({ type: 'text', message: 'Hello' })).toEqual(hello);
  });

  it.each(others('text'))('refuses message next to type %s', (type) => {
    expect(faultOf({ type, message: 'Hello' })).toBeInstanceOf(ValidationError);
    expect(faultOf({ type, message: 'Hello', [type]: PARTS[type] })).toBeInstanceOf(ValidationError);
  });

  it.each(TYPES.flatMap((type) => others(type).map((other) => [type, other] as const)))(
    'refuses %s together with %s, and %s under the wrong type',
    (type, other) => {
      const fault = faultOf({ type, [type]: PARTS[type], [other]: PARTS[other] });
      expect(fault.errors).toEqual([
        expect.objectContaining({ path: 'type', message: expect.stringContaining('give exactly one of') }),
      ]);
      expect(faultOf({ type, [other]: PARTS[other] })).toBeInstanceOf(ValidationError);
    },
  );

  it('refuses message together with text', () => {
    expect(faultOf({ message: 'Hello', text: PARTS.text }).detail).toMatch(/exactly one of message, text/);
  });

  it.each(TYPES)('refuses type %s without its part', (type) => {
    expect(faultOf({ type }).errors!.map((fault) => fault.path)).toContain(type);
    expect(faultOf({ type, [type]: null }).errors!.map((fault) => fault.path)).toContain(type);
  });

  it('asks for a message when there is nothing at all', () => {
    expect(faultOf({}).errors!.map((fault) => fault.path)).toContain('message');
  });

  it.each(others('text'))('refuses a part %s without its type: type says how it is read', (type) => {
    expect(faultOf({ [type]: PARTS[type] })).toBeInstanceOf(ValidationError);
  });

  it.each([
    ['message', { message: '' }],
    ['message', { message: 'x'.repeat(4097) }],
    ['message', { message: 5 }],
    ['type', { type: 'video', message: 'a' }],
    ['to', { to: 'nobody', message: 'a' }],
    ['to', { to: undefined, message: 'a' }],
    ['channelId', { channelId: 'default', message: 'a' }],
    ['replyTo', { replyTo: 'wamid.x', message: 'a' }],
    ['sendAt', { sendAt: 'tomorrow', message: 'a' }],
    ['colour', { colour: 'red', message: 'a' }],
    ['text.bold', { type: 'text', text: { body: 'a', bold: true } }],
    ['template.name', { type: 'template', template: { name: '', variables: {} } }],
    ['template.variables', { type: 'template', template: { name: 'a' } }],
    ['template.variables', { type: 'template', template: { name: 'a', variables: [] } }],
    ['buttons.buttons.0.title', buttons({ id: 'a', title: 'x'.repeat(21) })],
    ['list.sections.0.rows.0.title', list({ rows: [{ id: 'a', title: 'x'.repeat(25) }] })],
  ])('names %s when it is wrong: %j', (path, body) => {
    expect(faultOf(body).errors!.map((fault) => fault.path)).toContain(path);
  });

  it('takes a text of 4096 characters, and all that may stand around it', () => {
    const ids = { channelId: newId(), replyTo: newId(), sendAt: '2026-12-01T08:00:00Z' };
    expect(read({ message: 'x'.repeat(4096), ...ids })).toMatchObject({ type: 'text' });
  });

  it('turns any spelling of the number into E.164', () => {
    expect(validateInput(SendMessageBody, { to: '263 77 123 4567', message: 'a' }).to).toBe('+263771234567');
  });
});

describe('lists', () => {
  it('may hold ten rows in all their sections together', () => {
    expect(read(list({ title: 'A', rows: rows(0, 4) }, { title: 'B', rows: rows(4, 6) }))).toMatchObject({ type: 'list' });
  });

  it('may not hold eleven, although each section alone is allowed', () => {
    const { errors } = faultOf(list({ title: 'A', rows: rows(0, 5) }, { title: 'B', rows: rows(5, 6) }));
    expect(errors).toEqual([
      { path: 'list.sections', code: 'content', message: 'a list has at most 10 rows in all its sections, this one has 11' },
    ]);
  });

  it('need an id of its own for each row, across sections too', () => {
    expect(faultOf(list({ rows: [...rows(0, 1), ...rows(0, 1)] })).detail).toMatch(/each row needs an id of its own/);
    expect(faultOf(list({ title: 'A', rows: rows(0, 2) }, { title: 'B', rows: rows(1, 2) })).detail).toMatch(/id of its own/);
  });

  it('may repeat a title: products share names', () => {
    expect(
      read(
        list({
          rows: [
            { id: 'a', title: 'Oil' },
            { id: 'b', title: 'Oil' },
          ],
        }),
      ),
    ).toMatchObject({ type: 'list' });
  });
});

describe('buttons', () => {
  it.each([
    ['ids', { id: 'a', title: 'Yes' }, { id: 'a', title: 'No' }],
    ['titles', { id: 'a', title: 'Yes' }, { id: 'b', title: 'Yes' }],
  ])('need %s of their own', (_, one, two) => {
    expect(faultOf(buttons(one, two)).errors).toEqual([
      { path: 'buttons.buttons', code: 'content', message: 'each button needs an id and a title of its own' },
    ]);
  });

  it.each([[[null]], [[[]]], [['Yes']], [{}]])('are refused as %j, not crashed on', (all) => {
    expect(faultOf({ type: 'buttons', buttons: { body: 'a', buttons: all } }).status).toBe(422);
  });
});

const chatId = newId();
const to = (body: object) => recipientOf(validateInput(SendMessageBody, { message: 'Hello', ...body }));
const faultsOf = (body: object): string[] => {
  try {
    to(body);
    return [];
  } catch (error) {
    return (error as ValidationError).errors!.map(({ path }) => path);
  }
};

describe('whom a message is for', () => {
  it('is said by a number or by a chat', () => {
    expect(to({ to: '263771234567' })).toBe('+263771234567');
    expect(to({ chatId })).toEqual({ chatId });
  });

  it.each([
    [{}, ['to']],
    [{ to: '12' }, ['to']],
    [{ to: null, chatId }, ['to']],
    [{ chatId: 'mine' }, ['chatId']],
    [{ chatId: null }, ['chatId']],
    [{ to: '+263771234567', chatId }, ['chatId']],
    [{ channelId: newId(), chatId }, ['chatId']],
  ])('is not said well by %j', (body, paths) => expect(faultsOf(body)).toEqual(paths));

  it('knows three categories', () => {
    for (const each of [undefined, 'utility', 'marketing', 'authentication'])
      expect(faultsOf({ chatId, category: each })).toEqual([]);
    for (const each of ['MARKETING', 'news', null, 1]) expect(faultsOf({ chatId, category: each })).toEqual(['category']);
  });
});
