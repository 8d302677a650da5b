import { validateInput, ValidationError } from '@soko/common';
import { describe, expect, it } from 'vitest';
import {
  ButtonsContent,
  contentText,
  ListContent,
  LocationContent,
  MediaContent,
  type MessageContent,
  type NamedFile,
  TextContent,
} from './content.js';

const row = (over: object = {}) => ({ id: 'a', title: 'A', ...over });
const rows = (count: number) => Array.from({ length: count }, (_, index) => row({ id: `r${index}` }));
const MEDIA_ID = '019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071';
const buttons = (over: object = {}) => ({ body: 'Choose', buttons: [{ id: 'yes', title: 'Yes' }], ...over });
const list = (over: object = {}) => ({ body: 'Choose', button: 'Open', sections: [{ rows: rows(1) }], ...over });
const button = (over: object) => buttons({ buttons: [{ id: 'yes', title: 'Yes', ...over }] });
const inRow = (over: object) => list({ sections: [{ rows: [row(over)] }] });
const chars = (count: number) => 'x'.repeat(count);

const faultsOf = (type: new () => object, value: unknown): string[] => {
  try {
    validateInput(type, value);
  } catch (error) {
    if (error instanceof ValidationError) return [...new Set(error.errors!.map((fault) => fault.path))];
    throw error;
  }
  return [];
};

/** Field, its limit, and a content with so many characters there. */
const LIMITS: [string, new () => object, string, number, (text: string) => object][] = [
  ['text', TextContent, 'body', 4096, (body) => ({ body })],
  ['buttons header', ButtonsContent, 'header', 60, (header) => buttons({ header })],
  ['buttons body', ButtonsContent, 'body', 1024, (body) => buttons({ body })],
  ['buttons footer', ButtonsContent, 'footer', 60, (footer) => buttons({ footer })],
  ['button id', ButtonsContent, 'buttons.0.id', 256, (id) => button({ id })],
  ['button title', ButtonsContent, 'buttons.0.title', 20, (title) => button({ title })],
  ['list header', ListContent, 'header', 60, (header) => list({ header })],
  ['list body', ListContent, 'body', 1024, (body) => list({ body })],
  ['list footer', ListContent, 'footer', 60, (footer) => list({ footer })],
  ['list button', ListContent, 'button', 20, (text) => list({ button: text })],
  ['section title', ListContent, 'sections.0.title', 24, (title) => list({ sections: [{ title, rows: rows(1) }] })],
  ['row id', ListContent, 'sections.0.rows.0.id', 200, (id) => inRow({ id })],
  ['row title', ListContent, 'sections.0.rows.0.title', 24, (title) => inRow({ title })],
  ['row description', ListContent, 'sections.0.rows.0.description', 72, (description) => inRow({ description })],
  ['location name', LocationContent, 'name', 1000, (name) => ({ latitude: 0, longitude: 0, name })],
  ['caption', MediaContent, 'caption', 1024, (caption) => ({ mediaId: MEDIA_ID, caption })],
  ['location address', LocationContent, 'address', 1000, (address) => ({ latitude: 0, longitude: 0, address })],
];

describe("WhatsApp's limits", () => {
  it.each(LIMITS)('%s: the limit is allowed, one more is not', (_, type, path, limit, make) => {
    expect(faultsOf(type, make(chars(limit)))).toEqual([]);
    expect(faultsOf(type, make(chars(limit + 1)))).toEqual([path]);
  });

  it.each(LIMITS)('%s counts an emoji as one character', (_, type, path, limit, make) => {
    expect(faultsOf(type, make('🌽'.repeat(limit)))).toEqual([]);
    expect(faultsOf(type, make('🌽'.repeat(limit + 1)))).toEqual([path]);
  });

  const optional = ['description', 'name', 'address'];
  it.each(LIMITS.filter(([, , path]) => !optional.includes(path.split('.').at(-1)!)))(
    '%s is not empty',
    (_, type, path, __, make) => {
      expect(faultsOf(type, make(''))).toEqual([path]);
    },
  );

  it.each(LIMITS)('%s is a string', (_, type, path, __, make) => {
    expect(faultsOf(type, make(5 as unknown as string))).toEqual([path]);
  });

  it.each([
    [0, ['buttons']],
    [1, []],
    [3, []],
    [4, ['buttons']],
  ])('%d buttons', (count, faults) => {
    const all = Array.from({ length: count }, (_, index) => ({ id: `b${index}`, title: `B${index}` }));
    expect(faultsOf(ButtonsContent, buttons({ buttons: all }))).toEqual(faults);
  });

  it.each([
    [0, ['sections.0.rows']],
    [1, []],
    [10, []],
    [11, ['sections.0.rows']],
  ])('%d rows in a section', (count, faults) => {
    expect(faultsOf(ListContent, list({ sections: [{ rows: rows(count) }] }))).toEqual(faults);
  });

  it.each([
    [0, ['sections']],
    [1, []],
    [10, []],
    [11, ['sections']],
  ])('%d sections', (count, faults) => {
    const sections = Array.from({ length: count }, (_, index) => ({ title: `S${index}`, rows: [row({ id: `r${index}` })] }));
    expect(faultsOf(ListContent, list({ sections }))).toEqual(faults);
  });
});

