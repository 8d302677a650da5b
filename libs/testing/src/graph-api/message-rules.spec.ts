import { describe, expect, it } from 'vitest';
import { GraphError } from './graph-error.js';
import { checkMessage, type Known } from './message-rules.js';

const known: Known = {
  mimeType: (id) =>
    ({ jpeg: 'image/jpeg', mp4: 'video/mp4', ogg: 'audio/ogg; codecs=opus', pdf: 'application/pdf', webp: 'image/webp' })[id],
  message: (id) => id === 'wamid.known',
};
const codeOf = (body: object): number | undefined => {
  try {
    checkMessage({ messaging_product: 'whatsapp', to: '263771234567', type: Object.keys(body)[0], ...body }, known);
  } catch (error) {
    if (error instanceof GraphError) return error.code;
    throw error;
  }
  return undefined;
};

const numbered = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
const button = (over: object = {}) => ({ type: 'reply', reply: { id: 'yes', title: 'Yes', ...over } });
const buttons = (over: object = {}, all: object[] = [button()]) => ({
  interactive: { type: 'button', body: { text: 'Choose' }, action: { buttons: all }, ...over },
});
const rows = (count: number, from = 0) => numbered(count, (n) => ({ id: `r${from + n}`, title: 'Row' }));
const sections = (all: object[], over: object = {}) => ({
  interactive: { type: 'list', body: { text: 'Choose' }, action: { button: 'Open', sections: all }, ...over },
});
const row = (over: object) => sections([{ rows: [{ id: 'a', title: 'A', ...over }] }]);
const link = (over: object = {}) => ({
  interactive: {
    type: 'cta_url',
    body: { text: 'Pay' },
    action: { name: 'cta_url', parameters: { display_text: 'Pay', url: 'https://pay.example/1', ...over } },
  },
});
const image = (over: object) => ({ image: { link: 'https://example.com/a.jpg', ...over } });
const contact = (over: object = {}) => ({ name: { formatted_name: 'Rudo' }, phones: [{ phone: '+263771234567' }], ...over });

const LIMITS: [string, number, number, (words: string) => object][] = [
  ['text', 4096, 100, (body) => ({ text: { body } })],
  ['image caption', 1024, 100, (caption) => image({ caption })],
  ['video caption', 1024, 100, (caption) => ({ video: { id: 'mp4', caption } })],
  ['document caption', 1024, 100, (caption) => ({ document: { id: 'pdf', caption } })],
  ['buttons body', 1024, 131009, (text) => buttons({ body: { text } })],
  ['buttons header', 60, 131009, (text) => buttons({ header: { type: 'text', text } })],
  ['buttons footer', 60, 131009, (text) => buttons({ footer: { text } })],
  ['button id', 256, 131009, (id) => buttons({}, [button({ id })])],
  ['button title', 20, 131009, (title) => buttons({}, [button({ title })])],
  ['list body', 1024, 131009, (text) => sections([{ rows: rows(1) }], { body: { text } })],
  ['list header', 60, 131009, (text) => sections([{ rows: rows(1) }], { header: { type: 'text', text } })],
  ['list footer', 60, 131009, (text) => sections([{ rows: rows(1) }], { footer: { text } })],
  ['list button', 20, 131009, (text) => sections([], { action: { button: text, sections: [{ rows: rows(1) }] } })],
  ['section title', 24, 131009, (title) => sections([{ title, rows: rows(1) }])],
  ['row id', 200, 131009, (id) => row({ id })],
  ['row title', 24, 131009, (title) => row({ title })],
  ['row description', 72, 131009, (description) => row({ description })],
  ['link text', 20, 131009, (display_text) => link({ display_text })],
  ['callback data', 512, 100, (biz_opaque_callback_data) => ({ text: { body: 'a' }, biz_opaque_callback_data })],
];