describe('shapes', () => {
  it.each([
    ['no body', TextContent, {}],
    ['previewUrl as a string', TextContent, { body: 'a', previewUrl: 'true' }],
    ['an unknown field', TextContent, { body: 'a', bold: true }],
    ['buttons missing', ButtonsContent, { body: 'a' }],
    ['buttons null', ButtonsContent, buttons({ buttons: null })],
    ['one button instead of a list', ButtonsContent, buttons({ buttons: { id: 'a', title: 'A' } })],
    ['a button that is null', ButtonsContent, buttons({ buttons: [null] })],
    ['a button that is text', ButtonsContent, buttons({ buttons: ['Yes'] })],
    ['a list of buttons in the list', ButtonsContent, buttons({ buttons: [[{ id: 'a', title: 'A' }]] })],
    ['an empty list in the list', ButtonsContent, buttons({ buttons: [[]] })],
    ['a button without an id', ButtonsContent, buttons({ buttons: [{ title: 'A' }] })],
    ['a list without its button', ListContent, { body: 'a', sections: [{ rows: rows(1) }] }],
    ['sections missing', ListContent, { body: 'a', button: 'b' }],
    ['a section without rows', ListContent, list({ sections: [{ title: 'a' }] })],
    ['a list as section', ListContent, list({ sections: [[]] })],
    ['a list as row', ListContent, list({ sections: [{ rows: [[]] }] })],
    ['an unknown field in a row', ListContent, inRow({ image: 'x' })],
    ['a latitude past the pole', LocationContent, { latitude: 90.1, longitude: 0 }],
    ['a longitude past the date line', LocationContent, { latitude: 0, longitude: -180.1 }],
    ['coordinates in words', LocationContent, { latitude: 'north', longitude: 'east' }],
    ['coordinates as strings', LocationContent, { latitude: '-17.8', longitude: '31.05' }],
    ['half a location', LocationContent, { latitude: 1 }],
    ['a caption without a file', MediaContent, { caption: 'Red' }],
    ['a file by its name', MediaContent, { mediaId: 'red.jpg' }],
  ])('refuses %s', (_, type, value) => {
    expect(faultsOf(type, value)).not.toEqual([]);
  });

  it('takes the poles and the date line', () => {
    expect(faultsOf(LocationContent, { latitude: -90, longitude: 180 })).toEqual([]);
  });
});

describe('contentText', () => {
  const texts: [MessageContent, string][] = [
    [{ type: 'text', text: { body: 'Hello' } }, 'Hello'],
    [{ type: 'reply', reply: { id: 'quantity:2', title: '2' } }, '2'],
    [{ type: 'location', location: { latitude: -17.8, longitude: 31, name: 'Market', address: 'Street 1' } }, 'Market'],
    [{ type: 'location', location: { latitude: -17.8, longitude: 31, address: 'Street 1' } }, 'Street 1'],
    [{ type: 'location', location: { latitude: -17.8, longitude: 31 } }, '-17.8, 31'],
    [{ type: 'image', image: { caption: 'My house' } }, 'My house'],
    [{ type: 'image', image: {} }, 'Photo'],
    [{ type: 'buttons', buttons: { header: 'H', body: 'B', footer: 'F', buttons: [{ id: 'a', title: 'A' }] } }, 'H\nB\nF'],
    [{ type: 'buttons', buttons: { body: 'B', buttons: [{ id: 'a', title: 'A' }] } }, 'B'],
    [{ type: 'list', list: { header: 'H', body: 'B', button: 'Open', sections: [] } }, 'H\nB'],
  ];
  it.each(texts)('of %o is what a person would read', (content, text) => {
    expect(contentText(content)).toBe(text);
  });

  const files: [string | undefined, NamedFile | undefined, string][] = [
    ['Fresh today', { kind: 'image', filename: 'IMG_0001.jpg' }, 'Fresh today'],
    [undefined, { kind: 'image', filename: 'IMG_0001.jpg' }, 'Photo'],
    [undefined, { kind: 'audio', filename: 'a.ogg' }, 'Voice message'],
    [undefined, { kind: 'document', filename: 'prices.pdf' }, 'prices.pdf'],
    [undefined, undefined, 'File'],
  ];
  it.each(files)('of a file with the caption %s, where %o is known of it', (caption, file, text) => {
    expect(contentText({ type: 'media', media: { mediaId: MEDIA_ID, caption } }, file)).toBe(text);
  });
});