describe('limits', () => {
  it.each(LIMITS)('%s: %i characters pass, one more does not, none do not', (_, limit, code, make) => {
    expect(codeOf(make('🌽'.repeat(limit)))).toBeUndefined();
    expect(codeOf(make('x'.repeat(limit + 1)))).toBe(code);
    expect(codeOf(make(''))).toBe(code);
  });

  it.each<[string, number | undefined, object]>([
    [
      '3 buttons',
      undefined,
      buttons(
        {},
        numbered(3, (n) => button({ id: `b${n}`, title: `B${n}` })),
      ),
    ],
    [
      '4 buttons',
      131009,
      buttons(
        {},
        numbered(4, (n) => button({ id: `b${n}`, title: `B${n}` })),
      ),
    ],
    ['no buttons', 131009, buttons({}, [])],
    ['two buttons of one title', 131009, buttons({}, [button(), button({ id: 'no' })])],
    ['two buttons of one id', 131009, buttons({}, [button(), button({ title: 'No' })])],
    ['a button id with an outer space', 131009, buttons({}, [button({ id: ' yes' })])],
    ['an image above buttons', undefined, buttons({ header: { type: 'image', image: { id: 'jpeg' } } })],
    [
      'a document above buttons',
      undefined,
      buttons({ header: { type: 'document', document: { id: 'pdf', filename: 'a.pdf' } } }),
    ],
    ['a location above buttons', 131009, buttons({ header: { type: 'location', location: {} } })],
    ['10 rows in 2 sections', undefined, sections([5, 5].map((count, at) => ({ title: `S${at}`, rows: rows(count, at * 5) })))],
    ['11 rows in 2 sections', 131009, sections([5, 6].map((count, at) => ({ title: `S${at}`, rows: rows(count, at * 5) })))],
    ['10 sections', undefined, sections(numbered(10, (n) => ({ title: `S${n}`, rows: rows(1, n) })))],
    ['11 sections', 131009, sections(numbered(11, (n) => ({ title: `S${n}`, rows: rows(1, n) })))],
    ['sections without titles', 131009, sections([{ rows: rows(1) }, { rows: rows(1, 1) }])],
    ['two rows of one id', 131009, sections([{ rows: [...rows(1), ...rows(1)] }])],
    ['an image above a list', 131009, sections([{ rows: rows(1) }], { header: { type: 'image', image: { id: 'jpeg' } } })],
    ['a link', undefined, link()],
    ['a link that is none', 131009, link({ url: 'pay.example' })],
    ['5 contacts', undefined, { contacts: numbered(5, () => contact()) }],
    ['6 contacts', 100, { contacts: numbered(6, () => contact()) }],
    ['no contacts', 100, { contacts: [] }],
    ['a contact without a name', 100, { contacts: [contact({ name: {} })] }],
    ['a caption on audio', 100, { audio: { id: 'ogg', caption: 'Listen' } }],
    ['a caption on a sticker', 100, { sticker: { id: 'webp', caption: 'Look' } }],
    ['id and link at once', 100, image({ id: 'jpeg' })],
    ['neither id nor link', 100, { image: {} }],
    ['an unknown file', 100, { image: { id: 'gone' } }],
    ['a file of the wrong kind', 131053, { image: { id: 'pdf' } }],
    ['a location', undefined, { location: { latitude: -17.8, longitude: 31.05, name: 'Harare' } }],
    ['a latitude past the pole', 100, { location: { latitude: 91, longitude: 0 } }],
    ['a reaction', undefined, { reaction: { message_id: 'wamid.known', emoji: '👍🏾' } }],
    ['a reaction taken back', undefined, { reaction: { message_id: 'wamid.known', emoji: '' } }],
    ['a reaction to nothing', 131009, { reaction: { message_id: 'wamid.other', emoji: '👍' } }],
    ['a reaction in words', 131009, { reaction: { message_id: 'wamid.known', emoji: 'ok' } }],
    ['an unknown type', 100, { poll: {} }],
    ['an unknown key', 100, { text: { body: 'a', bold: true } }],
    ['another product', 100, { text: { body: 'a' }, messaging_product: 'messenger' }],
    ['a group', 100, { text: { body: 'a' }, recipient_type: 'group' }],
    ['nobody', 100, { text: { body: 'a' }, to: undefined }],
    ['a number in words', 131009, { text: { body: 'a' }, to: 'Rudo' }],
    ['a user id', undefined, { text: { body: 'a' }, to: undefined, recipient: 'US.abc' }],
    ['a number as user id', 100, { text: { body: 'a' }, to: undefined, recipient: '263771234567' }],
  ])('%s: %s', (_, code, body) => {
    expect(codeOf(body)).toBe(code);
  });
});
